"""Rules of use: equipment on loan that nobody uses, and equipment in use that is not on loan."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final, NamedTuple

from kitback.policy import Period
from kitback.simulate.oracle.case import Case, spans
from kitback.simulate.oracle.expected import Expected, Window
from kitback.simulate.oracle.holds import counts
from kitback.simulate.oracle.london import day, later, midnight_after, stamp
from kitback.simulate.oracle.where import in_stores
from kitback.simulate.truth import PAUSE_S, SENSED_S, Kind, Span, Spans, common, joined, without

_SEEN_S: Final[dict[Kind, int]] = {"mattress": 90, "bed": SENSED_S, "hoist": 30}
"""A use of this length, three looks of its tag, cannot be missed."""

_DAY_S: Final = 86400


class Quiet(NamedTuple):
    """A time without use that is long enough for a flag."""

    rule: str
    since_s: int
    counts_s: int
    """Since when it is long enough."""
    used_s: int
    """When it was used next; the end of the world if it was not."""
    strayed_s: int
    """When the last stray use before steady use ended; `since_s` if there was none."""
    over: Window
    """When it is in steady use again: by the days on which it was used, and by those on which a use began."""


def expected(case: Case) -> Iterator[Expected]:
    """Flags of idle, never_used and in_use_not_on_loan."""
    if case.truth.delivered_s is None:
        return
    uses, surely = _noted(case, 1), surely_noted(case)
    quiets = {quiet[:3]: quiet for quiet in _quiets(case, case.truth.delivered_s, uses)}
    others = quiets if uses == surely else {quiet[:3]: quiet for quiet in _quiets(case, case.truth.delivered_s, surely)}
    for key, quiet in sorted({**others, **quiets}.items(), key=lambda item: item[1].counts_s):
        other = others.get(key, quiet)
        over = Window(min(quiet.over.first_s, other.over.first_s), max(quiet.over.last_s, other.over.last_s))
        yield from _unused(case, quiet._replace(over=over), sure=key in quiets and key in others)
    yield from _not_on_loan(case, uses, surely)


def surely_noted(case: Case) -> Spans:
    """The uses that its tag cannot miss."""
    return _noted(case, _SEEN_S[case.truth.kind])


def _noted(case: Case, at_least_s: int) -> Spans:
    """The uses that its tag can note, of those that last so long; a tag cannot tell whose they are."""
    if case.truth.tag.blind:
        return ()
    used = common(joined((*case.truth.use, *case.truth.stray)), case.truth.tag.awake)
    found: list[Span] = []
    for use in used:
        if use.to_s - use.from_s < at_least_s:
            continue
        if found and use.from_s - found[-1].to_s < PAUSE_S:
            found[-1] = Span(found[-1].from_s, use.to_s)
        else:
            found.append(use)
    return tuple(found)


def _idle(case: Case) -> Period:
    return case.kind.idle_care_home if case.truth.setting == "care_home" else case.kind.idle_home


def _quiets(case: Case, delivered_s: int, uses: Spans) -> Iterator[Quiet]:
    """A flag once raised stands until steady use, so what follows a single stray use is no quiet of its own."""
    rest = common(uses, spans((delivered_s, case.end_s)))
    rule, since_s = "never_used", delivered_s
    while True:
        counts_s = counts(case, since_s, _idle(case))
        used_s = rest[0].from_s if rest else case.end_s
        ended_by = 0
        if counts_s < case.end_s and (counts_s <= used_s or _unaware(case, counts_s, used_s)):
            soonest, steady_from = _steady_use(case, rest, _surely_anew if rule == "idle" else _never_anew)
            latest, steady_at_last = _steady_use(case, rest, _perhaps_anew if rule == "idle" else _never_anew)
            strayed_s = rest[steady_at_last - 1].to_s if steady_at_last else since_s
            over = Window(min(soonest.first_s, latest.first_s), latest.last_s)
            yield Quiet(rule, since_s, counts_s, used_s, strayed_s, over)
            if counts_s <= used_s:
                ended_by = steady_from
        if ended_by >= len(rest):
            return
        rule, since_s, rest = "idle", rest[ended_by].to_s, rest[ended_by + 1 :]


def _unaware(case: Case, at_s: int, used_s: int) -> bool:
    """Whether somebody who trusts its tag's last report may not know at a moment of a use that began before."""
    return _unsuspended(case, at_s) == at_s < case.hearing.latest(used_s + SENSED_S)


BeginsAnew = Callable[[Case, Span, Span], bool]
"""Whether between two uses equipment that is idle was unused for as long again, so that the flag begins with the first
of them, and the days of use are counted from there."""


def _never_anew(_case: Case, _before: Span, _after: Span) -> bool:
    return False


def _perhaps_anew(case: Case, before: Span, after: Span) -> bool:
    """Unused for long enough, as far as a tag can tell."""
    sensed_s = after.from_s + SENSED_S + case.hearing.error(before.to_s)
    return later(before.to_s, _idle(case)) <= sensed_s


def _surely_anew(case: Case, before: Span, after: Span) -> bool:
    """And judged to be so before anybody could know of the use that came then."""
    counts_s = _all_observed_s(case, before.to_s, counts(case, before.to_s, _idle(case)))
    known_s = case.hearing.latest(counts_s + PAUSE_S + SENSED_S + case.hearing.error(before.to_s))
    return case.judged(known_s) < case.hearing.soonest(after.from_s)


def _steady_use(case: Case, uses: Spans, begins_anew: BeginsAnew = _never_anew) -> tuple[Window, int]:
    """When uses make up steady use, and which of them does; the end of the world and one past the last if none does.

    The last moment is when they began on so many days and ended on so many, or one went on for as many: a single use
    across midnight is one stray use. At the first moment they have only touched so many days.
    """
    needed = case.policy.watch.steady_use_days
    touched: set[date] = set()
    began: set[date] = set()
    ended: set[date] = set()
    first_s = case.end_s
    for index, use in enumerate(uses):
        if index and begins_anew(case, uses[index - 1], use):
            touched, began, ended = set(), set(), set()
        at_s = use.from_s
        while at_s < use.to_s:
            touched.add(day(at_s))
            if len(touched) == needed:
                first_s = min(first_s, at_s)
            at_s = midnight_after(at_s)
        known_s = midnight_after(use.from_s) if day(use.from_s) in ended else use.from_s
        began.add(day(use.from_s))
        ended.add(day(use.to_s))
        if len(began) >= needed <= len(ended):
            return Window(first_s, known_s), index
        if use.to_s - use.from_s >= needed * _DAY_S:
            return Window(first_s, use.from_s + needed * _DAY_S), index
    return Window(first_s, case.end_s), len(uses)


def _unused(case: Case, quiet: Quiet, sure: bool) -> Iterator[Expected]:
    hearing, truth = case.hearing, case.truth
    error_s = hearing.error(quiet.since_s)
    known_s = hearing.latest(_all_observed_s(case, quiet.since_s, quiet.counts_s) + SENSED_S + error_s)
    over = Window(quiet.over.first_s, hearing.latest(quiet.over.last_s + SENSED_S))
    raised_s = _unsuspended(case, quiet.counts_s - error_s)
    if raised_s > max(quiet.counts_s, quiet.used_s):
        return  # it comes to light together with the use that ended it
    may = spans((raised_s, over.last_s))
    must = spans((known_s, over.first_s)) if sure and known_s < quiet.used_s else ()
    may_be_in_stores, is_in_stores = in_stores(case)
    before_s = SENSED_S + error_s
    if any(quiet.since_s == awake.to_s for awake in truth.tag.awake):
        before_s += hearing.regularly_s  # a use that its tag did not see the end of ends with the tag's last report
    used = "not used" if quiet.used_s == case.end_s else f"used again {stamp(quiet.used_s)}"
    yield from case.flags(
        quiet.rule,
        Window(quiet.since_s - before_s, quiet.strayed_s + PAUSE_S + SENSED_S + hearing.error(quiet.strayed_s)),
        common(without(may, is_in_stores), case.may_be_on_loan),
        common(without(must, may_be_in_stores), case.on_loan),
        f"{truth.cause}: unused since {stamp(quiet.since_s)}, long enough at {stamp(quiet.counts_s)}, {used}",
        "used again, moved or back before its tag must have told, or unseen for a time, its tag without power",
    )


def _all_observed_s(case: Case, since_s: int, counts_s: int) -> int:
    """When its tag has seen it unused for long enough without a gap: without power it sees nothing."""
    at_s = counts_s
    for gap in without(spans((since_s, case.end_s)), case.truth.tag.awake):
        if gap.from_s < at_s:
            at_s = max(at_s, counts(case, gap.to_s, _idle(case)))
    return at_s


def _unsuspended(case: Case, at_s: int) -> int:
    """The first moment from then on at which its tag was heard lately enough for its silence to mean nothing."""
    heard = case.hearing.last_heard(at_s)
    if heard and at_s < later(heard[1], case.kind.silent_after):
        return case.somebody_there(at_s)
    return case.hearing.soonest(at_s)


def _not_on_loan(case: Case, uses: Spans, surely: Spans) -> Iterator[Expected]:
    """From steady use after it was booked back; the use that goes on while it is need not count."""
    back = case.told("returned")
    if not back:
        return
    told_s, said_s = back[0].at_s, back[0].said_s
    possible = common(uses, spans((said_s, case.end_s)))
    if not possible:
        return
    steady_s = _steady_use(case, possible)[0].first_s
    if steady_s >= case.end_s:
        return
    begun = tuple(use for use in surely if use.from_s >= told_s)
    steadied = _steady_use(case, begun)[1]
    must: Spans = ()
    if steadied < len(begun):
        known_s = case.hearing.latest(begun[steadied].to_s + PAUSE_S + SENSED_S)
        must = spans((known_s, max(known_s + 1, possible[-1].to_s)))
    first = begun[0] if begun else possible[-1]
    first_day_s = max(use.to_s for use in (*possible, first) if day(use.from_s) <= day(first.to_s))
    error_s = case.hearing.error(first_day_s) + SENSED_S
    started_s = next(use.from_s for use in uses if use.to_s > said_s)
    yield from case.flags(
        "in_use_not_on_loan",
        Window(started_s - error_s, first_day_s + PAUSE_S + error_s),
        spans((case.hearing.soonest(max(steady_s, told_s)), case.end_s)),
        must,
        f"{case.truth.cause}: booked back {stamp(told_s)}, used again {stamp(possible[0].from_s)}",
        "in use while it was booked back, and hardly afterwards",
    )
