"""Where time comes from.

Everything that needs the time is given a `Clock`, so that a test, a demo or a replay can live in another month.
"""

import time
from typing import Protocol

# A host whose clock says an earlier year has just booted without a network: it must not teach its time to tags.
_PLAUSIBLE_FROM = 1_735_689_600  # 2025-01-01T00:00:00Z


def plausible(unix: int) -> bool:
    """Whether a clock that shows this may have been right."""
    return unix >= _PLAUSIBLE_FROM


class Clock(Protocol):
    """A source of Unix time."""

    def now_us(self) -> int:
        """Unix time in whole microseconds."""
        ...

    def synchronised(self) -> bool:
        """Whether `now_us` may be handed on to tags as true time."""
        ...


def now_s(clock: Clock) -> int:
    """Unix time in whole seconds, rounded down."""
    return clock.now_us() // 1_000_000


class SystemClock:
    """The clock of the machine this runs on."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def synchronised(self) -> bool:
        return plausible(int(time.time()))
