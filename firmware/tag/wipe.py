"""Decontamination: keys, networks, settings and journal go; only the counters stay, so that no number is given twice.

It may be cut off at any moment and is then finished at the next start.
"""

import machine
from micropython import const

from tag import board, nvs, retained

_BEGUN = "wiping"
_BLOCKS = const(4)  # requests of the block protocol
_ERASE = const(6)


def begin() -> None:
    """Wipe now."""
    resolve()
    finish()


def resolve() -> None:
    """From here on there is no way back: `finish` does it, at the next start if not before."""
    nvs.count(_BEGUN)


def finish() -> None:
    """Do what is left of a wipe that has begun, and sleep until somebody resets the chip. Otherwise return."""
    if not nvs.number(_BEGUN):
        return
    nvs.erase("provision", "settings", "commands")
    flash = board.journal_flash()
    if flash:
        for sector in range(flash.ioctl(_BLOCKS, 0)):
            flash.ioctl(_ERASE, sector)
    retained.forget()
    nvs.erase(_BEGUN)
    print("wiped")
    machine.deepsleep()
