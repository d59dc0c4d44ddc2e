"""A sensor's reading in parts of its own scale, so that one threshold suits every part and every fitting."""


class Gauge:
    """0 is what the sensor said at rest, 1000 what it said under its reference; see tag/fit.py.

    `read` gives a reading in the sensor's own unit, or raises OSError.
    """

    def __init__(self, read, rest: int, reference: int) -> None:
        self.read = read
        self._rest = rest
        self._span = reference - rest

    def level(self) -> int | None:
        """The level now, or None when there is none to be had: the sensor is broken, or nobody noted its reference."""
        if not self._span:
            return None
        try:
            return (self.read() - self._rest) * 1000 // self._span
        except OSError as error:
            print("sensor: %s" % error)
            return None
