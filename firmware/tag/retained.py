"""The tag's state across deep sleep and resets, kept in RTC memory.

`state` looks straight into the buffer that is kept, so that nothing has to be packed or unpacked. It is trusted only
with the right magic and checksum: RTC memory holds anything at all after a power loss, or another version's state
after an update. Times are counters of the present clock unless they say otherwise.
"""

import binascii

import machine
import uctypes
from micropython import const

_MAGIC = const(0x4B42_0003)  # "KB" and the version of the layout
_SIZE = const(248)
_CHECKED_FROM = const(8)

MYPY = False
if MYPY:  # which cannot know the fields
    from typing import Any

    state: Any

_u32 = uctypes.UINT32
_u16 = uctypes.UINT16
_u8 = uctypes.UINT8

_buffer = bytearray(_SIZE)
_checked = memoryview(_buffer)[_CHECKED_FROM:]
_memory = machine.RTC().memory

state = uctypes.struct(
    uctypes.addressof(_buffer),
    {
        "magic": _u32 | 0,
        "checksum": _u32 | 4,
        # the clock
        "offset": uctypes.INT64 | 8,  # counter less RTC
        "clock": _u32 | 16,  # its number
        "seen": _u32 | 20,  # newest counter seen
        "pair_sent": _u32 | 24,  # newest round trip: counter when sent,
        "pair_acked": _u32 | 28,  # counter when acked,
        "pair_unix": _u32 | 32,  # Unix time in the ack; 0: no round trip on this clock yet
        # the open span of use
        "span_at": _u32 | 36,
        "in_use": _u32 | 40,
        "events": _u32 | 44,
        "used_at": _u32 | 48,  # last sense with use
        "sensed_at": _u32 | 52,
        # due times
        "scanned_at": _u32 | 56,  # last listened for anchors
        "fix_at": _u32 | 60,  # last fix journalled
        "fix_sum": _u32 | 64,  # checksum of its anchors
        "moved_at": _u32 | 68,
        "health_at": _u32 | 72,
        "report_at": _u32 | 76,  # next report
        # the journal
        "journal": _u32 | 80,  # id of the journal that `acked` and `refused` belong to
        "acked": _u32 | 84,  # all records up to here are safe at the gateway
        "refused": _u32 | 88,  # all records up to here are safe or were refused one by one
        # health, since the last record of it
        "wakes": _u32 | 92,
        "awake_ms": _u32 | 96,
        # small things
        "cells": (uctypes.ARRAY | 100, 4 | _u8),  # see use/hysteresis.py
        "boot_at": _u32 | 104,  # last start; in safe mode its own, or its last try of life
        "boots": _u16 | 108,  # starts not journalled yet
        "boot_cause": _u8 | 110,
        "kind": _u8 | 111,
        "using": _u8 | 112,  # in use at the last sense
        "busy": _u8 | 113,  # the open span has use in it
        "moved": _u8 | 114,  # moved since the last fix
        "fixed": _u8 | 115,  # how often the present anchors were noted, up to twice; 0: no fix since power came
        "alarms": _u8 | 116,
        "failures": _u8 | 117,  # reports failed in a row
        "crashes": _u8 | 118,  # cycles raised in a row
        "network": _u8 | 119,  # which of the provisioned networks worked last
        # settings, see settings.py; 0: as the tag's makers set it
        "settings": _u32 | 120,  # revision in force
        "report_s": _u32 | 124,
        "fix_s": _u32 | 128,
        "scan_gap_s": _u32 | 132,
        "settled_s": _u16 | 136,
        "pause_s": _u16 | 138,
        "safe_mv": _u16 | 140,
        # commands
        "asked": _u8 | 142,  # a fix and a health record are wanted, due or not
        "rebooting": _u8 | 143,  # the next reset is wanted
        "maintain_until": _u32 | 144,  # no sleep before
        # the last crash, as text: what and where
        "crash": (uctypes.ARRAY | 148, 40 | _u8),
        # where the network was joined last, see wifi.py
        "leased_at": _u32 | 188,
        "lease": (uctypes.ARRAY | 192, 16 | _u8),  # address, netmask, gateway, name server
        "bssid": (uctypes.ARRAY | 208, 6 | _u8),
        "leased": _u8 | 214,  # whether the three above may be used again
        "reporting": _u8 | 215,  # a report was begun and has not ended
        "tilt": (uctypes.ARRAY | 216, 6 | uctypes.INT16),  # see use/tilt.py
        # the energy ledger, with `wakes` and `awake_ms`
        "ledger_at": _u32 | 228,  # since when
        "wifi_ms": _u32 | 232,  # of `awake_ms`, with that radio on
        "bluetooth_ms": _u32 | 236,
        "light_s": _u32 | 240,  # in light sleep
        "light_wakes": _u32 | 244,  # of `wakes`, those from light sleep
    },
)


def load() -> bool:
    """Fetch the state. False, and all zero, if there is none to trust."""
    kept = _memory()
    if len(kept) == _SIZE:
        _buffer[:] = kept
        if state.magic == _MAGIC and state.checksum == binascii.crc32(_checked):
            return True
    clear()
    return False


def save() -> None:
    """Keep the state as it is now."""
    state.magic = _MAGIC
    state.checksum = binascii.crc32(_checked)
    _memory(_buffer)


def clear() -> None:
    """Begin with a state of zeros. What is kept stays until `save`."""
    _buffer[:] = bytes(_SIZE)


def renew() -> None:
    """Begin with a state of zeros, but remember the crashes, and the starts that are not journalled yet."""
    crashes, crash = state.crashes, bytes(state.crash)
    boots, boot_cause = state.boots, state.boot_cause
    clear()
    state.boots = boots
    state.boot_cause = boot_cause
    state.crashes = crashes
    state.crash[:] = crash


def expect_reset() -> None:
    """Let the next reset be no crash. What is kept stays otherwise, whatever the cycle has half done since."""
    if load():
        state.rebooting = True
        state.reporting = False
        save()


def forget() -> None:
    """Keep nothing, not even where it was."""
    _memory(bytes(len(_memory())))
    _memory(b"")
