"""How the tag itself is."""

import gc

from tag import board
from tag.retained import state


def since_last():
    """(battery in mV, bytes of heap free, wakes, seconds awake), the last two since this was last asked."""
    gc.collect()
    told = (board.battery_mv(), gc.mem_free(), state.wakes, state.awake_ms // 1000)
    state.wakes = 0
    state.awake_ms = 0
    return told
