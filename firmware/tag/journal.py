"""The tag's journal: a ring of records on a flash partition of its own, safe against power loss at any moment.

Each sector begins with a header (journal id, generation, serial number of the sector, first sequence number in it),
followed by records, programmed in place one after the other. Everything carries a CRC-32, so that what was half done
when power failed is seen for what it is. A full sector is followed by the next one, which is erased first: when the
ring is full, the oldest go. Its neighbour holds the journal's id and newest sequence number meanwhile, so neither is
ever lost, and no number is given twice.

A record is kept as the JSON it is reported as: `[kind, seq, at, ...]`. An empty frame says that its number is spent.
"""

import json
import os
import struct
from binascii import crc32

from micropython import const

_MAGIC = const(0x314A424B)  # "KBJ1"
_HEADER = "<IIIIII"  # magic, id, generation, serial, first, crc
_HEADER_SIZE = const(24)
_FRAME = "<HIII"  # length of the JSON, seq, clock, crc
_FRAME_SIZE = const(14)
_ALIGN = const(4)
_BLANK = b"\xff" * 64

_COUNT = const(4)  # requests of the block protocol
_BLOCK_SIZE = const(5)
_ERASE = const(6)


class Journal:
    """The journal on a partition with the extended block protocol.

    `next_generation` is called when there is none yet and it has to be formatted.
    """

    def __init__(self, flash, next_generation) -> None:
        self._flash = flash
        self._sectors = flash.ioctl(_COUNT, 0)
        self._size = flash.ioctl(_BLOCK_SIZE, 0)
        self._buffer = bytearray(self._size)
        self._view = memoryview(self._buffer)
        self._ring: list[tuple[int, int, int]] = []  # (serial, sector, first), oldest first
        self._torn = False  # whether the number before `_next` was spent on a record that was not finished
        self._mount()
        if not self._ring:
            self.number = struct.unpack("<I", os.urandom(4))[0]
            self.generation = next_generation()
            self.newest = 0
            self._next = 1
            self._open_sector(0, 0)

    @property
    def id(self) -> str:
        """What the journal is called on the wire."""
        return "%08x-%d" % (self.number, self.generation)

    @property
    def oldest(self) -> int:
        """The lowest sequence number still held, or `newest + 1`."""
        return min(self._ring[0][2], self.newest + 1)

    def append(self, clock: int, kind: str, at: int, *rest) -> int:
        """Write a record durably and return its sequence number."""
        text = json.dumps([kind, self._next, at] + list(rest), separators=(",", ":")).encode()
        size = _room(text)
        if self._end + size + self._torn * _room(b"") > self._size:
            serial, sector, _ = self._ring[-1]
            self._open_sector(serial + 1, (sector + 1) % self._sectors)
        elif self._torn:  # or, should this be torn as well, nobody could tell how many numbers are spent
            self._write(self._next - 1, clock, b"")
        # Should the write fail, its place and its number are spent all the same.
        self._torn = True
        self._next += 1
        self._write(self._next - 1, clock, text)
        self._torn = False
        self.newest = self._next - 1
        return self.newest

    def _write(self, seq: int, clock: int, text: bytes) -> None:
        frame = bytearray(_FRAME_SIZE + len(text))
        frame[_FRAME_SIZE:] = text
        struct.pack_into(_FRAME, frame, 0, len(text), seq, clock, 0)
        struct.pack_into("<I", frame, _FRAME_SIZE - 4, _frame_crc(memoryview(frame)))
        end = self._end
        self._end += _room(text)
        self._flash.writeblocks(self._ring[-1][1], frame, end)

    def read(self, after: int):
        """Yield (seq, clock, JSON) of the records above a sequence number. Use the JSON before the next step."""
        for i in range(len(self._ring)):
            if i + 1 < len(self._ring) and self._ring[i + 1][2] <= after + 1:
                continue
            for at, length, seq, clock in self._frames(self._ring[i][1]):
                if length and seq > after:
                    yield seq, clock, self._view[at + _FRAME_SIZE : at + _FRAME_SIZE + length]

    def _mount(self) -> None:
        """Find the ring and its end."""
        headers = []
        for sector in range(self._sectors):
            header = self._header(sector)
            if header:
                headers.append((header, sector))
        if not headers:
            return
        self.generation, _, self.number, _ = max(headers)[0]
        for (generation, serial, number, first), sector in headers:
            if generation == self.generation and number == self.number:
                self._ring.append((serial, sector, first))
        self._ring.sort()
        _, sector, self._next = self._ring[-1]
        self._end = _HEADER_SIZE
        newest = 0
        for at, length, seq, _ in self._frames(sector):
            if length:
                newest = seq
            self._next = seq + 1
            self._end = _aligned(at + _FRAME_SIZE + length)
        used = self._used()
        if used > self._end:
            # Power failed while a record was written. Its number is not given again: its cells may read well later.
            self._end = used
            self._next += 1
            self._torn = True
        self.newest = newest or self._newest_before()

    def _newest_before(self) -> int:
        """The newest record that is whole in the sectors before the last; the number before its first may be spent."""
        for _, sector, _ in reversed(self._ring[:-1]):
            newest = max((seq for _, length, seq, _ in self._frames(sector) if length), default=0)
            if newest:
                return newest
        return self._ring[0][2] - 1

    def _header(self, sector: int):
        """(generation, serial, id, first) of a sector, or None if it has no good header."""
        view = self._view[:_HEADER_SIZE]
        self._flash.readblocks(sector, view, 0)
        magic, number, generation, serial, first, crc = struct.unpack(_HEADER, view)
        if magic != _MAGIC or crc != crc32(view[: _HEADER_SIZE - 4]):
            return None
        return generation, serial, number, first

    def _open_sector(self, serial: int, sector: int) -> None:
        """Begin a sector. It is always erased: one that looks blank may have been cut off while it was being erased."""
        self._ring = [held for held in self._ring if held[1] != sector]
        self._flash.ioctl(_ERASE, sector)
        header = bytearray(_HEADER_SIZE)
        struct.pack_into(_HEADER, header, 0, _MAGIC, self.number, self.generation, serial, self._next, 0)
        struct.pack_into("<I", header, _HEADER_SIZE - 4, crc32(memoryview(header)[: _HEADER_SIZE - 4]))
        self._flash.writeblocks(sector, header, 0)
        self._ring.append((serial, sector, self._next))
        self._end = _HEADER_SIZE

    def _frames(self, sector: int):
        """Read a sector into the buffer and yield (offset, length of the JSON, seq, clock) of its good records."""
        self._flash.readblocks(sector, self._buffer, 0)
        at = _HEADER_SIZE
        used = self._used()
        while at + _FRAME_SIZE < used:
            length, seq, clock, crc = struct.unpack_from(_FRAME, self._buffer, at)
            end = at + _FRAME_SIZE + length
            if end <= self._size and crc == _frame_crc(self._view[at:end]):
                yield at, length, seq, clock
                at = _aligned(end)
            else:
                at += _ALIGN

    def _used(self) -> int:
        """Where the blank rest of the sector in the buffer begins."""
        end = self._size
        while end > _HEADER_SIZE and self._view[end - 64 : end] == _BLANK:
            end -= 64
        while end > _HEADER_SIZE and self._view[end - _ALIGN : end] == _BLANK[:_ALIGN]:
            end -= _ALIGN
        return max(end, _HEADER_SIZE)


def _aligned(size: int) -> int:
    return (size + _ALIGN - 1) // _ALIGN * _ALIGN


def _room(text: bytes) -> int:
    """What a frame around this takes."""
    return _aligned(_FRAME_SIZE + len(text))


def _frame_crc(frame) -> int:
    return crc32(frame[_FRAME_SIZE:], crc32(frame[: _FRAME_SIZE - 4]))
