"""Rules of whereabouts: what a tag on loan hears of places, two notes running."""

from collections.abc import Iterator
from typing import Final

from kitback.simulate.oracle.case import Case, spans
from kitback.simulate.oracle.expected import Expected, Window
from kitback.simulate.oracle.holds import held
from kitback.simulate.oracle.london import stamp
from kitback.simulate.truth import TICK_S, Spans, Stay, common, joined, without

_FIRST_S: Final = 3600 + TICK_S
"""A tag has listened this long after it was driven somewhere, or started."""

_AGAIN_S: Final = int(24 * 3600 * 1.012) + TICK_S
"""And listens again this long after it noted something."""

NOTES: Final = 3
"""Two notes running are believed; one may have missed every radio."""


def expected(case: Case) -> Iterator[Expected]:
    """Flags of seen_in_stores and off_site."""
    for stay in _elsewhere(case):
        may, must = _believed(case, stay)
        rule = "off_site"
        if _is_store(case, stay):
            rule = "seen_in_stores"
        else:
            may, must = _opened(may, held(case)), _opened(must, held(case))
        began_s = _may_begin(case, stay)
        error_s = case.hearing.error(began_s)
        yield from case.flags(
            rule,
            Window(began_s - error_s, listens(case, stay)[1] + error_s),
            common(may, case.may_be_on_loan),
            common(must, case.on_loan),
            f"at {stay.place_id} {stamp(stay.from_s)} to {stamp(stay.to_s)}, lent to {case.truth.place_id}",
            "not there, or not on loan, for long enough to be sure that its tag noted it twice",
        )


def in_stores(case: Case) -> tuple[Spans, Spans]:
    """When the register may, and when it must, believe that a delivered asset is in stores."""
    believed = [_believed(case, stay) for stay in _elsewhere(case) if _is_store(case, stay)]
    return (
        joined(span for may, _ in believed for span in may),
        joined(span for _, must in believed for span in must),
    )


def _elsewhere(case: Case) -> Iterator[Stay]:
    """Stays since the delivery at a place of which the register can tell that it is not where the asset was lent to."""
    truth, places = case.truth, case.world.places
    for stay in truth.stays:
        if truth.delivered_s is None or stay.from_s < truth.delivered_s or stay.place_id in {"", truth.place_id}:
            continue
        if places[stay.place_id].surveyed or places[truth.place_id].surveyed:
            yield stay


def _may_begin(case: Case, stay: Stay) -> int:
    """Since when it can be believed where it is: an unknown place need not differ from what it heard on its way."""
    if _surveyed(case, stay):
        return stay.from_s
    return max(before.to_s for before in case.truth.stays if before.place_id and before.to_s <= stay.from_s)


def _is_store(case: Case, stay: Stay) -> bool:
    place = case.world.places[stay.place_id]
    return place.type == "store" and place.surveyed


def _believed(case: Case, stay: Stay) -> tuple[Spans, Spans]:
    """When the register may, and when it must, believe that it is there."""
    after = next((later for later in case.truth.stays if later.from_s >= stay.to_s and later.place_id), None)
    left_s = case.end_s if after is None else case.hearing.latest(listens(case, after)[NOTES - 1])
    may = spans((case.hearing.soonest(_may_begin(case, stay)), left_s))
    if not common(case.truth.tag.awake, spans((stay.from_s, stay.to_s))):
        may = ()
    surely_s = listens(case, stay)[NOTES - 1]
    must = spans((case.hearing.latest(surely_s), stay.to_s)) if surely_s < stay.to_s else ()
    return may, must if _surveyed(case, stay) or _was_heard_at_home(case) else ()


def _surveyed(case: Case, stay: Stay) -> bool:
    return case.world.places[stay.place_id].surveyed


def _was_heard_at_home(case: Case) -> bool:
    """Whether its tag has surely noted that it was where it was lent to: an unknown place is another one than that."""
    return any(
        listens(case, stay)[NOTES - 1] < stay.to_s for stay in case.truth.stays if stay.place_id == case.truth.place_id
    )


def listens(case: Case, stay: Stay) -> list[int]:
    """By when its tag has listened there once, twice and so on; the end of the world where it has not."""
    found: list[int] = []
    for awake in common(case.truth.tag.awake, spans((stay.from_s, stay.to_s))):
        found += range(awake.from_s + _FIRST_S, awake.to_s, _AGAIN_S)
    return [*found[:NOTES], *[case.end_s] * (NOTES - len(found))]


def _opened(there: Spans, hold: Spans) -> Spans:
    """What is left of spans whose beginning is put off by a hold; a flag that stands stays through one."""
    return tuple(
        left for span in there for left in without((span,), tuple(each for each in hold if each.from_s <= span.from_s))
    )
