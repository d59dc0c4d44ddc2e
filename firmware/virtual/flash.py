"""A flash chip in a file, with the rules of NOR: programming only clears bits, erasing sets a whole sector.

Power can be cut in the middle of an operation: a file `cut_at` beside it says which program or erase from now on is cut
(1 is the next one), and how many quarters of that one are still done.
"""

import world

SECTOR = 4096


class Flash:
    """`size` bytes, erased when the file is new."""

    def __init__(self, directory, size):
        self.size = size
        self._cut_path = directory + "/cut_at"
        path = directory + "/flash.bin"
        try:
            self._file = open(path, "r+b")
        except OSError:
            self._file = open(path, "w+b")
            for _ in range(size // SECTOR):
                self._file.write(b"\xff" * SECTOR)
        self._cut_in, self._quarters = _numbers_in(self._cut_path)

    def read(self, at, buffer):
        self._check(at, len(buffer))
        self._file.seek(at)
        self._file.readinto(buffer)

    def program(self, at, data):
        self._check(at, len(data))
        cut = self._is_cut()
        count = len(data) * self._quarters // 4 if cut else len(data)
        cells = bytearray(count)
        self._file.seek(at)
        self._file.readinto(cells)
        for i in range(count):
            cells[i] &= data[i]
        self._file.seek(at)
        self._file.write(cells)
        if cut:
            world.lose_power()

    def erase(self, sector):
        self._check(sector * SECTOR, SECTOR)
        cut = self._is_cut()
        self._file.seek(sector * SECTOR)
        self._file.write(b"\xff" * (SECTOR * self._quarters // 4 if cut else SECTOR))
        if cut:
            world.lose_power()

    def _check(self, at, count):
        if world.dead:
            raise world.PowerLost
        if at < 0 or at + count > self.size:
            raise OSError(-0x102, "ESP_ERR_INVALID_ARG")

    def _is_cut(self):
        if not self._cut_in:
            return False
        self._cut_in -= 1
        world.replace_file(self._cut_path, "%d %d" % (self._cut_in, self._quarters))
        return self._cut_in == 0


def _numbers_in(path):
    try:
        with open(path) as file:
            which, quarters = file.read().split()
            return int(which), int(quarters)
    except OSError:
        return 0, 0
