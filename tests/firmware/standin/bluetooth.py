"""A place without any Bluetooth."""


class BLE:
    def active(self, on):
        pass

    def irq(self, handler):
        self._handler = handler

    def gap_scan(self, duration_ms, interval_us, window_us):
        self._handler(6, ())
