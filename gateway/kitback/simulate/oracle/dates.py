"""Rules of the calendar: what is due when, from the policy and from what staff told."""

from collections.abc import Iterator
from typing import NamedTuple

from kitback.policy import Period
from kitback.simulate.oracle.case import Case, spans
from kitback.simulate.oracle.expected import Expected, Window
from kitback.simulate.oracle.london import later, midnight_after, stamp
from kitback.simulate.oracle.use import surely_noted
from kitback.simulate.oracle.where import NOTES, in_stores, listens
from kitback.simulate.truth import PAUSE_S, SENSED_S, Spans, Step, common, joined, without


def expected(case: Case) -> Iterator[Expected]:
    """Flags of not_delivered, overdue, due_soon, review_due, service_due, thorough_exam_due and recall."""
    yield from _not_delivered(case)
    if case.truth.delivered_s is not None:
        due_back = list(_due_back(case, case.truth.delivered_s))
        for due in due_back:
            yield from _of_due(case, due)
        overdue = joined(over for due in due_back for over in due.over)
        yield from _review(case, case.truth.delivered_s, overdue)
    kind, watch, truth = case.kind, case.policy.watch, case.truth
    yield from _upkeep(case, "service_due", truth.serviced_s, "serviced", kind.service_every, watch.service_warning)
    yield from _upkeep(case, "thorough_exam_due", truth.examined_s, "examined", kind.examine_every, watch.exam_warning)
    yield from _recall(case)


def _not_delivered(case: Case) -> Iterator[Expected]:
    """Until staff tell of the delivery, or its tag does."""
    truth, hearing = case.truth, case.hearing
    speed = case.policy.delivery_speed[truth.speed or case.pathway.delivery_speed]
    deliver_by_s = later(truth.prescribed_s, speed.within)
    risk_s = max(later(deliver_by_s, speed.warn_before, -1), truth.prescribed_s)
    told_s = min(case.returned_s, case.end_s if case.known_delivered_s is None else case.known_delivered_s)
    heard_s, surely_heard_s, there = case.end_s, case.end_s, "not delivered"
    if truth.delivered_s is not None:
        heard_s = hearing.soonest(truth.delivered_s)
        surely_heard_s = hearing.latest(_noted_there_s(case, truth.delivered_s))
        there = f"delivered {stamp(truth.delivered_s)}"
    yield from case.flags(
        "not_delivered",
        Window(risk_s, deliver_by_s),
        spans((risk_s, min(told_s, surely_heard_s))),
        spans((_knowable_s(case, risk_s), min(told_s, heard_s))),
        f"to be delivered by {stamp(deliver_by_s)}, {there}, told {stamp(told_s)}",
        "delivered by then, which its tag was just telling",
    )


def _noted_there_s(case: Case, delivered_s: int) -> int:
    """By when its tag has surely noted that it is there, two notes running; at a place that nobody surveyed, that it
    was in stores before, and use.

    The end of the world, if that never came.
    """
    stay = next(stay for stay in case.truth.stays if stay.to_s > delivered_s)
    heard = listens(case, stay)
    if case.world.places[stay.place_id].surveyed:
        return heard[NOTES - 1]
    if listens(case, case.truth.stays[0])[0] >= delivered_s:
        return case.end_s
    used = (use.to_s + PAUSE_S + SENSED_S for use in surely_noted(case) if use.to_s > heard[1])
    return max(heard[NOTES - 1], next(used, case.end_s))


def _knowable_s(case: Case, at_s: int) -> int:
    """A delivery need not be called late before its tag could have told of it, had it been heard after an outage."""
    for away in case.world.away:
        if at_s < away.to_s and away.from_s < case.judged(at_s):
            at_s = later(away.to_s, case.kind.silent_after)
    return at_s


class _Due(NamedTuple):
    """A date on which it is due back, for as long as it is the one agreed on."""

    due_s: int
    soon_s: int
    soon: Spans
    over: Spans
    """While that date is past."""


def _due_back(case: Case, delivered_s: int) -> Iterator[_Due]:
    """Each date agreed on takes the place of the one before from when it was told."""
    period = case.pathway.loan_period
    dates = [(case.world.from_s, later(delivered_s, period) if period else None)]
    dates += [(told.at_s, told.said_s) for told in case.told("due_agreed")]
    for (from_s, due_s), to_s in zip(dates, [at for at, _ in dates[1:]] + [case.end_s], strict=True):
        if due_s is None:
            continue
        soon_s = max(later(due_s, case.policy.watch.due_soon, -1), (delivered_s + due_s) // 2)
        soon = spans((max(soon_s, from_s), min(due_s, to_s)))
        yield _Due(due_s, soon_s, soon, spans((max(due_s, from_s), to_s)))


def _of_due(case: Case, due: _Due) -> Iterator[Expected]:
    true = f"due back {stamp(due.due_s)}"
    yield from _told_of(case, "due_soon", due.soon_s, due.soon, true)
    yield from _told_of(case, "overdue", due.due_s, due.over, true)


def _review(case: Case, delivered_s: int, overdue: Spans) -> Iterator[Expected]:
    """A review held long before the first one was due leaves that one standing; what is overdue asks for it anyway."""
    first_s = later(delivered_s, case.pathway.review)
    counts_from_s = later(first_s, case.policy.watch.due_soon, -1)
    reviews = [told for told in case.told("reviewed") if told.said_s >= counts_from_s]
    again = case.pathway.review_again
    dates = [(case.world.from_s, first_s), *((told.at_s, later(told.said_s, again)) for told in reviews if again)]
    ends = [told.at_s for told in reviews] + [case.end_s]
    for (from_s, review_s), to_s in zip(dates, ends, strict=False):
        due = without(spans((max(review_s, from_s), to_s)), overdue)
        yield from _told_of(case, "review_due", review_s, due, f"review due {stamp(review_s)}")


def _told_of(case: Case, rule: str, since_s: int, due: Spans, true: str) -> Iterator[Expected]:
    """Of what is back in stores, nothing but that is said."""
    may_be_in_stores, is_in_stores = in_stores(case)
    yield from case.flags(
        rule,
        Window(since_s - SENSED_S, since_s + SENSED_S + _dated_late_s(case, since_s)),
        common(without(due, is_in_stores), case.may_be_on_loan),
        common(without(due, may_be_in_stores), case.on_loan),
        true,
        "while staff had not told of the delivery, or it was on its way into the stores",
    )


def _dated_late_s(case: Case, at_s: int) -> int:
    """How much later than it was its tag may have dated the delivery, if staff had not told of it at a moment.

    It is dated from the first of the notes that agree; at a place that nobody surveyed, from the end of a day's use.
    """
    delivered_s, told_s = case.truth.delivered_s, case.known_delivered_s
    if delivered_s is None or (told_s is not None and told_s <= at_s):
        return 0
    stay = next(stay for stay in case.truth.stays if stay.to_s > delivered_s)
    heard_s = listens(case, stay)[1]
    if case.world.places[stay.place_id].surveyed:
        return heard_s - delivered_s
    used_s = next((use.to_s for use in surely_noted(case) if use.to_s > heard_s), delivered_s)
    return midnight_after(used_s) - delivered_s


def _upkeep(
    case: Case, rule: str, before_s: int | None, step: Step, every: Period | None, warning: Period
) -> Iterator[Expected]:
    """Of the asset, on loan or not; nothing is due of one whose latest time nobody knows."""
    if every is None:
        return
    done = [(case.world.from_s, before_s)] if before_s is not None else []
    steps = case.told(step)
    done += [(told.at_s, told.said_s) for told in steps]
    ends = [told.at_s for told in (steps if before_s is not None else steps[1:])] + [case.end_s]
    known_s = max(case.truth.prescribed_s, case.truth.tag.fitted_s)
    for (from_s, done_s), to_s in zip(done, ends, strict=False):
        due_s = later(done_s, every)
        warn_s = later(due_s, warning, -1)
        yield from case.flags(
            rule,
            Window(warn_s, due_s),
            spans((max(warn_s, from_s), to_s)),
            spans((max(warn_s, from_s, known_s), to_s)),
            f"due {stamp(due_s)}, on the worklist from {stamp(warn_s)}",
            "before the register knew of the asset",
        )


def _recall(case: Case) -> Iterator[Expected]:
    ends = [told.at_s for told in case.told("recall_ended")] + [case.end_s]
    for told in case.told("recalled"):
        called_back = spans((told.at_s, next(end for end in ends if end >= told.at_s)))
        true = f"called back {stamp(told.at_s)}"
        yield from case.flags("recall", Window(told.said_s, told.at_s), called_back, called_back, true)
