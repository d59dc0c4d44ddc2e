"""The circuit: what hangs on the pins of pins.py. The only place that knows."""

import machine
from micropython import const

from tag import fitting
from tag.drivers.analog import Analog
from tag.pins import CHIP, PINS
from tag.use.gauge import Gauge

_LIS3DH = const(0x18)
_LOOKS = const(3)  # it may be shaken just then, and again after a pause of ours, but hardly more often
_MOTION_MG = const(96)  # a hoist that is pushed over a threshold, but not a lorry in the street


def load() -> Gauge:
    """Load cells of a bed, a mattress, or a hoist's spreader bar. Unless noted otherwise 0.3 V empty, 1.5 V loaded."""
    return _gauge("load", PINS["load"], 300_000, 1_500_000)


def motor() -> Gauge:
    """Current of the backrest motor or the mattress pump. Unless noted otherwise 0.02 V off, 0.8 V running."""
    return _gauge("motor", PINS["motor"], 20_000, 800_000)


def air() -> Gauge:
    """Pressure in a mattress's cells, which the pump swings. Unless noted otherwise between 0.6 and 1.2 V."""
    return _gauge("air", PINS["air"], 600_000, 1_200_000)


def imu():
    """The motion sensor, or None if there is none or it does not answer."""
    if "imu" not in fitting.noted:
        return None
    from tag.drivers.lis3dh import Lis3dh

    try:
        return Lis3dh(machine.I2C(0, sda=machine.Pin(PINS["sda"]), scl=machine.Pin(PINS["scl"])), _LIS3DH, _MOTION_MG)
    except OSError as error:
        print("imu: %s" % error)
        return None


def _gauge(channel: str, pin: int, rest: int, reference: int) -> Gauge:
    part, rest, reference = fitting.noted.get(channel, ("dc", rest, reference))
    if part == "hx711":
        from tag.drivers.hx711 import Hx711

        return Gauge(Hx711(PINS["hx711_data"], PINS["hx711_clock"]).read, rest, reference)
    if part == "ac":
        from tag.drivers.alternating import Alternating

        return Gauge(Alternating(pin).uv, rest, reference)
    return Gauge(Analog(pin).uv, rest, reference)


def battery_mv() -> int:
    """The tag's supply, which a divider halves before the pin."""
    return Analog(PINS["battery"]).uv() // 500


def mains():
    """A function that says whether there is mains (1) or not (0)."""
    return machine.Pin(PINS["mains"], machine.Pin.IN).value


def motion():
    """A function that says whether the tag moved since it was last asked (1) or not (0).

    Of a motion sensor that has failed it says None: its pin tells nothing, and may stay up and end each sleep at once.
    """
    pin = machine.Pin(PINS["motion"], machine.Pin.IN).value
    if "imu" not in fitting.noted:
        return pin
    sensor = imu()
    return lambda: sensor and _moved(pin, sensor)


def _moved(pin, sensor):
    """What `motion` says. The sensor holds the pin up until it is asked; nothing is asked while the pin is down."""
    moved = 0
    for _ in range(_LOOKS):
        if not pin():
            return moved
        try:
            moved |= sensor.moved()
        except OSError as error:
            print("imu: %s" % error)
            return None
    return None if pin() else moved


def lamp():
    """A function that switches the light on (1) or off (0)."""
    return machine.Pin(PINS["lamp"], machine.Pin.OUT, value=0).value


def buzzer():
    """A function that switches the sound on (1) or off (0)."""
    return machine.Pin(PINS["buzzer"], machine.Pin.OUT, value=0).value


def wake_on_motion() -> None:
    """Let motion end a sleep early. An ESP32-C3 can only do so with a MicroPython that has `wake_on_gpio`."""
    import esp32

    pin = machine.Pin(PINS["motion"], machine.Pin.IN)
    if CHIP != "ESP32C3":
        esp32.wake_on_ext0(pin, esp32.WAKEUP_ANY_HIGH)
    elif hasattr(esp32, "wake_on_gpio"):
        esp32.wake_on_gpio((pin,), esp32.WAKEUP_ANY_HIGH)


def journal_flash():
    """The flash partition that holds the journal, or None if the image has none."""
    import esp32

    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="journal")
    return found[0] if found else None
