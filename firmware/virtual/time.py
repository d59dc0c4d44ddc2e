"""`time` of the ESP32 port: seconds since 2000, ticks that start with the chip and wrap at 2**30."""

import utime
import world

_EPOCH = 946_684_800  # 2000-01-01 in Unix time
_PERIOD = 1 << 30
_HALF = _PERIOD >> 1
_MASK = _PERIOD - 1


def time():
    return (world.now() + world.rtc_offset) // 1_000_000


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else seconds) + _EPOCH)[:8]


localtime = gmtime


def mktime(parts):
    year, month, day, hour, minute, second = parts[:6]
    shifted = year - (month < 3)
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day
    return (days - 730_426) * 86_400 + hour * 3600 + minute * 60 + second


def ticks_ms():
    return world.uptime() // 1000 & _MASK


def ticks_us():
    return world.uptime() & _MASK


def ticks_add(ticks, delta):
    return ticks + delta & _MASK


def ticks_diff(later, earlier):
    return (later - earlier + _HALF & _MASK) - _HALF


def sleep_ms(ms):
    world.wait(ms * 1000)


def sleep_us(us):
    world.wait(us)


def sleep(seconds):
    world.wait(int(seconds * 1_000_000))
