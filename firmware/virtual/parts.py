"""Sensors that hang on a virtual tag, down to their registers and wires. The world's header `fitted` names them.

    lis3dh   an accelerometer on the I2C bus, its interrupt on the motion pin
    hx711    load cells behind a converter of two wires
    ac       a current transformer: the motor's pin swings about half the supply, 50 times a second

Without them the pins carry plain voltages.
"""

import math

import world

_state = world.state
_MV = 1_000  # microvolts
_PERSON_KG = 80
_PERIOD_US = 20_000  # of 50 Hz


def noise(amplitude):
    """What the world's noise makes of a part that is usually wrong by up to `amplitude`."""
    return world.noise(amplitude * world.noise_pct // 100)


def load_kg():
    return _PERSON_KG * (_state["occupied"] or _state["loaded"]) + _state["kg"]


def motor_current():
    """Microvolts at its pin: rectified, or as a current transformer gives it."""
    running = _state["motor"]
    if "ac" not in world.fitted:
        return (800 if running else 20) * _MV + noise(10 * _MV)
    phase = world.now() % _PERIOD_US
    swing = int(300 * _MV * math.sin(2 * math.pi * phase / _PERIOD_US)) if running else 0
    return 1650 * _MV + swing + noise(20 * _MV)


def air_pressure():
    """Microvolts: up and down by 600 mV in ten minutes while the pump runs, from a level that follows the weight."""
    base = (600 + _state["kg"]) * _MV + noise(10 * _MV) + noise(_state["shake"] * _MV)
    if not _state["motor"]:
        return base
    phase = world.true_us() // 1_000 % 600_000
    return base + 2 * min(phase, 600_000 - phase)


class Lis3dh:
    """At rest its Z axis points away from the ground; `mounted` turned it since, and `tilt` what it is screwed to."""

    ADDRESS = 0x18

    _MG_NOISE = 8

    def __init__(self):
        self._registers = bytearray(0x40)
        self._registers[0x0F] = 0x33

    def read(self, register, count):
        if register & 0x7F == 0x28:
            self._measure()
        elif register == 0x31:
            self._registers[0x31] = 0x40 if self.interrupts() else 0
            _state["motion"] = 0
        first = register & 0x7F
        return bytes(self._registers[first + i if register & 0x80 else first] for i in range(count))

    def write(self, register, data):
        for i in range(len(data)):
            self._registers[(register & 0x7F) + (i if register & 0x80 else 0)] = data[i]

    def interrupts(self):
        """The level of its interrupt's pin."""
        running = self._registers[0x20] & 0xF0
        armed = self._registers[0x22] & 0x40 and self._registers[0x30]
        return int(bool(running and armed and _state["motion"]))

    def _measure(self):
        angle = math.radians(_state["tilt"])
        up = _turned((math.sin(angle), 0.0, math.cos(angle)), world.mounted)
        for axis in range(3):
            mg = int(1000 * up[axis]) + noise(self._MG_NOISE) + noise(self._MG_NOISE) + world.noise(_state["shake"])
            value = max(-0x8000, min(0x7FFF, mg * 16)) & 0xFFC0  # ten bits, at the upper end of sixteen
            self._registers[0x28 + 2 * axis] = value & 0xFF
            self._registers[0x29 + 2 * axis] = value >> 8


def _turned(vector, degrees):
    """The vector, turned about X, then Y, then Z."""
    for axis in range(3):
        sine, cosine = math.sin(math.radians(degrees[axis])), math.cos(math.radians(degrees[axis]))
        a, b = vector[(axis + 1) % 3], vector[(axis + 2) % 3]
        turned = list(vector)
        turned[(axis + 1) % 3] = cosine * a - sine * b
        turned[(axis + 2) % 3] = sine * a + cosine * b
        vector = turned
    return vector


class Hx711:
    """Shifts out a conversion, the top bit first, one bit for each pulse of its clock."""

    _SETTLE_US = 400_000
    _OFF_US = 60
    _REST = 50_000  # counts without any load
    _PER_KG = 2_000

    def __init__(self):
        self._clock = 0
        self._rose_at = 0
        self._ready_at = self._SETTLE_US
        self._bits = 0
        self._value = 0

    def clock(self, level):
        if level and not self._clock:
            if not self._bits:
                counts = self._REST + self._PER_KG * load_kg() + noise(2 * self._PER_KG)
                self._value = max(-0x80_0000, min(0x7F_FFFF, counts)) & 0xFF_FFFF
            self._bits += 1
            self._rose_at = world.now()
        elif self._clock and not level:
            now = world.now()
            if now - self._rose_at > self._OFF_US:  # it was off
                self._bits = 0
                self._ready_at = now + self._SETTLE_US
        self._clock = level

    def data(self):
        if 1 <= self._bits <= 24:
            return self._value >> 24 - self._bits & 1
        return int(self._clock or self._bits > 24 or world.now() < self._ready_at)


lis3dh = Lis3dh()
hx711 = Hx711()
