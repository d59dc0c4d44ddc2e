"""Rules of power: the tag's battery, and a mattress without mains."""

from collections.abc import Iterator
from typing import Final

from kitback.simulate.oracle.case import Case, spans
from kitback.simulate.oracle.expected import Expected, Window
from kitback.simulate.oracle.london import stamp
from kitback.simulate.truth import BATTERY_MV, RECORD_S, SENSED_S, Level, Span, Spans, common, joined

_WELL_ABOVE_MV: Final = 100
"""A battery that was low is not low any more when it reads so much above its mark (docs/rules.md)."""


def expected(case: Case) -> Iterator[Expected]:
    """Flags of battery_low and unpowered."""
    yield from _battery_low(case)
    yield from _unpowered(case)


def _battery_low(case: Case) -> Iterator[Expected]:
    """Of a tag on loan; what it last said of its battery holds until it says that it is well above the mark."""
    hearing, low_mv = case.hearing, case.kind.low_battery_mv
    surely, perhaps = _below(case, low_mv - BATTERY_MV), _below(case, low_mv + BATTERY_MV)
    for not_well in _below(case, low_mv + _WELL_ABOVE_MV + BATTERY_MV):
        lows = [low for low in common(perhaps, (not_well,)) if hearing.soonest(low.from_s) < min(low.to_s, case.end_s)]
        if not lows:
            continue
        told_s = hearing.soonest(lows[0].from_s)
        sure = common(surely, (Span(lows[0].from_s, not_well.to_s),))
        since_s = sure[0].from_s if sure else lows[-1].to_s
        known_s = hearing.latest(since_s)
        yield from case.flags(
            "battery_low",
            Window(lows[0].from_s - RECORD_S, known_s),
            spans((told_s, hearing.latest(not_well.to_s) if not_well.to_s < case.end_s else case.end_s)),
            common(spans((known_s, sure[-1].to_s)), case.on_loan) if sure else (),
            f"{case.truth.cause}: below {low_mv} mV about {stamp(since_s)}",
            "about as low as that, or not told, or not on loan",
        )


def _below(case: Case, mv: int) -> Spans:
    levels = case.truth.tag.battery
    ends = [*levels[1:], Level(max(case.end_s, levels[-1].at_s + 1), levels[-1].mv)]
    return joined(span for a, b in zip(levels, ends, strict=True) for span in _below_between(a, b, mv))


def _below_between(a: Level, b: Level, mv: int) -> Spans:
    if a.mv >= mv and b.mv >= mv:
        return ()
    if a.mv < mv and b.mv < mv:
        return spans((a.at_s, b.at_s))
    crossed_s = a.at_s + (b.at_s - a.at_s) * (a.mv - mv) // (a.mv - b.mv)
    return spans((a.at_s, crossed_s)) if a.mv < mv else spans((crossed_s, b.at_s))


def _unpowered(case: Case) -> Iterator[Expected]:
    """An alarm, told at once while its tag is awake; one that is over when it is told needs no flag."""
    hearing = case.hearing
    for alarm in common(case.truth.unpowered, case.truth.tag.awake):
        error_s = hearing.error(alarm.from_s)
        yield from case.flags(
            "unpowered",
            Window(alarm.from_s - error_s, alarm.from_s + SENSED_S + error_s),
            common(spans((hearing.soonest(alarm.from_s), _told_over(case, alarm.to_s))), case.may_be_on_loan),
            common(
                spans((hearing.latest(alarm.from_s + SENSED_S, at_once=True), alarm.to_s)),
                case.on_loan,
            ),
            f"{case.truth.cause}: no mains while in use {stamp(alarm.from_s)} to {stamp(alarm.to_s)}",
            "over before its tag must have told",
        )


def _told_over(case: Case, at_s: int) -> int:
    return case.hearing.latest(at_s + SENSED_S, at_once=True)
