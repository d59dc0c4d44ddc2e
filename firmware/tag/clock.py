"""The tag's clock: seconds since power came, counted through deep sleep, light sleep and every reset.

The counter is the RTC plus an offset, so that setting the RTC need not move it. Power loss ends a clock; a new one has
the next number of a counter in NVS. What the seconds mean in the world is for the gateway to find, from pairs.
"""

import time

from tag import nvs
from tag.retained import state


def now() -> int:
    """The counter."""
    return time.time() + state.offset


def begin() -> None:
    """Start a new clock at counter 0."""
    state.clock = nvs.count("power_ons")
    state.offset = -time.time()


def ran_backwards() -> bool:
    """Whether the counter is behind what was already seen, so that this clock cannot be trusted any more."""
    return now() < state.seen


def pair(sent: int, unix: int) -> None:
    """Note a round trip that began at counter `sent`, has just ended, and told the Unix time."""
    state.pair_sent = sent
    state.pair_acked = now()
    state.pair_unix = unix
