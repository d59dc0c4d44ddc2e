"""A mobile hoist: it lifts somebody, several times a day, for minutes."""

from micropython import const

from tag import board
from tag.retained import state
from tag.use.hysteresis import Switch

_WATCHFUL_S = const(10)
_STILL_S = const(60)  # a hoist that has not moved for so long is not about to lift
_STUCK_S = const(1800)  # load without any motion for so long is something hung up on it


class Hoist:
    """In use while under load. An event is a lift. Looks often while it moves, to catch both ends of a lift."""

    SENSE_S = 900
    REPORT_S = 24 * 3600
    WAKES_ON_MOTION = True
    unpowered = False

    def __init__(self, cells: bytearray) -> None:
        self._load = board.load().level
        self._loaded = Switch(cells, 0, on=580, off=330, settle=2)
        self.active = self._loaded.is_on()
        self.light = False
        self.sense_s = self.SENSE_S

    def sense(self, mains: int, now: int) -> int:
        was_active = self.active
        self.active = self._loaded.feed(self._load())
        still_s = now - state.moved_at
        self.light = still_s < _STILL_S or self._loaded.settling() or (self.active and still_s < _STUCK_S)
        self.sense_s = _WATCHFUL_S if self.light else self.SENSE_S
        return int(self.active and not was_active)
