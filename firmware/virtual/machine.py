"""`machine` of the ESP32 port, as far as the tag uses it. What hangs on the pins is the circuit of tag/board.py."""

import errno
import time

import parts
import world

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
PIN_WAKE = 2
TIMER_WAKE = 4

_state = world.state
_MV = 1_000  # microvolts


def unique_id():
    return world.unique_id


def reset_cause():
    return world.reset_cause


def wake_reason():
    return world.wake_reason


def reset():
    raise world.Reset(HARD_RESET, world.memory)


def soft_reset():
    raise world.Reset(SOFT_RESET, world.memory)


def disable_irq():
    return 0


def enable_irq(state):
    pass


def lightsleep(time_ms=None):
    world.light_sleep(None if time_ms is None else time_ms * 1000)


def deepsleep(time_ms=None):
    raise world.DeepSleep(None if time_ms is None else time_ms * 1000)


# --- pins ------------------------------------------------------------------------------------------------------------


def _battery():
    return _state["battery_mv"] * 500 + world.noise(1 * _MV)


def _load():
    return (300 + 15 * parts.load_kg()) * _MV + parts.noise(15 * _MV)


def _mains():
    return _state["mains"]


def _motion():
    """1 if the tag moved since this was last read; a fitted sensor holds it up until its interrupt is read."""
    if "lis3dh" in world.fitted:
        return parts.lis3dh.interrupts()
    moved = _state["motion"]
    _state["motion"] = 0
    return moved


def _hx711_data():
    return parts.hx711.data() if "hx711" in world.fitted else 1  # pulled up


_HX711_CLOCK = 19
_ANALOGUE = {34: _battery, 35: _load, 32: parts.motor_current, 33: parts.air_pressure}
_DIGITAL = {18: _hx711_data, 25: _mains, 27: _motion}


class Pin:
    IN = 1
    OUT = 3
    PULL_DOWN = 1
    PULL_UP = 2

    def __init__(self, id, mode=-1, pull=-1, *, value=0):
        self.id = id
        self._level = value

    def value(self, level=None):
        if level is not None:
            self._level = level
            if self.id == _HX711_CLOCK:
                parts.hx711.clock(level)
            return None
        read = _DIGITAL.get(self.id)
        return read() if read else self._level

    __call__ = value


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, pin, *, atten=ATTN_0DB):
        number = pin.id if isinstance(pin, Pin) else pin
        if number not in _ANALOGUE:
            raise ValueError("nothing analogue on GPIO%d" % number)
        self.read_uv = _ANALOGUE[number]


class I2C:
    """The bus, with whatever the world has fitted to it."""

    def __init__(self, id=-1, *, scl=None, sda=None, freq=400_000):
        self._devices = {parts.Lis3dh.ADDRESS: parts.lis3dh} if "lis3dh" in world.fitted else {}

    def scan(self):
        return list(self._devices)

    def readfrom_mem(self, addr, memaddr, nbytes):
        return self._device(addr).read(memaddr, nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf):
        buf[:] = self._device(addr).read(memaddr, len(buf))

    def writeto_mem(self, addr, memaddr, buf):
        self._device(addr).write(memaddr, buf)

    def _device(self, addr):
        if addr not in self._devices:
            raise OSError(errno.ENODEV)
        return self._devices[addr]


class WDT:
    """Once started it cannot be stopped."""

    def __init__(self, id=0, timeout=5000):
        self._timeout = timeout * 1000
        self.feed()

    def feed(self):
        world.watch(self._timeout)


class RTC:
    """Counts from 2000-01-01 when power comes, like the ESP32's."""

    def datetime(self, moment=None):
        if moment is None:
            us = world.now() + world.rtc_offset
            year, month, day, hour, minute, second, weekday, _ = time.gmtime(us // 1_000_000)
            return (year, month, day, weekday, hour, minute, second, us % 1_000_000)
        year, month, day, _, hour, minute, second, us = moment
        seconds = time.mktime((year, month, day, hour, minute, second, 0, 0))
        world.rtc_offset = seconds * 1_000_000 + us - world.now()
        return None

    def memory(self, data=None):
        if data is None:
            return world.memory
        if len(data) > 2048:
            raise ValueError("buffer too long")
        world.memory = bytes(data)
        return None
