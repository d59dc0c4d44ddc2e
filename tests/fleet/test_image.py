"""The flash image: stock MicroPython with room made for the journal."""

import hashlib
import struct

import pytest
from typer.testing import CliRunner

from kitback.cli.app import app
from kitback.fleet.image import BadImage, with_journal

CHIPS = {"esp32": (0, 0x1000), "esp32s3": (9, 0), "esp32c3": (5, 0)}
MB = 1 << 20


def stock(chip_id: int, starts_at: int, flash: int = 4 * MB, files: int | None = None) -> bytes:
    """As much of an image as matters: a bootloader's header and a table like that of MicroPython's own builds."""
    files = flash - 0x200000 if files is None else files
    entries = (
        ("nvs", 1, 2, 0x9000, 0x6000),
        ("phy_init", 1, 1, 0xF000, 0x1000),
        ("factory", 0, 0, 0x10000, 0x1F0000),
        ("vfs", 1, 0x81, 0x200000, files),
    )
    table = b"".join(
        struct.pack("<2sBBLL16sL", b"\xaa\x50", t, s, at, size, name.encode(), 0) for name, t, s, at, size in entries
    )
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table, usedforsecurity=False).digest()
    header = struct.pack("<BBBBL4sHBHH4sB", 0xE9, 1, 2, 0x20, 0, bytes(4), chip_id, 0, 0, 0xFFFF, bytes(4), 0)
    image = bytearray(b"\xff" * (0x20000 - starts_at))
    image[: len(header)] = header
    image[0x8000 - starts_at : 0x8000 - starts_at + len(table)] = table
    image[0x10000 - starts_at :] = b"application" * 100
    return bytes(image)


def partitions(image: bytes, starts_at: int) -> dict[str, tuple[int, int, int, int]]:
    """name: (type, subtype, offset, size), read as the chip's bootloader does, the checksum included."""
    at, found = 0x8000 - starts_at, {}
    begin = at
    while image[at : at + 2] == b"\xaa\x50":
        _, kind, subtype, offset, size, label, _ = struct.unpack("<2sBBLL16sL", image[at : at + 32])
        found[label.rstrip(b"\x00").decode()] = (kind, subtype, offset, size)
        at += 32
    assert image[at : at + 2] == b"\xeb\xeb"
    assert image[at + 16 : at + 32] == hashlib.md5(image[begin:at], usedforsecurity=False).digest()
    return found


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("flash", [4 * MB, 8 * MB])
def test_the_journal_gets_the_end_of_the_file_system(chip, flash):
    chip_id, starts_at = CHIPS[chip]
    before = stock(chip_id, starts_at, flash)
    found, after = with_journal(before)
    assert found == chip
    had, has = partitions(before, starts_at), partitions(after, starts_at)
    assert has.pop("journal") == (1, 0x40, flash - 0x10000, 0x10000)
    assert has.pop("vfs") == (1, 0x81, 0x200000, flash - 0x200000 - 0x10000)
    del had["vfs"]
    assert has == had
    table = slice(0x8000 - starts_at, 0x9000 - starts_at)
    assert (after[: table.start], after[table.stop :]) == (before[: table.start], before[table.stop :])


def test_an_image_that_has_the_partition_is_left_as_it_is():
    _, once = with_journal(stock(0, 0x1000))
    assert with_journal(once) == ("esp32", once)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"", "not an image"),
        (b"PK\x03\x04" + bytes(100), "not an image"),
        (stock(2, 0x1000), "esp32s2"),
        (stock(0, 0x1000, files=0x20000), "no room"),
        (stock(9, 0)[:0x8000], "partition table"),
        (stock(0, 0x1000).replace(b"phy_init", b"phy_exit"), "partition table"),
    ],
)
def test_what_is_no_image_for_a_tag_is_refused_with_the_reason(tmp_path, image, words):
    with pytest.raises(BadImage, match=words):
        with_journal(image)
    (tmp_path / "image.bin").write_bytes(image)
    done = CliRunner().invoke(app, ["tag", "flash", "/dev/null", str(tmp_path / "image.bin")])
    assert done.exit_code == 2


def test_a_board_that_esptool_cannot_reach_is_said(tmp_path):
    (tmp_path / "image.bin").write_bytes(stock(0, 0x1000))
    done = CliRunner().invoke(app, ["tag", "flash", str(tmp_path / "ttyUSB9"), str(tmp_path / "image.bin")])
    assert done.exit_code == 1
    assert "BOOT button" in done.output
