"""Joining a Wi-Fi network, for a bounded time."""

import time

import network
from micropython import const

from tag.retained import state

_JOIN_MS = const(6000)
_LOOK_MS = const(50)


def join(networks) -> bool:
    """Join one of the networks ([ssid, password]), the one that worked last first. Whether that worked."""
    started = time.ticks_ms()
    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    for i in range(len(networks)):
        chosen = (state.network + i) % len(networks)
        wlan.connect(*networks[chosen])
        while not wlan.isconnected():
            if time.ticks_diff(time.ticks_ms(), started) >= _JOIN_MS * (i + 1) // len(networks):
                break
            time.sleep_ms(_LOOK_MS)
        if wlan.isconnected():
            state.network = chosen
            print("wifi connected %d ms" % time.ticks_diff(time.ticks_ms(), started))
            return True
        wlan.disconnect()
    return False


def leave() -> None:
    """Switch the radio off."""
    wlan = network.WLAN(network.WLAN.IF_STA)
    if wlan.active():
        wlan.disconnect()
        wlan.active(False)
