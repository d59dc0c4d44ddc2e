"""Who uses what when: each service user has habits, drawn once, and each day differs a little from them.

Made up: nights about from half past ten to seven, two to eight lifts a day, pumps that always run. Days are UTC.
"""

from collections.abc import Iterator
from random import Random

from kitback.simulate.truth import Kind, Span, Spans, common, joined

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

Habits = Iterator[Span]


def use(kind: Kind, rng: Random, windows: Spans) -> Spans:
    """When somebody with habits of their own uses a thing that is needed during `windows`."""
    if not windows:
        return ()
    midnight, end = windows[0].from_s // _DAY * _DAY - _DAY, windows[-1].to_s
    lived = {"bed": _nights, "mattress": _pump, "hoist": _lifts}[kind]
    return common(joined(lived(rng, midnight, end)), windows)


def _nights(rng: Random, midnight: int, end: int) -> Habits:
    """A bed: nights, mostly with a break, and naps; for one in five also most of the day. Now and then a night away."""
    to_bed, risen = rng.gauss(22.5, 0.8), rng.gauss(7.2, 0.8)
    breaks, naps, away = rng.random(), rng.random(), rng.uniform(0, 0.02)
    bedbound = rng.random() < 0.2
    for day in range(midnight, end, _DAY):
        if rng.random() < away:
            continue
        down, up = _about(rng, day, to_bed, 0.5), _about(rng, day, risen + 24, 0.5)
        if rng.random() < breaks and up - down > 3 * _HOUR:
            woken = rng.randint(down + _HOUR, up - _HOUR)
            yield Span(down, woken)
            down = woken + rng.randint(3 * _MINUTE, 12 * _MINUTE)
        yield Span(down, up)
        if bedbound:
            for hour in (9.5, 13.5, 18):
                yield _from(rng, _about(rng, day, hour, 0.3), 2.2, 3.2)
        elif rng.random() < naps:
            yield _from(rng, _about(rng, day, 14, 1), 0.5, 1.6)


def _pump(rng: Random, midnight: int, end: int) -> Habits:
    """A mattress: its pump always runs, but for an hour now and then; one in ten is off by day."""
    by_day = rng.random() < 0.1
    at = midnight
    while at < end:
        if by_day:
            day = at // _DAY * _DAY
            yield Span(at, _about(rng, day, 8, 0.5))
            at = _about(rng, day, 20, 0.5)
            yield Span(at, day + _DAY)
            at = day + _DAY
        else:
            stops = at + _HOUR + int(rng.expovariate(1 / (8 * _DAY)))
            yield Span(at, stops)
            at = stops + rng.randint(10 * _MINUTE, 70 * _MINUTE)


def _lifts(rng: Random, midnight: int, end: int) -> Habits:
    """A hoist: some lifts every day, for one in six people every third day only, of two to six minutes."""
    a_day = rng.randint(2, 8)
    every = 3 if rng.random() < 1 / 6 else 1
    rests = rng.uniform(0, 0.08)
    for number, day in enumerate(range(midnight, end, _DAY)):
        if number % every or rng.random() < rests:
            continue
        for lift in range(a_day):
            yield _from(rng, _about(rng, day, 7.5 + lift * 13.5 / a_day, 0.3), 1 / 30, 1 / 10)


def stray(kind: Kind, rng: Random, every_days: float, windows: Spans) -> Spans:
    """Somebody else's: a cleaner sits on the bed, somebody tries the pump or the hoist."""
    hours = {"bed": (0.1, 0.6), "mattress": (0.3, 3), "hoist": (1 / 30, 1 / 15)}[kind]
    found = []
    for window in windows:
        at = window.from_s + int(rng.expovariate(1 / (every_days * _DAY)))
        while at < window.to_s:
            found.append(_from(rng, at, *hours))
            at += _DAY // 2 + int(rng.expovariate(1 / (every_days * _DAY)))
    return common(joined(found), windows)


def _about(rng: Random, day: int, hour: float, spread: float) -> int:
    """That hour of a day, give or take a spread that is exceeded only twice as far."""
    return day + int((hour + max(-2.0, min(2.0, rng.gauss(0, 1))) * spread) * _HOUR)


def _from(rng: Random, at: int, least: float, most: float) -> Span:
    """Some hours from a moment on."""
    return Span(at, at + int(rng.uniform(least, most) * _HOUR))
