"""Looks after the outbox: forgets what its time has come for, warns before it is full, tells how the gateway does."""

import logging
from typing import Final

import sqlalchemy as sa

from kitback.clock import Clock, now_s
from kitback.register import Register, counters, listening, outbox
from kitback.register.lines import gateway_line
from kitback.register.outbox import Room

KEEP_S: Final = 90 * 86_400
"""How long the outbox keeps lines, for an InfluxDB that is away or comes later."""
WARN_PCT: Final = 50
"""How much of the room may wait for InfluxDB before it is said aloud: as much time again is left to mend it."""
_ALARM_PCT: Final = 80
_EVERY_S: Final = 60.0
_BETWEEN_SLICES_S: Final = 0.05
"""SQLite lets one write at a time, and in no fair order."""

log = logging.getLogger(__name__)


class Upkeep:
    """The outbox's housekeeper; one thread's business."""

    def __init__(self, register: Register, clock: Clock) -> None:
        self._register = register
        self._clock = clock
        self._forgotten = 0
        self._said_pct = 0

    def run_once(self) -> float:
        """Do a little of what is due; returns after how many seconds there is more to do.

        Raises:
            RegisterError: the register failed.
        """
        now = now_s(self._clock)
        with self._register.write() as conn:
            forgotten = outbox.purge(conn, now - KEEP_S)
            if _is_due(listening.house_kept(conn), now):
                outbox.append(conn, [gateway_line(_standing(conn), now)], now)
                listening.kept_house(conn, now)
            room = outbox.room(conn)
        self._warn(room)
        self._forgotten += forgotten
        if forgotten:
            return _BETWEEN_SLICES_S
        if self._forgotten:
            log.info("forgot %d history lines whose time was up or room was needed", self._forgotten)
            self._forgotten = 0
        return _EVERY_S

    def _warn(self, room: Room) -> None:
        """Say how full it is when that has become a tenth worse, when the intake stops, and when it is well again."""
        full_pct = room.full_pct
        if full_pct < WARN_PCT:
            if self._said_pct:
                log.info("history that waits for InfluxDB fills %d %% of its room: well again", full_pct)
            self._said_pct = 0
        elif full_pct >= self._said_pct + 10 or full_pct >= 100 > self._said_pct:
            log.log(
                logging.ERROR if full_pct >= _ALARM_PCT else logging.WARNING,
                "history that waits for InfluxDB fills %d %% of its room; at 100 %% the intake stops. "
                "`kitback history status` says what is wrong",
                full_pct,
            )
            self._said_pct = full_pct
        else:
            self._said_pct = min(self._said_pct, full_pct)  # so that what rises again is said again


def _is_due(before: int | None, now: int) -> bool:
    """Whether a minute has passed; several gateways on one register share the work, and a clock may be put back."""
    return before is None or not before <= now < before + _EVERY_S * 0.9


def _standing(conn: sa.Connection) -> dict[str, int]:
    """All counters, and how full the outbox is."""
    room = outbox.room(conn)
    return {**counters.everything(conn), "outbox.kept": room.kept, "outbox.waiting": room.waiting}
