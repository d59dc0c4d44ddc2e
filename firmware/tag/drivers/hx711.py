"""Avia's HX711, the amplifier and converter of load cells: 24 bits over two wires of its own kind.

It is switched off between readings: on, it and four load cells draw more than the tag.
"""

import errno
import time

from machine import Pin, disable_irq, enable_irq
from micropython import const

_READY_MS = const(600)  # at its slow rate it takes 400 ms from switching on
_LOOK_MS = const(5)
_PULSES = const(25)  # 24 bits, and one more for channel A with a gain of 128 next time
_OFF_US = const(80)  # a clock that is high for more than 60 switches it off
_SIGN = const(0x80_0000)


class Hx711:
    """The converter whose data and clock are on these pins."""

    def __init__(self, data: int, clock: int) -> None:
        self._data = Pin(data, Pin.IN)
        self._clock = Pin(clock, Pin.OUT, value=1)

    def read(self) -> int:
        """One conversion, from -2**23 to 2**23 - 1. Takes up to 600 ms.

        Raises:
            OSError: it does not answer, or says that its input is out of range, as with a broken wire.
        """
        self._clock(0)
        try:
            self._wait()
            value = 0
            for _ in range(_PULSES):
                # An interrupt while the clock is high would switch the converter off.
                interrupts = disable_irq()
                self._clock(1)
                self._clock(0)
                enable_irq(interrupts)
                value = value << 1 | self._data()
        finally:
            self._clock(1)
            time.sleep_us(_OFF_US)
        value >>= 1
        if value in (_SIGN, _SIGN - 1):
            raise OSError(errno.EIO)
        return value - 2 * _SIGN if value & _SIGN else value

    def _wait(self) -> None:
        """Until a conversion is there, which pulls the data line down."""
        for _ in range(_READY_MS // _LOOK_MS):
            if not self._data():
                return
            time.sleep_ms(_LOOK_MS)
        raise OSError(errno.ETIMEDOUT)
