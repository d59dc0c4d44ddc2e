"""An alternating pressure mattress: its pump runs and swings the air from cell to cell."""

from tag import board
from tag.use.hysteresis import Switch


class Mattress:
    """In use while the pump runs. An event is a pressure cycle. Occupied without mains, it is `unpowered`: an alarm."""

    SENSE_S = 30
    REPORT_S = 3600
    WAKES_ON_MOTION = False
    sense_s = SENSE_S
    light = True  # the backup cell is small, but an alarm cannot wait

    def __init__(self, cells: bytearray) -> None:
        self._motor = board.motor().level
        self._air = board.air().level
        self._load = board.load().level
        self._running = Switch(cells, 0, on=480, off=230, settle=2)
        self._high = Switch(cells, 1, on=660, off=340, settle=2)
        self._dark = Switch(cells, 2, on=1, off=1, settle=2)
        self._occupied = Switch(cells, 3, on=580, off=330, settle=2)
        self.active = self._running.is_on()
        self.unpowered = False

    def sense(self, mains: int, now: int) -> int:
        if self._dark.feed(1 - mains):
            self.unpowered = self._occupied.feed(self._load())
        else:
            self.unpowered = False
        self.active = self._running.feed(self._motor())
        if not self.active:
            return 0
        was_high = self._high.is_on()
        return int(self._high.feed(self._air()) and not was_high)
