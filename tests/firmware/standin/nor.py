"""A flash that keeps the rules of NOR and can lose power in any program or erase."""


class PowerCut(BaseException):
    pass


class Nor:
    """Operation number `cut_at` is done by only so many quarters (0 to 4), and power is lost. 0 is never."""

    def __init__(self, sectors, size, cut_at=0, quarters=0):
        self.cells = bytearray(b"\xff" * (sectors * size))
        self._sectors = sectors
        self._size = size
        self.operations = 0
        self.erases = 0
        self._cut_at = cut_at
        self._quarters = quarters

    def ioctl(self, request, argument):
        if request == 4:
            return self._sectors
        if request == 5:
            return self._size
        assert request == 6
        self.erases += 1
        done = self._done(self._size)
        start = argument * self._size
        self.cells[start : start + done] = b"\xff" * done
        self._end()
        return 0

    def readblocks(self, block, buffer, offset=0):
        start = block * self._size + offset
        assert offset + len(buffer) <= self._size
        buffer[:] = self.cells[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset):
        assert offset + len(buffer) <= self._size, "programs past the sector"
        start = block * self._size + offset
        done = self._done(len(buffer))
        for i in range(done):
            assert self.cells[start + i] == 0xFF, "programs what is not erased"
            self.cells[start + i] &= buffer[i]
        self._end()

    def power_on(self):
        """From here on nothing is cut."""
        self._cut_at = 0

    def _done(self, length):
        self.operations += 1
        return length * self._quarters // 4 if self.operations == self._cut_at else length

    def _end(self):
        if self.operations == self._cut_at:
            raise PowerCut
