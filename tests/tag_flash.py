"""Reads a virtual tag's flash from outside, without a line of the tag's or the gateway's code."""

import json
import re
import struct
from binascii import crc32
from pathlib import Path

from kitback import wire

_RECORD = re.compile(rb'\["(?:boot|use|fix|alarm|health)",\d+,\d+')
_HEADER = struct.Struct("<IIIIII")
_FRAME = struct.Struct("<HIII")  # length, seq, clock, CRC; docs/protocol.md does not promise this: it is the tag's own


def journal_id(flash: Path) -> str:
    """What the journal is called on the wire."""
    _, number, generation, *_ = _HEADER.unpack_from(flash.read_bytes())
    return f"{number:08x}-{generation}"


def records(flash: Path) -> dict[int, tuple[int, wire.Record]]:
    """Every record that is whole: by sequence number its clock and itself."""
    cells = flash.read_bytes()
    found = {}
    for match in _RECORD.finditer(cells):
        at = match.start()
        length, seq, clock, crc = _FRAME.unpack_from(cells, at - _FRAME.size)
        text = cells[at : at + length]
        if crc == crc32(text, crc32(cells[at - _FRAME.size : at - 4])):
            assert json.loads(text)[1] == seq
            found[seq] = (clock, wire.record_decoder.decode(text))
    return found
