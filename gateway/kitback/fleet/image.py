"""The flash image: stock MicroPython with a partition for the journal, and its way onto a chip."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from mp_image_tool_esp32.image_header import ImageHeader
from mp_image_tool_esp32.partition_table import (
    PART_MAGIC,
    PART_NAME_LEN,
    PART_TABLE_OFFSET,
    PART_TABLE_SIZE,
    PartitionEntry,
    PartitionError,
    PartitionTable,
)

STARTS_AT: Final = {"esp32": 0x1000, "esp32s3": 0, "esp32c3": 0}
"""The chips that tags are built with, and where in the flash their image begins."""

JOURNAL: Final = "journal"
JOURNAL_SIZE: Final = 64 * 1024
_HEADER_SIZE: Final = 24
_DATA: Final = 1
_OURS: Final = 0x40  # the first subtype that is left to applications
_FILES: Final = "vfs"
_SMALLEST_FILES: Final = 256 * 1024


class BadImage(Exception):
    """The file is no image that a tag can run from. Says why."""


class NotFlashed(Exception):
    """esptool could not write. Holds the end of what it said."""


def with_journal(stock: bytes) -> tuple[str, bytes]:
    """(chip, image): the image with the last 64 KiB of its file system made the journal's partition.

    An image that has the partition already is left as it is.

    Raises:
        BadImage: it is no MicroPython for an ESP32, ESP32-S3 or ESP32-C3, or has no room.
    """
    try:
        chip = ImageHeader.from_bytes(stock[:_HEADER_SIZE]).validate().chip_name
    except ValueError:
        raise BadImage("not an image for an ESP32") from None
    if chip not in STARTS_AT:
        raise BadImage(f"made for {chip}, and tags are built with {', '.join(STARTS_AT)}")
    at = PART_TABLE_OFFSET - STARTS_AT[chip]
    try:
        table = PartitionTable.from_bytes(stock[at : at + PART_TABLE_SIZE])
        if table.find(JOURNAL) is None:
            _make_room(table)
        table.check()
    except PartitionError as error:
        raise BadImage(f"its partition table cannot be used: {error}") from None
    data = table.to_bytes()
    return chip, stock[:at] + data + b"\xff" * (PART_TABLE_SIZE - len(data)) + stock[at + PART_TABLE_SIZE :]


def flash(port: str, chip: str, image: bytes) -> None:
    """Write the image to the chip on a serial port; esptool tells on the terminal how far it is.

    Raises:
        NotFlashed: esptool ended with an error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "image.bin"
        path.write_bytes(image)
        write = ["write-flash", hex(STARTS_AT[chip]), str(path)]
        esptool = [sys.executable, "-m", "esptool", "--chip", chip, "--port", port, *write]
        if subprocess.run(esptool, check=False).returncode:
            raise NotFlashed(
                f"esptool could not write to {port}; hold the board's BOOT button while it is plugged in, and try again"
            )


def _make_room(table: PartitionTable) -> None:
    files = table.by_name(_FILES)
    if files.size < _SMALLEST_FILES + JOURNAL_SIZE:
        raise BadImage("its file system leaves no room for the journal")
    size = files.size - JOURNAL_SIZE
    table[table.index(files)] = files._replace(size=size)
    label = JOURNAL.encode().ljust(PART_NAME_LEN, b"\x00")
    table.append(PartitionEntry(PART_MAGIC, _DATA, _OURS, files.offset + size, JOURNAL_SIZE, label, 0))
    table.sort(key=lambda entry: entry.offset)
