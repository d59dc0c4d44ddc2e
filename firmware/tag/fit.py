"""At the workbench, when a tag is fitted: which parts it has, and what they say. Each call is noted for good.

`kitback tag fit` makes these calls over the serial line, one a step, and tells the fitter what to see to before each
(docs/hardware.md). Each gives what was measured, or raises NotFitted; then nothing was noted, unless it says so.
"""

import json

from micropython import const

from tag import board, fitting

_READINGS = const(16)
_REFERENCE_KG = const(35)  # what 1000 of the load's scale stands for
_LEAST = const(10)  # the reference is so many times the noise away from rest, or it is no reference
_LIGHTEST_KG = const(5)
_NOBODY_KG = const(12)  # below this nobody is on it, for use/bed.py and its like
_MOST_UV = const(3_050_000)  # a pin cannot tell any more from yet more

_CHANNELS = {"load": board.load, "motor": board.motor, "air": board.air}
PARTS = ("dc", "ac", "hx711")


class NotFitted(Exception):
    """It cannot be right. Says why."""


def imu(part: str) -> dict:
    """Which motion sensor there is: `lis3dh`. Gives which way is up for it."""
    measured = _with("imu", part, _gravity)
    _note("imu", part)
    return measured


def rest(channel: str, part: str = "dc") -> dict:
    """Note what a channel says at rest, and through which part. Until its reference is noted it says nothing."""
    if channel not in _CHANNELS or part not in PARTS:
        raise NotFitted("channels: %s; parts: %s" % (", ".join(_CHANNELS), ", ".join(PARTS)))
    measured = _with(channel, [part, 0, 0], _steady, channel)
    level = measured["level"]
    _note(channel, [part, level, level])
    return measured


def reference(channel: str) -> dict:
    """Note what a channel says under its reference: the motor running, the cells at their fullest."""
    return _refer(channel, 1, 1)


def weight(kg: int) -> dict:
    """Note what the load says under so many kilograms."""
    if kg < _LIGHTEST_KG:
        raise NotFitted("load: %d kg is too light to tell people by" % kg)
    return _refer("load", _REFERENCE_KG, kg)


def emptied() -> dict:
    """See that the load is that of nobody once the weight is off: else the two were mixed up, or something sticks.

    Then nobody knows which of the two is wrong, and the load says nothing until both are noted anew.
    """
    part, at_rest, under = fitting.noted.get("load", ("", 0, 0))
    if at_rest == under:
        raise NotFitted("load: first note what it says at rest and under a weight")
    kg = (_steady("load")["level"] - at_rest) * _REFERENCE_KG // (under - at_rest)
    if abs(kg) >= _NOBODY_KG:
        _note("load", [part, at_rest, at_rest])
        raise NotFitted("load: reads as %d kg with nobody on it; note both anew" % kg)
    return {"kg": kg}


def _refer(channel: str, numerator: int, denominator: int) -> dict:
    if channel not in fitting.noted:
        raise NotFitted("%s: first note what it says at rest" % channel)
    part, at_rest, _ = fitting.noted[channel]
    measured = _steady(channel)
    level, noise = measured["level"], measured["noise"]
    if abs(level - at_rest) < _LEAST * max(1, noise):
        raise NotFitted("%s: %d is too near to %d at rest, with a noise of %d" % (channel, level, at_rest, noise))
    # Load cells and a direct current may be wired either way round.
    if (part == "ac" or channel == "air") and level < at_rest:
        raise NotFitted("%s: %d is less than %d at rest; are the two mixed up?" % (channel, level, at_rest))
    _note(channel, [part, at_rest, at_rest + (level - at_rest) * numerator // denominator])
    return measured


def _with(key: str, value, measure, *given) -> dict:
    """What is measured through a part that is not noted yet. If it fails, all is as it was."""
    before = dict(fitting.noted)
    fitting.noted[key] = value
    try:
        return measure(*given)
    except NotFitted:
        fitting.noted.clear()
        fitting.noted.update(before)
        raise


def _gravity() -> dict:
    sensor = board.imu()
    if sensor is None:
        raise NotFitted("the %s does not answer" % fitting.noted["imu"])
    return {"mg": sensor.mg()}


def _steady(channel: str) -> dict:
    """The mean of some readings, and their mean distance from it."""
    part = fitting.noted[channel][0]
    read = _CHANNELS[channel]().read
    seen = []
    try:
        seen = [read() for _ in range(_READINGS)]
    except OSError as error:
        print("%s: %s" % (channel, error))
    if not seen:
        raise NotFitted("%s: the %s does not answer, or a wire is broken" % (channel, part))
    mean = sum(seen) // _READINGS
    if part == "dc" and mean >= _MOST_UV:
        raise NotFitted("%s: %d mV is more than the pin can tell" % (channel, mean // 1000))
    return {"level": mean, "noise": sum(abs(one - mean) for one in seen) // _READINGS}


def _note(key: str, value) -> None:
    import esp32

    fitting.noted[key] = value
    nvs = esp32.NVS("kitback")
    nvs.set_blob(fitting.KEY, json.dumps(fitting.noted).encode())
    nvs.commit()
    print("%s %s" % (key, value))
