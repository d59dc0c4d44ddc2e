"""The tag's clock: seconds since power came, counted through deep sleep, light sleep and every reset.

The counter is the RTC plus an offset, so that setting the RTC need not move it. Power loss ends a clock; a new one has
the next number of a counter in NVS. What the seconds mean in the world is for the gateway to find, from pairs.
"""

import time

import machine
from micropython import const

from tag import nvs, retained
from tag.retained import state

_UNIX_AT_0 = 946_684_800 if time.gmtime(0)[0] == 2000 else 0  # boards count from 2000, by default
_DAY_S = const(86_400)
_STRIDE_S = const(30 * 86_400)
_STRIDES = const(13)
_DOUBT = const(8)  # failed reports


def now() -> int:
    """The counter."""
    return time.time() + state.offset


def begin() -> int:
    """Start a new clock at counter 0. The number of clocks, with this one, since the gateway last answered."""
    state.clock = nvs.count("power_ons")
    state.offset = -time.time()
    return nvs.count("unheard")


def unheard() -> int:
    """What `begin` said, unless the gateway has answered since."""
    return nvs.number("unheard")


def ran_backwards() -> bool:
    """Whether the counter is behind what was already seen, so that this clock cannot be trusted any more."""
    return now() < state.seen


def pair(sent: int, unix: int) -> None:
    """Note a round trip that began at counter `sent`, has just ended, and told the Unix time; 0 if it told none."""
    if unheard():
        nvs.erase("unheard")
    if not unix:
        return
    state.pair_sent = sent
    state.pair_acked = now()
    state.pair_unix = unix
    if unix // _DAY_S != nvs.number("newest_day"):  # not the second: NVS is flash
        nvs.keep("newest_day", unix // _DAY_S)


def unix() -> int:
    """The Unix time; 0 when no round trip has told it on this clock."""
    return state.pair_unix + now() - state.pair_acked if state.pair_unix else 0


def set_rtc(provisioned: int) -> None:
    """Set the RTC to the world's time, as well as it is known: certificates are valid from one date to another.

    Without a round trip since power came, that is the newest time ever seen, or that of provisioning. The broker's
    certificate may be newer, so every report that fails puts the guess a month later; after a year it starts over, in
    turn from provisioning and from the newest time. What was told is not trusted either while reports keep failing: the
    gateway's clock may have been wrong for a while.
    """
    known = unix() if state.failures < _DOUBT else 0
    if not known:
        newest = nvs.number("newest_day") * _DAY_S
        other = provisioned and state.failures // _STRIDES % 2
        known = (provisioned if other else max(provisioned, newest)) + state.failures % _STRIDES * _STRIDE_S
    seconds = known - _UNIX_AT_0
    if abs(seconds - time.time()) < _DAY_S:
        return
    rtc = machine.RTC()
    counter = now()
    year, month, day, hour, minute, second, weekday, _ = time.gmtime(seconds)[:8]
    rtc.datetime((year, month, day, weekday, hour, minute, second, rtc.datetime()[7]))
    state.offset = counter - seconds
    retained.save()  # a reset between the two would make the counter jump by years
