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


def number(key: str) -> int:
    """The number kept under a key; 0 if there is none."""
    try:
        return esp32.NVS("kitback").get_i32(key)
    except OSError:
        return 0


def keep(key: str, value: int) -> None:
    """Keep a number, durably."""
    nvs = esp32.NVS("kitback")
    nvs.set_i32(key, value)
    nvs.commit()


def keep_blob(key: str, value: bytes) -> None:
    """Keep some bytes, durably."""
    nvs = esp32.NVS("kitback")
    nvs.set_blob(key, value)
    nvs.commit()


def erase(*keys: str) -> None:
    """Keep nothing under these keys."""
    nvs = esp32.NVS("kitback")
    for key in keys:
        try:
            nvs.erase_key(key)
        except OSError:  # there was nothing
            pass
    nvs.commit()


def count(key: str) -> int:
    """Adds one to a counter, durably, and gives the new value; the first is 1."""
    value = number(key) + 1
    keep(key, value)
    return value
