"""What is forgotten, when it is said that room gets short, and what the gateway tells of itself."""

import logging

import pytest

from influx import Bucket
from kitback.history import Drain, Upkeep
from kitback.history.upkeep import KEEP_S
from kitback.register import Register, counters, listening, outbox
from paper_tag import SetClock, history


@pytest.fixture
def upkeep(register: Register, clock: SetClock) -> Upkeep:
    return Upkeep(register, clock)


def enqueue(register: Register, clock: SetClock, size: int = 1) -> None:
    with register.write() as conn:
        outbox.append(conn, [b"x" * (size - 1)], clock.unix)


def test_lines_are_forgotten_when_their_time_is_up_a_few_at_a_time(
    register: Register, clock: SetClock, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PURGED_AT_ONCE", 2)
    for _ in range(3):
        enqueue(register, clock)
    clock.unix += KEEP_S
    enqueue(register, clock)
    clock.unix += 1

    waits = [upkeep.run_once() for _ in range(3)]

    assert waits == [0.05, 0.05, 60.0]
    with register.read() as conn:
        assert len(history(conn)) == 2, "the last line, and the gateway's own"


def test_the_gateway_is_seen_to_do_well_while_much_is_forgotten(
    register: Register, clock: SetClock, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PURGED_AT_ONCE", 1)
    for _ in range(3):
        enqueue(register, clock)
    clock.unix += KEEP_S + 1

    for _ in range(2):
        assert upkeep.run_once() < 1, "there is more to forget"
        with register.read() as conn:
            assert listening.house_kept(conn) == clock.unix
        clock.unix += 60


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([92, 99, 100], [92, 100]),
        ([100, 99, 100], [100, 100]),
        ([95, 55, 66, 70, 76], [95, 66, 76]),
        ([60, 59, 60, 61], [60]),
        ([52, 40, 49, 51], [52, 51]),
    ],
)
def test_what_fills_the_room_again_after_it_got_better_is_said_again(
    upkeep: Upkeep,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    levels: list[int],
    said: list[int],
) -> None:
    for level in levels:
        monkeypatch.setattr(outbox, "room", lambda _conn, level=level: outbox.Room(level, level, 100))
        upkeep.run_once()
    words = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [int(each.partition(" %")[0].rpartition(" ")[2]) for each in words] == said


def test_what_waits_for_influxdb_is_said_long_before_it_stops_the_intake(
    register: Register, clock: SetClock, upkeep: Upkeep, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with register.write() as conn:
        outbox.set_cap(conn, 100_000)
        outbox.add_sink(conn, "s")

    def said() -> list[tuple[int, str]]:
        caplog.clear()
        upkeep.run_once()
        return [(record.levelno, record.getMessage()) for record in caplog.records]

    assert said() == []
    enqueue(register, clock, 52_000)
    ((level, words),) = said()
    assert level == logging.WARNING
    assert "52 %" in words
    assert said() == []
    enqueue(register, clock, 30_000)
    assert [level for level, _ in said()] == [logging.ERROR]
    with register.write() as conn:
        rows = outbox.pending(conn, "s", 10**6, 10**6)
        outbox.advance(conn, "s", rows, 0, 0)
    assert "well again" in said()[0][1]


def test_the_gateway_tells_influxdb_how_it_does_once_a_minute(
    register: Register, clock: SetClock, upkeep: Upkeep, bucket: Bucket
) -> None:
    with register.write() as conn:
        counters.add(conn, {"received": 7, "records.applied": 5})

    assert upkeep.run_once() == 60
    Upkeep(register, clock).run_once()  # another gateway on this register
    with register.read() as conn:
        assert len(history(conn)) == 1
    Drain(register, clock, bucket.sink()).run_once()
    (told,) = bucket.ask("SELECT * FROM gateway")
    assert (told["time"], told["received"], told["records_applied"]) == (clock.unix * 1_000_000, 7, 5)
    with register.read() as conn:
        assert listening.house_kept(conn) == clock.unix
