"""A register whose disk is full says so, acknowledges nothing that it cannot keep, and goes on once there is room."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokers import Mosquitto, until
from kitback.intake import Intake
from kitback.register import Register, RegisterError
from paper_tag import ROOT, SetClock, counts, nowhere

from .books import differences
from .fleet import Fleet
from .process import GatewayProcess


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system needs the right to mount: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("ab", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)):
                pass
        except OSError:
            pass


def is_quiet(fleet: Fleet, ballast: Path) -> bool:
    """Whether no ack comes for a second; what room is left, or is given back by a checkpoint, is taken."""
    fill(ballast)
    acks, a_second = fleet.acks, time.monotonic() + 1
    while time.monotonic() < a_second:
        fleet.turn()
    return fleet.acks == acks


def test_a_full_disk_stops_intake_with_clear_words_until_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    fleet = Fleet(broker.port, seed=7)
    register = Register.open(str(small_disk / "register.db"))
    fleet.enrol(register)
    ballast = small_disk / "ballast"
    try:
        with GatewayProcess(tmp_path, broker_port=broker.port, register=small_disk / "register.db") as gateway:
            gateway.start()
            fleet.upload(gateway, 40)
            fill(ballast)
            until(lambda: fleet.turn() or "disk is full: free some space" in gateway.log.read_text(), 30, "the words")
            until(lambda: is_quiet(fleet, ballast), 30, "an end of the acks")
            assert not gateway.died()
            assert not fleet.all_safe
            ballast.unlink()
            fleet.upload(gateway)
            gateway.stop()
        assert not differences(register, fleet.tags)
    finally:
        fleet.close()
        register.close()
        broker.stop()


def test_a_database_that_may_not_grow_takes_nothing_in_and_later_everything(
    register: Register, clock: SetClock
) -> None:
    """SQLite's own limit in the place of the disk's, for machines where nobody may mount one."""
    fleet = Fleet(0, seed=8, tags=4, records=400)
    fleet.enrol(register)
    intake = Intake(register, clock, ROOT, nowhere)
    limit(register, 1)  # which SQLite takes for the present size
    with pytest.raises(RegisterError, match="disk is full: free some space"):
        fleet.hand_to(intake)
    with register.read() as conn:
        before = counts(conn)
        assert conn.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert before.get("records.applied", 0) == sum(tag.high for tag in fleet.tags)
    limit(register, 2**30)
    fleet.hand_to(intake)
    assert not differences(register, fleet.tags)


def limit(register: Register, pages: int) -> None:
    with register.write() as conn:
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")
