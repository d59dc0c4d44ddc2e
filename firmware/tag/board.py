"""The circuit: what hangs on which pin. The only place that knows."""

import machine
from micropython import const

from tag.drivers.analog import Analog

_BATTERY = const(34)
_LOAD = const(35)
_MOTOR = const(32)
_AIR = const(33)
_MAINS = const(25)
_MOTION = const(27)


def load() -> Analog:
    """Load cell amplifier of a bed or mattress, or of a hoist's spreader bar. About 0.3 V empty, 1.5 V under load."""
    return Analog(_LOAD)


def motor() -> Analog:
    """Current of the backrest motor or the mattress pump. About 0.02 V off, 0.8 V running."""
    return Analog(_MOTOR)


def air() -> Analog:
    """Pressure in a mattress's cells. Swings between about 0.6 and 1.2 V while the pump cycles it."""
    return Analog(_AIR)


def battery_mv() -> int:
    """The tag's supply, which a divider halves before the pin."""
    return Analog(_BATTERY).uv() // 500


def mains():
    """A function that says whether there is mains (1) or not (0)."""
    return machine.Pin(_MAINS, machine.Pin.IN).value


def motion():
    """A function that says whether the tag moved since it was last asked (1) or not (0)."""
    return machine.Pin(_MOTION, machine.Pin.IN).value


def wake_on_motion() -> None:
    """Let motion end a sleep early."""
    import esp32

    esp32.wake_on_ext0(machine.Pin(_MOTION, machine.Pin.IN), esp32.WAKEUP_ANY_HIGH)


def journal_flash():
    """The flash partition that holds the journal, or None if the image has none."""
    import esp32

    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="journal")
    return found[0] if found else None
