"""How strong an alternating current is, from a current transformer whose output swings about half the supply."""

import time

from machine import ADC, Pin
from micropython import const

_SAMPLES = const(50)
_SAMPLE_US = const(800)  # 40 ms in all: two whole periods of 50 Hz


class Alternating:
    """One pin of the converter, with a signal of 50 Hz."""

    def __init__(self, pin: int) -> None:
        self._read = ADC(Pin(pin), atten=ADC.ATTN_11DB).read_uv
        self._seen = [0] * _SAMPLES

    def uv(self) -> int:
        """The mean distance from the mean, in microvolts. Noise counts, so it is not 0 at rest."""
        seen = self._seen
        due = time.ticks_us()
        for i in range(_SAMPLES):
            # Not one sleep after another: the reading itself takes a tenth of a millisecond, and each board's differs.
            time.sleep_us(max(0, time.ticks_diff(due, time.ticks_us())))
            due = time.ticks_add(due, _SAMPLE_US)
            seen[i] = self._read()
        mean = sum(seen) // _SAMPLES
        return sum(abs(one - mean) for one in seen) // _SAMPLES
