"""`bluetooth` of the ESP32 port, as far as listening for advertisements goes."""

import micropython
import world

_IRQ_SCAN_RESULT = 5
_IRQ_SCAN_DONE = 6
_ADV_NONCONN_IND = 3


class BLE:
    def __init__(self):
        self._on = False
        self._handler = None

    def active(self, active=None):
        if active is None:
            return self._on
        self._on = bool(active)
        return self._on

    def irq(self, handler):
        self._handler = handler

    def gap_scan(self, duration_ms, interval_us=1_280_000, window_us=11_250, active=False):
        if not self._on:
            raise OSError(19)  # ENODEV
        if duration_ms is not None:
            micropython.schedule(self._deliver, duration_ms)

    def _deliver(self, duration_ms):
        world.wait(duration_ms * 1000)
        for address, rssi, is_random in world.heard_ble():
            told = (int(is_random), memoryview(address), _ADV_NONCONN_IND, rssi + world.noise(4), memoryview(b""))
            self._handler(_IRQ_SCAN_RESULT, told)
        self._handler(_IRQ_SCAN_DONE, ())
