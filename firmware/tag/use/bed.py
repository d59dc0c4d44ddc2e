"""A profiling bed: somebody lies on it, or its backrest is moved."""

from tag import board
from tag.use.hysteresis import Switch


class Bed:
    """In use while occupied. An event is a backrest movement that a sense falls into."""

    SENSE_S = 60
    REPORT_S = 6 * 3600
    WAKES_ON_MOTION = False
    sense_s = SENSE_S
    unpowered = False
    light = False

    def __init__(self, cells: bytearray) -> None:
        self._load_uv = board.load().uv
        self._motor_uv = board.motor().uv
        self._occupied = Switch(cells, 0, on=1_000_000, off=700_000, settle=2)
        self._moving = Switch(cells, 1, on=400_000, off=200_000, settle=1)
        self.active = self._occupied.is_on()

    def sense(self, mains: int, now: int) -> int:
        self.active = self._occupied.feed(self._load_uv())
        was_moving = self._moving.is_on()
        return int(self._moving.feed(self._motor_uv()) and not was_moving)
