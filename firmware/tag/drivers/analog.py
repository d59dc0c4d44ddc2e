"""An analogue input, averaged: the ESP32's converter is off by tens of millivolts from one reading to the next."""

from machine import ADC, Pin
from micropython import const

_SAMPLES = const(4)


class Analog:
    """One pin of the converter, up to about 3 V."""

    def __init__(self, pin: int) -> None:
        self._read = ADC(Pin(pin), atten=ADC.ATTN_11DB).read_uv

    def uv(self) -> int:
        """The voltage in microvolts."""
        read = self._read
        return (read() + read() + read() + read()) // _SAMPLES
