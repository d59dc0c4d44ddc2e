"""As much of the ESP32 port's `machine` as the firmware's parts touch. Tests set `levels` (by pin) and `cause`."""

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4

levels = {25: 1, 27: 0, 32: 20_000, 33: 600_000, 34: 1_950_000, 35: 300_000}
driven = []  # (pin, level) as outputs were set
rtc_memory = b""
cause = PWRON_RESET


class Slept(BaseException):
    """The chip went to sleep. The argument is for how long, in milliseconds; None is for ever."""


class Reset(BaseException):
    """The application reset the chip."""


def reset_cause():
    return cause


def unique_id():
    return b"\x24\xa1\xb2\xc3\xd4\xe5"


def reset():
    raise Reset


def deepsleep(ms=None):
    raise Slept(ms)


def lightsleep(ms):
    raise Slept(ms)


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class Pin:
    IN = 1
    OUT = 3

    def __init__(self, number, mode=None, value=0):
        self.number = number

    def value(self, level=None):
        if level is not None:
            driven.append((self.number, level))
        return levels[self.number] if level is None else None


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, atten):
        self._pin = pin

    def read_uv(self):
        return levels[self._pin.number]


class RTC:
    def memory(self, data=None):
        global rtc_memory
        if data is None:
            return rtc_memory
        rtc_memory = bytes(data)
