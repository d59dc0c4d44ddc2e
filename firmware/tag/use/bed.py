"""A profiling bed: somebody lies on it, or its backrest is moved."""

from micropython import const

from tag import board
from tag.use.hysteresis import Switch
from tag.use.tilt import Tilt

_CLOSELY_S = const(20)


class Bed:
    """In use while occupied. An event is a backrest movement.

    With a motion sensor on the backrest all of them count: they leave it at another angle. From the motor's current
    only those count that a sense falls into. A change that is not sure yet is looked at again soon.
    """

    SENSE_S = 60
    REPORT_S = 6 * 3600
    WAKES_ON_MOTION = False
    unpowered = False
    light = False

    def __init__(self, cells: bytearray) -> None:
        self._load = board.load().level
        self._occupied = Switch(cells, 0, on=580, off=330, settle=2)
        self.active = self._occupied.is_on()
        self.sense_s = self.SENSE_S
        self._imu = board.imu()
        if self._imu is None:
            self._motor = board.motor().level
            self._moving = Switch(cells, 1, on=480, off=230, settle=1)
        else:
            self._tilt = Tilt()

    def sense(self, mains: int, now: int) -> int:
        self.active = self._occupied.feed(self._load())
        settling = self._occupied.settling()
        if self._imu is None:
            events = self._motor_started()
        else:
            events = self._backrest_moved()
            settling = settling or self._tilt.settling
        self.sense_s = _CLOSELY_S if settling else self.SENSE_S
        return events

    def _motor_started(self) -> int:
        was_moving = self._moving.is_on()
        return int(self._moving.feed(self._motor()) and not was_moving)

    def _backrest_moved(self) -> int:
        try:
            return self._tilt.feed(*self._imu.mg())
        except OSError as error:
            print("imu: %s" % error)
            return 0
