"""The time of a story, shared by the processes of one machine.

Virtual tags skip what nobody needs to see. The gateway that answers them therefore lives in the story's time, which
stands still, jumps, or runs at the rate of the wall clock. It is kept in a small file that every process maps into its
memory, so that a gateway which is killed and started again, or runs elsewhere, reads the same time.
"""

import mmap
import struct
import time
from pathlib import Path
from typing import Final, Self

# How often it was set; then two slots of (story time in us, monotonic clock in ns since when it runs; 0 if it stands).
# Slot `count % 2` is valid. A writer fills the other one and then counts up, so a reader never waits for a writer.
_COUNT: Final = struct.Struct("=Q")
_SLOT: Final = struct.Struct("=qq")
_SIZE: Final = _COUNT.size + 2 * _SLOT.size


class StoryClock:
    """A `Clock` for a story. It never goes backwards. One process at a time may set it; any number may read it."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory

    @classmethod
    def create(cls, path: Path, now_us: int) -> Self:
        """A new clock, standing at `now_us`. The file must not exist."""
        with path.open("xb") as file:
            file.write(_COUNT.pack(0) + _SLOT.pack(now_us, 0) * 2)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The clock that another process, or an earlier call, made at this path."""
        with path.open("r+b") as file:
            return cls(mmap.mmap(file.fileno(), _SIZE))

    def now_us(self) -> int:
        stood_at, runs_from = self._read()
        return stood_at + (time.monotonic_ns() - runs_from) // 1000 if runs_from else stood_at

    def synchronised(self) -> bool:
        return True

    def jump_to(self, us: int) -> None:
        """Be at `us`, unless it is later already."""
        _, runs_from = self._read()
        self._write(max(us, self.now_us()), time.monotonic_ns() if runs_from else 0)

    def run(self) -> None:
        """Go on at the wall clock's rate."""
        self._write(self.now_us(), time.monotonic_ns())

    def freeze(self) -> None:
        """Stand still."""
        self._write(self.now_us(), 0)

    def _read(self) -> tuple[int, int]:
        while True:
            count = self._count()
            slot: tuple[int, int] = _SLOT.unpack_from(self._memory, _offset(count))
            if self._count() == count:
                return slot

    def _write(self, stood_at: int, runs_from: int) -> None:
        count = self._count() + 1
        _SLOT.pack_into(self._memory, _offset(count), stood_at, runs_from)
        _COUNT.pack_into(self._memory, 0, count)

    def _count(self) -> int:
        count: int = _COUNT.unpack_from(self._memory, 0)[0]
        return count


def _offset(count: int) -> int:
    return _COUNT.size + count % 2 * _SLOT.size
