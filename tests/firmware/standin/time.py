"""A clock that tests set."""

seconds = 0
ms = 0


def time():
    return seconds


def gmtime(seconds):
    return (2000, 1, 1, 0, 0, seconds, 5, 1)


def ticks_ms():
    return ms


def ticks_diff(later, earlier):
    return later - earlier


def ticks_add(ticks, delta):
    return ticks + delta


def sleep_ms(more):
    global ms
    ms += more
