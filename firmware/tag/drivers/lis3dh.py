"""ST's LIS3DH (and LIS2DH12, which answers alike): which way is up, and an interrupt when it moves.

It runs at 100 Hz and about 20 uA, and keeps its settings while the ESP32 sleeps.
"""

import errno
import time

from micropython import const

_WHO_AM_I = const(0x0F)
_CTRL1 = const(0x20)
_INT1_CFG = const(0x30)
_INT1_SRC = const(0x31)
_INT1_THS = const(0x32)
_OUT = const(0x28 | 0x80)  # the top bit: go on to the next register after each byte

_OURS = const(0x33)
_RUNNING = const(0x57)  # 100 Hz, all axes
_MOVED = const(0x40)
_MG_PER_STEP = const(16)  # of the interrupt's threshold, at 2 g
_SAMPLES = const(8)
_SAMPLE_MS = const(10)

# CTRL2 to CTRL5: only the interrupt is high-pass filtered; it is on pin INT1; readings are whole, 2 g; it stays.
_CONTROLS = b"\x01\x40\x80\x08"
# INT1_CFG: any axis, either way.
_ANY_AXIS = b"\x2a"


class Lis3dh:
    """The sensor at an address of a bus. It interrupts when it is shaken by `motion_mg`.

    Raises:
        OSError: nothing answers there, or something else does.
    """

    def __init__(self, bus, address: int, motion_mg: int) -> None:
        self._bus = bus
        self._address = address
        self._bytes = bytearray(6)
        if self._get(_WHO_AM_I) != _OURS:
            raise OSError(errno.ENODEV)
        if self._get(_CTRL1) != _RUNNING:  # it lost power; otherwise a motion may be waiting to be read
            bus.writeto_mem(address, _CTRL1 + 1 | 0x80, _CONTROLS)
            bus.writeto_mem(address, _INT1_THS, bytes((motion_mg // _MG_PER_STEP,)))
            bus.writeto_mem(address, _INT1_CFG, _ANY_AXIS)
            bus.writeto_mem(address, _CTRL1, bytes((_RUNNING,)))
            time.sleep_ms(_SAMPLE_MS)

    def mg(self):
        """(x, y, z) in thousandths of g, averaged over 70 ms."""
        x = y = z = 0
        for i in range(_SAMPLES):
            if i:
                time.sleep_ms(_SAMPLE_MS)
            self._bus.readfrom_mem_into(self._address, _OUT, self._bytes)
            x += _signed(self._bytes, 0)
            y += _signed(self._bytes, 2)
            z += _signed(self._bytes, 4)
        # 16 bits stand for 2 g either way: 16 steps a thousandth.
        return x // (_SAMPLES * 16), y // (_SAMPLES * 16), z // (_SAMPLES * 16)

    def moved(self) -> int:
        """Whether it moved since this was last asked (1) or not (0). Takes the interrupt back."""
        return int(self._get(_INT1_SRC) & _MOVED != 0)

    def _get(self, register: int) -> int:
        return self._bus.readfrom_mem(self._address, register, 1)[0]


def _signed(data, i: int) -> int:
    value = data[i] | data[i + 1] << 8
    return value - 0x1_0000 if value & 0x8000 else value
