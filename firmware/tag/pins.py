"""Which pin does what, on each chip that a tag may be built around.

Each row follows its chip's rules: voltages go to pins of the converter that works beside Wi-Fi (ADC1), motion to one
that ends deep sleep, and nothing to those that flash memory, USB or the way of starting need.
"""

import sys

_WHAT = (
    "battery",
    "load",
    "motor",
    "air",
    "mains",
    "motion",
    "hx711_data",
    "hx711_clock",
    "lamp",
    "buzzer",
    "sda",
    "scl",
)
_CHIPS = {
    "ESP32": (34, 35, 32, 33, 25, 27, 18, 19, 2, 26, 21, 22),
    "ESP32S3": (1, 2, 4, 5, 6, 7, 15, 16, 21, 14, 8, 9),
    # It has few: load cells take the pins of motor and air, which only a mattress needs beside them. Its serial line
    # is USB, for the other one's pins are in use.
    "ESP32C3": (0, 1, 3, 4, 6, 5, 3, 4, 21, 20, 7, 10),
}


def of(chip: str) -> dict:
    """The pins of a chip by what they do."""
    row = _CHIPS[chip]
    return {what: row[i] for i, what in enumerate(_WHAT)}


def _chip() -> str:
    """The chip, from a name such as "Generic module with ESP32-S3-PICO"; one without a row is taken for the first."""
    name = sys.implementation._machine.split()[-1].replace("-", "")
    return name[:7] if name[:7] in _CHIPS else "ESP32"


CHIP = _chip()
PINS = of(CHIP)
