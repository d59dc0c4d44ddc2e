"""At the workbench, when a tag is fitted: which parts it has, and what they say. Each call is noted for good.

Over the serial line, with the equipment as it will be used (docs/hardware.md has the whole procedure):

    mpremote exec "from tag import fit; fit.imu('lis3dh')"
    mpremote exec "from tag import fit; fit.rest('load', 'hx711')"      nobody on it, bedding on
    mpremote exec "from tag import fit; fit.weight(72)"                 somebody of 72 kg on it
    mpremote exec "from tag import fit; fit.rest('motor', 'ac')"        switched off
    mpremote exec "from tag import fit; fit.reference('motor')"         running
"""

import json

from micropython import const

from tag import board, fitting

_READINGS = const(16)
_REFERENCE_KG = const(35)  # what 1000 of the load's scale stands for
_LEAST = const(10)  # the reference is so many times the noise away from rest, or it is no reference

_CHANNELS = {"load": board.load, "motor": board.motor, "air": board.air}
PARTS = ("dc", "ac", "hx711")


class NotFitted(Exception):
    """Nothing was noted. Says why."""


def imu(part: str) -> None:
    """Which motion sensor there is: `lis3dh`."""
    fitting.noted["imu"] = part
    if board.imu() is None:
        raise NotFitted("the %s does not answer" % part)
    _note("imu", part)


def rest(channel: str, part: str = "dc"):
    """Note what a channel says at rest, and through which part. Until its reference is noted it says nothing."""
    if channel not in _CHANNELS or part not in PARTS:
        raise NotFitted("channels: %s; parts: %s" % (", ".join(_CHANNELS), ", ".join(PARTS)))
    fitting.noted[channel] = [part, 0, 0]
    level, noise = _steady(channel)
    _note(channel, [part, level, level])
    return level, noise


def reference(channel: str):
    """Note what a channel says under its reference: the motor running, the cells at their fullest."""
    return _refer(channel, 1, 1)


def weight(kg: int):
    """Note what the load says under so many kilograms."""
    return _refer("load", _REFERENCE_KG, kg)


def _refer(channel: str, numerator: int, denominator: int):
    if channel not in fitting.noted:
        raise NotFitted("%s: first note what it says at rest" % channel)
    part, at_rest, _ = fitting.noted[channel]
    level, noise = _steady(channel)
    if abs(level - at_rest) < _LEAST * max(1, noise):
        raise NotFitted("%s: %d is too near to %d at rest, with a noise of %d" % (channel, level, at_rest, noise))
    _note(channel, [part, at_rest, at_rest + (level - at_rest) * numerator // denominator])
    return level, noise


def _steady(channel: str):
    """(mean, mean distance from it) of some readings."""
    read = _CHANNELS[channel]().read
    seen = [read() for _ in range(_READINGS)]
    mean = sum(seen) // _READINGS
    return mean, sum(abs(one - mean) for one in seen) // _READINGS


def _note(key: str, value) -> None:
    import esp32

    fitting.noted[key] = value
    nvs = esp32.NVS("kitback")
    nvs.set_blob(fitting.KEY, json.dumps(fitting.noted).encode())
    nvs.commit()
    print("%s %s" % (key, value))
