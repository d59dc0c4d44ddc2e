"""Every line that was enqueued ends in the sink or in quarantine, whatever fails on the way."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from influx import Bucket
from kitback.history import Drain, Influx, Progress, Status, status
from kitback.history.drain import MAX_BYTES, MAX_LINES
from kitback.history.influx import Busy, Refused, Shut, TooLarge
from kitback.register import Register, outbox
from kitback.register.tables import metadata, quarantine
from paper_tag import SetClock

NOW = 1_700_000_000
CLOCK = SetClock(NOW)

pytestmark = pytest.mark.both_engines


def use(number: int) -> bytes:
    return f"use,tag=aa,kind=bed in_use={number}i {NOW * 1_000_000 + number}".encode()


def enqueue(register: Register, *rows: Sequence[bytes]) -> None:
    for lines in rows:
        with register.write() as conn:
            outbox.append(conn, lines, NOW)


def drain(register: Register, sink: "Influx | Memory") -> list[Progress]:
    """Run a new drain until nothing is pending or the sink will not take more."""
    runs = [(drain := Drain(register, CLOCK, sink)).run_once()]
    while runs[-1].wait_s == 0:
        runs.append(drain.run_once())
    return runs


def set_aside(register: Register) -> dict[bytes, str]:
    with register.read() as conn:
        rows = conn.execute(sa.select(quarantine).where(quarantine.c.reason == "history"))
        return {row.payload: row.detail for row in rows}


class Killed(BaseException):
    """The gateway's process ends here."""


class Memory:
    """A sink that keeps what it is given, for the faults that a real one does not have."""

    name = "memory"

    def __init__(self) -> None:
        self.batches: list[bytes] = []

    def write(self, lines: bytes) -> None:
        self.batches.append(lines)

    @property
    def points(self) -> set[bytes]:
        return {line for batch in self.batches for line in batch.splitlines()}


def test_every_line_enqueued_is_a_point(register: Register, bucket: Bucket) -> None:
    enqueue(register, [use(1), use(2)], [use(3)])

    drain(register, bucket.sink())

    assert [row["in_use"] for row in bucket.ask("SELECT in_use FROM use")] == [1, 2, 3]
    assert status(register, bucket.sink().name) == Status(
        bucket.sink().name, enqueued=3, written=3, rejected=0, pending=0, trouble=None
    )


def test_a_restart_goes_on_where_it_was(register: Register) -> None:
    enqueue(register, [use(1)])
    drain(register, Memory())
    enqueue(register, [use(2)])

    drain(register, later := Memory())

    assert later.points == {use(2)}


def test_a_batch_written_but_not_noted_is_written_again_and_changes_nothing(register: Register, bucket: Bucket) -> None:
    class Dying(Influx):
        def write(self, lines: bytes) -> None:
            super().write(lines)
            raise Killed

    enqueue(register, [use(1), use(2)])
    with pytest.raises(Killed):
        drain(register, Dying(bucket.url, bucket.token, bucket.org, bucket.bucket))
    assert status(register, bucket.sink().name).pending == 2

    drain(register, bucket.sink())

    assert bucket.points() == 2
    assert status(register, bucket.sink().name).written == 2


def test_an_influxdb_configured_later_ends_with_the_same_points(register: Register, bucket: Bucket) -> None:
    along_the_way = Memory()
    for number in range(1, 40):
        enqueue(register, [use(number)])
        drain(register, along_the_way)

    drain(register, bucket.sink())

    assert {use(row["in_use"]) for row in bucket.ask("SELECT * FROM use")} == along_the_way.points


def test_lines_that_the_server_refuses_are_set_aside_with_its_words_and_the_rest_is_written(
    register: Register, bucket: Bucket
) -> None:
    wrong_type = use(3).replace(b"in_use=3i", b'in_use="three"')
    enqueue(register, [use(1), use(2), wrong_type, use(4)], [b"not line protocol", use(5)])

    (written, _) = drain(register, bucket.sink())

    assert (written.written, written.rejected) == (4, 2)
    assert [row["in_use"] for row in bucket.ask("SELECT in_use FROM use")] == [1, 2, 4, 5]
    aside = set_aside(register)
    assert "field type conflict" in aside[wrong_type + b"\n"]
    assert "unable to parse 'not line protocol'" in aside[b"not line protocol\n"]
    stands = status(register, bucket.sink().name)
    assert (stands.enqueued, stands.written, stands.rejected, stands.pending) == (6, 4, 2, 0)


def test_a_wrong_token_keeps_everything_and_is_told_until_it_is_right(register: Register, bucket: Bucket) -> None:
    enqueue(register, [use(1)])

    (run,) = drain(register, replace(bucket, token="nobody:nothing").sink())

    assert run.written == 0
    stands = status(register, bucket.sink().name)
    assert stands.pending == 1
    assert "check the token" in str(stands.trouble)
    drain(register, bucket.sink())
    stands = status(register, bucket.sink().name)
    assert (stands.written, stands.pending, stands.trouble) == (1, 0, None)


def test_lines_whose_time_was_up_are_told_as_missed(register: Register) -> None:
    enqueue(register, [use(1), use(2)])
    with register.write() as conn:
        outbox.purge(conn, NOW + 1)
    enqueue(register, [use(3)])

    drain(register, sink := Memory())

    assert sink.points == {use(3)}
    assert status(register, sink.name).missed == 2


def test_batches_stay_within_lines_and_bytes(register: Register) -> None:
    wide = [use(1) + b" " * 500] * 1500
    enqueue(register, [use(1)] * 3000, [use(2)] * 2000, [use(3)], wide, wide, [use(4)] * 6000)

    drain(register, sink := Memory())

    batches = [(batch.count(b"\n"), len(batch)) for batch in sink.batches]
    assert [lines for lines, _ in batches] == [5000, 1501, 1500, 6000]
    assert all(lines <= MAX_LINES and size <= MAX_BYTES for lines, size in batches[:-1])


def test_a_batch_that_is_too_large_for_the_server_is_split(register: Register) -> None:
    class Narrow(Memory):
        def write(self, lines: bytes) -> None:
            if len(lines) > 200:
                raise TooLarge("too large")
            super().write(lines)

    enqueue(register, [use(number) for number in range(100)])

    drain(register, sink := Narrow())

    assert sink.points == {use(number) for number in range(100)}
    assert status(register, sink.name).rejected == 0


def test_waits_grow_to_a_minute_and_begin_anew_after_a_success(register: Register) -> None:
    class Moody(Memory):
        busy = True

        def write(self, lines: bytes) -> None:
            if self.busy:
                raise Busy("busy")
            super().write(lines)

    enqueue(register, [use(1)])
    drain = Drain(register, CLOCK, sink := Moody())

    assert [drain.run_once().wait_s for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    sink.busy = False
    assert drain.run_once().written == 1
    enqueue(register, [use(2)])
    sink.busy = True
    assert drain.run_once().wait_s == 1


@pytest.mark.parametrize(("asked_s", "waited_s"), [(7, 7), (0, 1), (86_400, 600)])
def test_a_server_is_left_alone_as_long_as_it_asks_within_reason(
    register: Register, asked_s: float, waited_s: float
) -> None:
    class Asking(Memory):
        def write(self, lines: bytes) -> None:  # noqa: ARG002
            raise Busy("busy", asked_s)

    enqueue(register, [use(1)])

    assert Drain(register, CLOCK, Asking()).run_once().wait_s == waited_s


class Server(Memory):
    """A server with bad days: what it does to each request is drawn, and it never takes a line with `bad` in it."""

    def __init__(self, moods: Sequence[str]) -> None:
        super().__init__()
        self.moods = list(moods)

    def write(self, lines: bytes) -> None:
        mood = self.moods.pop() if self.moods else "well"
        good = [line for line in lines.splitlines(keepends=True) if b"bad" not in line]
        if mood == "busy":
            raise Busy("busy")
        if mood == "shut":
            raise Shut("shut")
        if mood == "narrow" and len(lines) > 150:
            raise TooLarge("too large")
        super().write(b"".join(good))
        if mood == "died":
            raise Killed
        if mood == "late":
            raise Busy("answered too late")
        if len(good) < lines.count(b"\n"):
            raise Refused("bad line")


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(st.booleans(), min_size=1, max_size=8), max_size=8),
    moods=st.lists(st.sampled_from(["well", "busy", "shut", "narrow", "died", "late"]), max_size=30),
)
def test_nothing_is_lost_and_nothing_is_counted_twice_whatever_the_server_does(
    rows: list[list[bool]], moods: list[str]
) -> None:
    register = Register(sa.create_engine("sqlite://", poolclass=sa.StaticPool, creator=_empty_register))
    number = 0
    good: set[bytes] = set()
    bad: set[bytes] = set()
    for row in rows:
        lines = []
        for is_bad in row:
            number += 1
            line = use(number) if not is_bad else b"bad" + use(number)
            (bad if is_bad else good).add(line)
            lines.append(line)
        enqueue(register, lines)
    server = Server(moods)

    for _ in range(len(moods) + len(rows) + 1):
        try:
            drain(register, server)
        except Killed:
            continue

    assert server.points == good
    assert {line.rstrip() for line in set_aside(register)} == bad
    stands = status(register, server.name)
    assert (stands.enqueued, stands.written, stands.rejected, stands.pending) == (number, len(good), len(bad), 0)
    register.close()


def _empty_register() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(_tables())
    return connection


@cache
def _tables() -> bytes:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(engine)
    connection = engine.raw_connection().driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection.serialize()
