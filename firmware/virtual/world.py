"""The world that a virtual tag lives in: its time, and what its sensors and radios would meet.

A world is a text file, read forward only, sorted by time. Header lines come first:

    tag <hex>                                   the chip's unique id
    start <unix>   end <unix>                   seconds
    drift_ppm <n>                               how fast the tag's oscillator runs
    seed <n>
    route <host> <port> <host> <port>           where what the tag knows as the first is found on this PC
    radio <place> wifi <ssid> <bssid> <channel> <rssi> [hidden]
    radio <place> ble <address> <rssi> [random]
    fitted <part> ...                           sensors that parts.py has, in place of plain voltages
    mounted <x> <y> <z>                         how a motion sensor is turned, degrees about its axes
    noise_pct <n>                               how noisy the sensors are; 100 is usual

then one event a line, `<unix> <key> <value>`; EVENTS lists the keys. Only the present state is kept in memory: the heap
is the application's.

Time is counted in microseconds of the tag's own oscillator since it got power (`now`). It stands still while the
application computes, jumps over sleep, and runs at the rate of the wall clock while the tag is on a network.
"""

import json
import os

import conductor
import utime

EVENTS = {
    "occupied": 0,  # somebody lies on the bed or mattress
    "loaded": 0,  # the hoist carries somebody
    "kg": 0,  # load besides that somebody, who weighs 80 kg
    "tilt": 0,  # degrees by which what the tag is screwed to is turned
    "shake": 0,  # it trembles by so many thousandths of g
    "motor": 0,  # backrest motor or mattress pump
    "mains": 0,
    "motion": 0,  # a jolt; 1 until the pin is read
    "power": 1,  # 0: the tag has no supply at all
    "battery_mv": 4000,
    "at": "",  # name of the radio place
    "network": 0,  # whether the access point there lets the tag through
}

_BOOT_US = 300_000  # from wake to the application's first line, as measured on boards
_LIGHT_WAKE_US = 1_000
_LOOK_US = 20  # reading the clock costs time, so that a loop that waits for it ends
_HOUR_US = 3_600_000_000
_NEVER = 1 << 60


class DeepSleep(BaseException):
    """The application asked for deep sleep. The argument is its length in microseconds, or None for ever."""


class Reset(BaseException):
    """The chip resets. The arguments are the cause, a number of `machine`, and what the RTC's memory held just then."""


class PowerLost(BaseException):
    """The tag has no supply any more."""


class Ended(BaseException):
    """The world's file says nothing about the time from here on."""


class BadWorld(Exception):
    """The world file is not one. Says where and what."""


state = dict(EVENTS)
places = {}  # name -> ([(ssid, bssid, channel, rssi, is_hidden)], [(address, rssi, is_random)])
routes = {}  # (host, port) -> (host, port)
unique_id = b""
memory = b""  # the RTC's
fitted = ()
mounted = (0, 0, 0)
noise_pct = 100
rtc_offset = 0  # microseconds from `now` to the RTC
reset_cause = 1
wake_reason = 0
wake_on_motion = False
dead = False

_directory = ""
_file = None
_line_no = 0
_ppm = 1_000_000  # oscillator ticks in a million true microseconds
_seed = 1
_power_on = 0  # true microseconds
_end = 0
_now = 0
_booted = 0
_event = None
_event_at = _NEVER
_said_at = 0  # `now` when the conductor last heard from us
_due = 0  # nothing happens before
_watchdog = _NEVER
_wall = None  # (utime, now) when the tag joined the network, while it is on it


def open_world(directory):
    """Read the world's header, and where the last process of this tag stopped, if there was one."""
    global _directory, _file, _power_on
    _directory = directory
    _file = open(directory + "/world")
    _power_on = _read_header()
    try:
        with open(directory + "/state.json") as file:
            _resume(json.load(file))
    except OSError:
        _next_event()


def begin():
    """Get power, unless the last process left the tag with it.

    Raises:
        Ended: there never is any.
    """
    if not _booted:
        _get_power(_power_on)


def save():
    """Write down everything that outlives the process."""
    kept = {
        "line_no": _line_no,
        "event": _event,
        "offset": _file.tell(),
        "seed": _seed,
        "power_on": _power_on,
        "now": _now,
        "booted": _booted,
        "state": state,
        "memory": memory.hex(),
        "rtc_offset": rtc_offset,
        "reset_cause": reset_cause,
        "wake_reason": wake_reason,
    }
    replace_file(_directory + "/state.json", json.dumps(kept))


def replace_file(path, text):
    """Write a file so that a reader sees the old one or the new one."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def directory():
    return _directory


def true_us(tag_us=None):
    """True Unix time in microseconds, of `now` or of another moment on the tag's own oscillator."""
    return _power_on + (_now if tag_us is None else tag_us) * 1_000_000 // _ppm


def noise(amplitude):
    """A whole number between -amplitude and +amplitude; the same ones for the same seed."""
    global _seed
    _seed = (_seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (_seed >> 8) % (2 * amplitude + 1) - amplitude


# --- time ------------------------------------------------------------------------------------------------------------


def now():
    """Microseconds of the tag's oscillator since it got power."""
    _move_to(_on_wall() if _wall else _now + _LOOK_US)
    return _now


def uptime():
    """Microseconds since the chip last started."""
    return now() - _booted


def wait(us):
    """Let time pass, awake."""
    if _wall:
        utime.sleep_us(us)
        _move_to(_on_wall())
    else:
        _move_to(_now + us)


def light_sleep(us):
    """Sleep for `us`, or for ever if None; motion ends it if that was armed. The watchdog stands still meanwhile."""
    global _now, _watchdog, wake_reason
    wake_reason = 4
    if _wall:
        leave_network()
    if us is not None and not wake_on_motion and _now + us + _LIGHT_WAKE_US < _due:
        _now += us
        _watchdog += us
    else:
        slept_from = _now
        _sleep_to(_NEVER if us is None else _now + us)
        _watchdog += _now - slept_from
    _now += _LIGHT_WAKE_US


def deep_sleep(us):
    """Sleep, then start the chip again."""
    leave_network()
    _sleep_to(_NEVER if us is None else _now + us)
    boot(4)


def boot(cause):
    """Start the chip: `machine.reset_cause()` will say `cause`."""
    global reset_cause, wake_reason, wake_on_motion, _booted, _now, _watchdog
    leave_network()
    if cause != 4:
        wake_reason = 0
    reset_cause = cause
    wake_on_motion = False
    _watchdog = _NEVER
    _now += _BOOT_US
    _booted = _now


def watch(us):
    """Reset unless this is called again within `us`."""
    global _watchdog
    _watchdog = _now + us


def lose_power():
    """From here on nothing the application does has any effect."""
    global dead
    dead = True
    raise PowerLost


def wait_for_power(at_least_us=0):
    """After power was lost: go on to where it comes back, with an empty RTC memory.

    Raises:
        Ended: it never does.
    """
    global _now
    leave_network()
    _now += at_least_us
    _get_power(true_us())
    save()


def _get_power(true):
    """Start a new run of the oscillator at a true time, or as soon after it as there is power."""
    global dead, memory, rtc_offset, _power_on, _now, _said_at
    memory = b""
    rtc_offset = 0
    while True:
        _power_on, _now, _said_at = true, 0, 0
        _retime()
        while _event_at <= 0:
            _apply_event()
        if state["power"]:
            break
        if _event is None or _event[0] * 1_000_000 >= _end:
            raise Ended
        true = _event[0] * 1_000_000
    dead = False
    state["motion"] = 0
    boot(1)


def _on_wall():
    wall_from, now_from = _wall
    return now_from + (utime.ticks_us() - wall_from) * _ppm // 1_000_000


def _move_to(target):
    global _now
    if target >= _watchdog:
        raise Reset(3, memory)
    while target >= _due:
        _meet()
    _now = max(_now, target)


def _sleep_to(target):
    """Move on to `target`, or to the first motion if that was armed."""
    global _now, wake_reason
    wake_reason = 4
    while True:
        if wake_on_motion and state["motion"]:
            wake_reason = 2
            return
        if target < _due:
            _now = max(_now, target)
            return
        _meet()


def _meet():
    """Move on to the next thing that is due, and let it happen."""
    global _now, _said_at
    _now = max(_now, _due)
    if _event_at <= _now:
        _apply_event()
        if not state["power"]:
            lose_power()
    elif true_us() >= _end:
        raise Ended
    else:
        conductor.at(true_us())
        _said_at = _now
    _plan()


def _plan():
    global _due
    end_at = _tag_us(_end)
    _due = min(_event_at, end_at if end_at > _now else _now, _said_at + _HOUR_US)


def _tag_us(true):
    """The first moment on the tag's oscillator that is not before a true time."""
    return -((_power_on - true) * _ppm // 1_000_000)


# --- events ----------------------------------------------------------------------------------------------------------


def _read_header():
    global _seed, _ppm, _end, unique_id, _line_no
    start = None
    while True:
        offset = _file.tell()
        words = _file.readline().split()
        if not words or words[0].isdigit():
            break
        _line_no += 1
        key = words[0]
        if key == "tag":
            unique_id = bytes.fromhex(words[1])
        elif key == "start":
            start = int(words[1]) * 1_000_000
        elif key == "end":
            _end = int(words[1]) * 1_000_000
        elif key == "drift_ppm":
            _ppm = 1_000_000 + int(words[1])
        elif key == "seed":
            _seed = int(words[1])
        elif key == "route":
            routes[(words[1], int(words[2]))] = (words[3], int(words[4]))
        elif key == "radio":
            _read_radio(words)
        elif not _read_sensors(key, words[1:]):
            raise BadWorld("world line %d: no such header: %s" % (_line_no, key))
    _file.seek(offset)
    if start is None or not _end or not unique_id:
        raise BadWorld("world: the header must give tag, start and end")
    return start


def _read_sensors(key, values):
    """Whether the header is one about sensors."""
    global fitted, mounted, noise_pct
    if key == "fitted":
        fitted = values
    elif key == "mounted":
        mounted = [int(value) for value in values]
    elif key == "noise_pct":
        noise_pct = int(values[0])
    else:
        return False
    return True


def _read_radio(words):
    wifi, ble = places.setdefault(words[1], ([], []))
    if words[2] == "wifi":
        wifi.append((words[3].encode(), bytes.fromhex(words[4]), int(words[5]), int(words[6]), words[-1] == "hidden"))
    elif words[2] == "ble":
        ble.append((bytes.fromhex(words[3]), int(words[4]), words[-1] == "random"))
    else:
        raise BadWorld("world line %d: a radio is wifi or ble, not %s" % (_line_no, words[2]))


def _next_event():
    """Read the next event of the file."""
    global _event, _line_no
    line = _file.readline()
    _line_no += 1
    words = line.split()
    if not words:
        _event = None
    elif len(words) != 3 or words[1] not in EVENTS:
        raise BadWorld("world line %d: not an event: %s" % (_line_no, line.strip()))
    else:
        _event = (int(words[0]), words[1], words[2] if words[1] == "at" else int(words[2]))


def _apply_event():
    _, key, value = _event
    state[key] = value
    _next_event()
    _retime()


def _retime():
    global _event_at
    _event_at = _NEVER if _event is None else _tag_us(_event[0] * 1_000_000)
    _plan()


def _resume(kept):
    global _line_no, _event, _seed, _power_on, _now, _said_at, _booted, memory, rtc_offset, reset_cause, wake_reason
    _file.seek(kept["offset"])
    _line_no = kept["line_no"]
    _event = kept["event"]
    _seed = kept["seed"]
    _power_on = kept["power_on"]
    _now = _said_at = kept["now"]
    _booted = kept["booted"]
    state.update(kept["state"])
    memory = bytes.fromhex(kept["memory"])
    rtc_offset = kept["rtc_offset"]
    reset_cause = kept["reset_cause"]
    wake_reason = kept["wake_reason"]
    _retime()


# --- radio -----------------------------------------------------------------------------------------------------------


def heard_wifi():
    """Access points within reach: (ssid, bssid, channel, rssi, whether it hides its ssid), rssi without noise."""
    return places.get(state["at"], ((), ()))[0]


def heard_ble():
    """Bluetooth advertisers within reach: (address, rssi, whether the address is random)."""
    return places.get(state["at"], ((), ()))[1]


def join_network():
    """Be on the network: time runs at the wall clock's rate until `leave_network`. May wait for a turn."""
    global _wall, _watchdog
    before = _now
    granted = conductor.want(true_us())
    _move_on_unwatched(max(_now, _tag_us(granted)))
    _watchdog += _now - before
    _wall = (utime.ticks_us(), _now)


def leave_network():
    global _wall, _said_at
    if _wall:
        _move_on_unwatched(_on_wall())
        _wall = None
        goes_on = conductor.free(true_us())
        _said_at = _now
        if not goes_on:
            raise Ended


def on_network():
    return _wall is not None


def _move_on_unwatched(target):
    """Waiting for a turn is this program's doing, not the application's: the watchdog does not count it."""
    global _watchdog
    watchdog, _watchdog = _watchdog, _NEVER
    _move_to(target)
    _watchdog = watchdog
