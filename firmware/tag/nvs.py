"""What the tag keeps in NVS: its provisioning, and counters that survive everything but a full erase."""

import esp32
from micropython import const

_LARGEST = const(2048)


def blob(key: str) -> bytes | None:
    """The bytes kept under a key, or None if there are none."""
    buffer = bytearray(_LARGEST)
    try:
        return bytes(buffer[: esp32.NVS("kitback").get_blob(key, buffer)])
    except OSError:
        return None


def count(key: str) -> int:
    """Adds one to a counter, durably, and gives the new value; the first is 1."""
    nvs = esp32.NVS("kitback")
    try:
        value = nvs.get_i32(key) + 1
    except OSError:
        value = 1
    nvs.set_i32(key, value)
    nvs.commit()
    return value
