"""What radio landmarks can be heard. Their addresses never leave this module: only keyed hashes do."""

import time
from binascii import hexlify

import bluetooth
import network
from micropython import const

from tag import hmac
from tag.retained import state

_STRONGEST = const(8)
_BLE_MS = const(3000)
_BLE_INTERVAL_US = const(100_000)
_BLE_WINDOW_US = const(50_000)
_MOST_HEARD = const(64)

_IRQ_SCAN_RESULT = const(5)
_IRQ_SCAN_DONE = const(6)
_ADDR_PUBLIC = const(0)


def anchors(key: bytes) -> list:
    """The strongest anchors, as [hash, dBm], strongest first. Takes up to 6 s; both radios are off before and after."""
    heard: dict[bytes, int] = {}
    began = time.ticks_ms()
    _hear_bluetooth(heard)
    between = time.ticks_ms()
    _hear_wifi(heard)
    state.bluetooth_ms += time.ticks_diff(between, began)
    state.wifi_ms += time.ticks_diff(time.ticks_ms(), between)
    strongest = sorted(heard.items(), key=lambda item: -item[1])[:_STRONGEST]
    return [[hexlify(hmac.digest(key, address)[:6]).decode(), rssi] for address, rssi in strongest]


def _hear(heard: dict, address, rssi: int) -> None:
    address = bytes(address)
    if rssi > heard.get(address, -128) and (address in heard or len(heard) < _MOST_HEARD):
        heard[address] = rssi


def _hear_wifi(heard: dict) -> None:
    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    try:
        for _, bssid, _, rssi, _, _ in wlan.scan():
            _hear(heard, bssid, rssi)
    finally:
        wlan.active(False)


def _hear_bluetooth(heard: dict) -> None:
    """Random addresses change by the quarter of an hour, and belong to people's telephones: they are no landmarks."""
    done = [False]

    def on_event(event, data):
        if event == _IRQ_SCAN_RESULT:
            kind, address, _, rssi, _ = data
            if kind == _ADDR_PUBLIC:
                _hear(heard, address, rssi)
        elif event == _IRQ_SCAN_DONE:
            done[0] = True

    ble = bluetooth.BLE()
    ble.active(True)
    try:
        ble.irq(on_event)
        ble.gap_scan(_BLE_MS, _BLE_INTERVAL_US, _BLE_WINDOW_US)
        for _ in range(_BLE_MS // 100 + 5):
            if done[0]:
                break
            time.sleep_ms(100)
    finally:
        ble.active(False)
