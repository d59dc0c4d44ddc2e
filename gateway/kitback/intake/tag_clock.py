"""Where a tag's records lie in time, when all it has is a counter that drifts. Pure; whole seconds, integers only.

A clock is one run of the counter. A pair fixes it to Unix time at one moment: between two pairs a record is placed by
interpolation, beyond them by the last known rate. A clock that never got a pair lies in the window that its neighbours
leave. Rates are in parts per billion: Unix seconds per counter second, less one.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from kitback.register.tag_states import Point

Quality = Literal["paired", "extrapolated", "estimated"]

_DAY: Final = 86_400
_BILLION: Final = 1_000_000_000
_ALWAYS: Final = 2**63
_COUNTER: Final = attrgetter("counter")

SPACING: Final = _DAY
"""Pairs nearer than this to the one before are replaced by the next: interpolation gains nothing from them."""
KEPT: Final = 8
"""Pairs kept on a clock of which nothing is outstanding; enough for a rate over a week."""
RATE_BASE: Final = 3_600
"""Counter seconds two pairs must be apart to tell a rate: each is only good to a second."""
BEGAN_AGAIN: Final = 60
"""A pair so many seconds later at no later counter is another clock's; one that only came late is earlier in both."""
WORST_DRIFT_PCT: Final = 10
"""A clock that seems to drift by more has a wrong pair."""


class Time(Struct, frozen=True, gc=False):
    """A placed moment and how well it is known."""

    unix: int
    quality: Quality


def add(points: Sequence[Point], new: Point) -> tuple[Point, ...]:
    """The pairs of a clock, in order, with one more; repeats and pairs that came late change nothing.

    A later time at an earlier counter is another clock of the same number: an erased tag counts from 1 again.

    The newest pair is believed: earlier ones that no oscillator could reconcile with it are dropped, because a gateway
    whose clock was wrong is put right, not the reverse.
    """
    if not points:
        return (new,)
    last = points[-1]
    if new.counter <= last.counter:
        return (new,) if began_again(last, new) else tuple(points)
    ran, passed = new.counter - last.counter, new.unix - last.unix
    if abs(passed - ran) > ran * WORST_DRIFT_PCT // 100 + 5:
        return (new,)
    crowded = len(points) > 1 and last.counter - points[-2].counter < SPACING
    return (*(points[:-1] if crowded else points), new)


def began_again(last: Point, new: Point) -> bool:
    """Whether a pair is another clock's of the same number as one that was known."""
    return new.counter <= last.counter and new.unix > last.unix + BEGAN_AGAIN


def rate(points: Sequence[Point]) -> int | None:
    """The rate that a clock's pairs tell, or None when they lie too close together."""
    if not points or points[-1].counter - points[0].counter < RATE_BASE:
        return None
    ran, passed = points[-1].counter - points[0].counter, points[-1].unix - points[0].unix
    return (passed - ran) * _BILLION // ran


def place(counters: Iterable[int], points: Sequence[Point], rate_ppb: int, not_after: int) -> list[Time]:
    """Place moments on a clock that has pairs.

    Args:
        points: the clock's pairs in order; at least one.
        rate_ppb: the rate to use outside them when they tell none.
        not_after: when their report arrived.
    """
    times = []
    after = to = 0
    for counter in counters:
        if not after < counter <= to:  # mostly the moments of a report lie on one stretch
            after, to, known, passed, ran, quality = _stretch(counter, points, rate_ppb)
            known_at, known_unix, half = known.counter, known.unix, ran // 2
        unix = known_unix + ((counter - known_at) * passed + half) // ran
        times.append(Time(unix if unix < not_after else not_after, quality))
    return times


def _stretch(counter: int, points: Sequence[Point], rate_ppb: int) -> tuple[int, int, Point, int, int, Quality]:
    """The stretch of a clock that a counter lies on, which is placed by one rule.

    Returns:
        Beyond which counter it begins and at which it ends, a pair on it, in how many counter seconds so many Unix
        seconds pass, and how well that is known.
    """
    later = bisect_left(points, counter, key=_COUNTER)
    if later < len(points) and points[later].counter == counter:
        return counter - 1, counter, points[later], 1, 1, "paired"
    if 0 < later < len(points):
        before, after = points[later - 1], points[later]
        return before.counter, after.counter, before, after.unix - before.unix, after.counter - before.counter, "paired"
    told = rate(points)
    passed = _BILLION + (rate_ppb if told is None else told)
    if later:
        return points[-1].counter, _ALWAYS, points[-1], passed, _BILLION, "extrapolated"
    return -1, points[0].counter - 1, points[0], passed, _BILLION, "extrapolated"


class Window(NamedTuple):
    """What the neighbours leave for a clock without pairs."""

    opens: int | None
    """The latest second known on an earlier clock; None when there is none."""
    closes: int
    """The first second of the next clock that has a pair."""


def estimate(counter: int, length: int, window: Window) -> Time:
    """Place a moment on a clock without pairs that ran to `length`: amid its window, or at the end of an open one."""
    if window.opens is None:
        return Time(window.closes - length + counter, "estimated")
    room = max(window.closes - window.opens, 0)
    if room < length:
        return Time(window.opens + counter * room // length, "estimated")
    return Time(window.opens + (room - length) // 2 + counter, "estimated")
