"""NOR rules, and power that fails in the middle of an operation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import AGAIN, Bench

SECTOR = 4096
SIZE = 64 * 1024
PARTITION = 'import esp32\nflash = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="journal")[0]\n'

_operations = st.lists(
    st.one_of(
        st.tuples(st.just("erase"), st.integers(0, 1)),
        st.tuples(st.integers(0, SECTOR - 40), st.binary(min_size=1, max_size=40)),
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@settings(max_examples=15, deadline=None)
@given(operations=_operations)
def test_programming_clears_bits_and_erasing_sets_a_sector(shared_bench: Bench, operations: list[tuple]) -> None:
    expected = bytearray(b"\xff" * SECTOR * 2)
    for where, what in operations:
        if where == "erase":
            expected[what * SECTOR : (what + 1) * SECTOR] = b"\xff" * SECTOR
        else:
            for i, byte in enumerate(what):
                expected[where + i] &= byte
    shared_bench.application(
        PARTITION
        + f"for where, what in {operations!r}:\n"
        + "    if where == 'erase':\n        flash.ioctl(6, what)\n"
        + "    else:\n        flash.writeblocks(0, what, where)\n"
        + "import machine\nmachine.deepsleep()\n"
    )
    flash = shared_bench.tag / "flash.bin"
    flash.unlink(missing_ok=True)
    assert shared_bench.run() == (0, [])
    assert flash.read_bytes()[: 2 * SECTOR] == expected


def test_the_partition_speaks_the_block_protocol(bench: Bench) -> None:
    bench.application(
        PARTITION
        + """
import machine
print(flash.ioctl(4, 0) * flash.ioctl(5, 0))
flash.writeblocks(1, b"\\x00" * 4096)
flash.writeblocks(1, b"\\x0f" * 4096)  # two arguments: erases first
buffer = bytearray(3)
flash.readblocks(1, buffer, 4093)
print(buffer)
try:
    flash.writeblocks(15, b"ab", 4095)
except OSError as error:
    print(error.errno)
print(esp32.Partition.find(esp32.Partition.TYPE_APP))
machine.deepsleep()
"""
    )
    assert bench.run() == (0, [str(SIZE), "bytearray(b'\\x0f\\x0f\\x0f')", "-258", "[]"])


def test_an_operation_that_is_cut_is_done_in_part_and_nothing_follows(bench: Bench) -> None:
    bench.application(
        PARTITION
        + """
import machine
print(machine.reset_cause(), machine.RTC().memory())
machine.RTC().memory(b"kept")
if machine.RTC().datetime()[6] == 0:
    flash.writeblocks(0, b"\\x00" * 10, 0)
    try:
        flash.writeblocks(0, b"\\x00" * 10, 100)
    finally:
        flash.writeblocks(0, b"\\x00" * 10, 200)
machine.deepsleep()
"""
    )
    (bench.tag / "cut_at").write_text("2 2")
    assert bench.run() == (AGAIN, ["1 b''"])
    data = (bench.tag / "flash.bin").read_bytes()
    assert data[:10] == bytes(10)
    assert data[100:110] == bytes(5) + b"\xff" * 5
    assert data[200:210] == b"\xff" * 10
    assert bench.run() == (0, ["1 b''"])  # powered again, once


def test_a_cut_erase_leaves_the_rest_of_a_sector(bench: Bench) -> None:
    bench.application(PARTITION + 'flash.writeblocks(0, b"\\x00" * 4096)\nflash.ioctl(6, 0)\n')
    (bench.tag / "cut_at").write_text("3 1")
    code, _ = bench.run()
    assert code == AGAIN
    assert (bench.tag / "flash.bin").read_bytes()[:SECTOR] == b"\xff" * 1024 + bytes(3072)
