"""How strong an alternating current is, from a current transformer whose output swings about half the supply.

Only what keeps time with the mains counts: readings are held against a sine and a cosine of 50 Hz, so that the
converter's noise mostly cancels itself.
"""

import time

from machine import ADC, Pin
from micropython import const

_SAMPLE_US = const(1000)
_PER_PERIOD = const(20)
_SAMPLES = const(40)  # two whole periods
_QUARTER = const(5)

# 1000 times the sine, at twentieths of a period.
_SINE = (0, 309, 588, 809, 951, 1000, 951, 809, 588, 309, 0, -309, -588, -809, -951, -1000, -951, -809, -588, -309)


class Alternating:
    """One pin of the converter, with a signal of 50 Hz."""

    def __init__(self, pin: int) -> None:
        self._read = ADC(Pin(pin), atten=ADC.ATTN_11DB).read_uv

    def uv(self) -> int:
        """The amplitude in microvolts. Takes 40 ms."""
        sines = cosines = 0
        due = time.ticks_us()
        for i in range(_SAMPLES):
            # Not one sleep after another: a reading takes time as well, and on each board another.
            time.sleep_us(max(0, time.ticks_diff(due, time.ticks_us())))
            due = time.ticks_add(due, _SAMPLE_US)
            uv = self._read()
            sines += uv * _SINE[i % _PER_PERIOD]
            cosines += uv * _SINE[(i + _QUARTER) % _PER_PERIOD]
        # Each sum is of 40 products of two sines in step, which are a half on the average: 20 amplitudes.
        sines //= 1000 * _SAMPLES // 2
        cosines //= 1000 * _SAMPLES // 2
        return int((sines * sines + cosines * cosines) ** 0.5)
