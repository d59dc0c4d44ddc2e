"""Joining a Wi-Fi network, for a bounded time.

The short way goes back to the access point of the last time without a search, while it is fresh and nothing failed
since. The address of the last time goes with it only for as long as the shortest leases last, for nobody tells us ours
and then it may be somebody else's: after that a new one is asked for.

The long way listens for all access points, and takes the strongest of each provisioned network. One that was not heard
may be hidden: if any access point was heard that hides its name, it is called by name, while there is time.
"""

import time

import network
from micropython import const

from tag import clock
from tag.retained import state

_JOIN_MS = const(9000)  # everything in here together
_AGAIN_MS = const(2500)  # the short way with its address; its usual time is half a second
_TRY_MS = const(4000)  # one access point
_LOOK_MS = const(50)
_FRESH_S = const(12 * 3600)  # the access point; the equipment may have been moved
_LEASE_S = const(1800)  # half of the hour for which guests' networks lend an address; homes' routers lend it for a day
_BY_NAME = bytes(6)  # in place of the address of an access point: whichever answers to the name

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
    age = clock.now() - state.leased_at
    if not state.leased or state.network >= len(networks) or age >= _FRESH_S:
        return False
    bssid = bytes(state.bssid)
    if age < _LEASE_S:
        _keep_address(wlan)
        joined = _connect(wlan, networks[state.network], bssid, _AGAIN_MS)
    else:
        joined = _lease(wlan, networks, state.network, bssid, _TRY_MS)
    if not joined:
        forget()
    return joined


def _anew(wlan, networks, deadline) -> bool:
    for which, bssid in _found(wlan, [ssid.encode() for ssid, _ in networks]):
        left = time.ticks_diff(deadline, time.ticks_ms())
        if left <= 0:
            break
        if _lease(wlan, networks, which, bssid, min(_TRY_MS, left)):
            return True
    return False


def _found(wlan, names: list) -> list:
    """Which networks to try by which access point, in this order."""
    strongest: dict[int, tuple] = {}
    hidden = False
    for ssid, bssid, _, rssi, _, _ in wlan.scan():
        hidden = hidden or not ssid
        if ssid in names:
            which = names.index(ssid)
            strongest[which] = max(strongest.get(which, (-128, b"")), (rssi, bytes(bssid)))
    # The one that worked last first: the strongest may be one whose password was changed.
    order = sorted(strongest, key=lambda which: (which != state.network, -strongest[which][0]))
    found = [(which, strongest[which][1]) for which in order]
    if hidden:
        # There may be no time for all of them: after each failure another one is the first.
        turned = ((i + state.failures) % len(names) for i in range(len(names)))
        found += [(which, _BY_NAME) for which in turned if which not in strongest]
    return found


def _lease(wlan, networks, which: int, bssid: bytes, ms: int) -> bool:
    """Join by that access point, with an address from the network. Notes how, for the short way."""
    global _static
    if _static:
        wlan.ifconfig("dhcp")
        _static = False
    if not _connect(wlan, networks[which], bssid, ms):
        return False
    state.network = which
    state.bssid[:] = bssid
    state.lease[:] = bytes(int(part) for address in wlan.ifconfig() for part in address.split("."))
    state.leased_at = clock.now()
    state.leased = True
    return True


def _keep_address(wlan) -> None:
    global _static
    _static = True
    wlan.ifconfig(tuple(".".join(str(part) for part in state.lease[at : at + 4]) for at in range(0, 16, 4)))


def _connect(wlan, ssid_and_password, bssid: bytes, ms: int) -> bool:
    ssid, password = ssid_and_password
    until = time.ticks_add(time.ticks_ms(), ms)
    wlan.connect(ssid, password, bssid=None if bssid == _BY_NAME else bssid)
    while not wlan.isconnected():
        if time.ticks_diff(until, time.ticks_ms()) <= 0 or wlan.status() < network.STAT_IDLE:
            wlan.disconnect()
            return False
        time.sleep_ms(_LOOK_MS)
    return True
