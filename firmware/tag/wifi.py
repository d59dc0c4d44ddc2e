"""Joining a Wi-Fi network, for a bounded time.

The short way goes back to the access point and the address of the last time: no search, no DHCP. Either may be gone or
somebody else's by now, so it is taken only while the address is fresh and nothing failed since. The long way listens
for all access points, takes the strongest of each provisioned network, and asks for an address.
"""

import time

import network
from micropython import const

from tag import clock
from tag.retained import state

_JOIN_MS = const(9000)  # everything in here together
_AGAIN_MS = const(2500)  # the short way; its usual time is half a second
_TRY_MS = const(4000)  # one access point of the long way
_LOOK_MS = const(50)
_LEASE_S = const(12 * 3600)  # half of the day for which a home's router lends an address

_on_since = time.ticks_ms()  # when the radio was switched on
_static = False  # whether the interface has a fixed address since the chip started


def join(networks) -> bool:
    """Join one of the networks ([ssid, password]). Whether that worked."""
    global _on_since
    _on_since = started = time.ticks_ms()
    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    wlan.config(reconnects=1)  # else a wrong password looks like a slow network
    if not _again(wlan, networks) and not _anew(wlan, networks, time.ticks_add(started, _JOIN_MS)):
        return False
    print("wifi connected %d ms" % time.ticks_diff(time.ticks_ms(), started))
    return True


def dns_server() -> str:
    """The address of the network's name server."""
    return network.WLAN(network.WLAN.IF_STA).ifconfig()[3]


def forget() -> None:
    """Something failed: go the long way next time."""
    state.leased = False


def leave() -> None:
    """Switch the radio off."""
    wlan = network.WLAN(network.WLAN.IF_STA)
    if wlan.active():
        wlan.disconnect()
        wlan.active(False)
        state.wifi_ms += time.ticks_diff(time.ticks_ms(), _on_since)


def _again(wlan, networks) -> bool:
    global _static
    if not state.leased or state.network >= len(networks) or clock.now() - state.leased_at >= _LEASE_S:
        return False
    _static = True
    wlan.ifconfig(tuple(".".join(str(part) for part in state.lease[at : at + 4]) for at in range(0, 16, 4)))
    if _connect(wlan, networks[state.network], bytes(state.bssid), _AGAIN_MS):
        return True
    forget()
    return False


def _anew(wlan, networks, deadline) -> bool:
    global _static
    if _static:
        wlan.ifconfig("dhcp")
        _static = False
    names = [ssid.encode() for ssid, _ in networks]
    strongest: dict[int, tuple] = {}
    for ssid, bssid, _, rssi, _, _ in wlan.scan():
        if ssid in names:
            which = names.index(ssid)
            strongest[which] = max(strongest.get(which, (-128, b"")), (rssi, bytes(bssid)))
    # The one that worked last first: the strongest may be one whose password was changed.
    for which in sorted(strongest, key=lambda which: (which != state.network, -strongest[which][0])):
        bssid = strongest[which][1]
        if _connect(wlan, networks[which], bssid, min(_TRY_MS, time.ticks_diff(deadline, time.ticks_ms()))):
            state.network = which
            state.bssid[:] = bssid
            state.lease[:] = bytes(int(part) for address in wlan.ifconfig() for part in address.split("."))
            state.leased_at = clock.now()
            state.leased = True
            return True
    return False


def _connect(wlan, ssid_and_password, bssid: bytes, ms: int) -> bool:
    ssid, password = ssid_and_password
    until = time.ticks_add(time.ticks_ms(), ms)
    wlan.connect(ssid, password, bssid=bssid)
    while not wlan.isconnected():
        if time.ticks_diff(until, time.ticks_ms()) <= 0 or wlan.status() < network.STAT_IDLE:
            wlan.disconnect()
            return False
        time.sleep_ms(_LOOK_MS)
    return True
