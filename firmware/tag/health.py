"""How the tag itself is."""

import gc

from micropython import const

from tag import board, energy
from tag.retained import state

_FINE_ENOUGH = const(256)


def since_last(now: int):
    """The rest of a health record. Times and counts are since this was last asked."""
    gc.collect()
    free = gc.mem_free()
    battery_mv = board.battery_mv()
    pct = energy.battery_pct(battery_mv)
    span_s = now - state.ledger_at
    starts = state.wakes - state.light_wakes
    used = energy.used_uc(span_s, state.awake_ms, state.wifi_ms, state.bluetooth_ms, state.light_s, starts)
    told = (
        battery_mv,
        free,
        state.wakes,
        state.awake_ms // 1000,
        pct,
        _largest_block(free),
        state.wifi_ms // 1000,
        state.bluetooth_ms // 1000,
        used // 1000,
        None if board.mains()() else energy.days_left(pct, used, span_s),
    )
    state.ledger_at = now
    state.wakes = state.light_wakes = 0
    state.awake_ms = state.wifi_ms = state.bluetooth_ms = state.light_s = 0
    return told


def _largest_block(free: int) -> int:
    """The most that can be had in one piece, to a few hundred bytes. MicroPython does not tell it; asking does."""
    had, too_much = 0, free + 1
    while too_much - had > _FINE_ENOUGH:
        size = (had + too_much) // 2
        try:
            bytearray(size)
            had = size
        except MemoryError:
            too_much = size
        gc.collect()
    return had
