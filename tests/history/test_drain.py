"""Every line that was enqueued ends in the sink or in quarantine, whatever fails on the way."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from influx import Bucket
from kitback.history import Drain, Influx, Progress, status
from kitback.history.drain import MAX_BYTES, MAX_LINES
from kitback.history.influx import Busy, Refused, Shut, TooLarge
from kitback.register import Register, RegisterError, outbox
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
    while not runs[-1].done:
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
        return {line for batch in self.batches for line in batch.split(b"\n") if line}


def test_every_line_enqueued_is_a_point(register: Register, bucket: Bucket) -> None:
    enqueue(register, [use(1), use(2)], [use(3)])

    drain(register, bucket.sink())

    assert [row["in_use"] for row in bucket.ask("SELECT in_use FROM use")] == [1, 2, 3]
    stands = status(register, bucket.sink().name)
    assert (stands.enqueued, stands.written, stands.rejected, stands.missed, stands.pending) == (3, 3, 0, 0, 0)
    assert stands.trouble is None


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


def test_two_drains_at_once_count_no_line_twice(register: Register) -> None:
    """One was thought dead, but only waited for the sink."""

    class Slow(Memory):
        def write(self, lines: bytes) -> None:
            super().write(lines)
            drain(register, Memory())

    enqueue(register, [use(1)], [use(2)])

    assert Drain(register, CLOCK, Slow()).run_once().done

    stands = status(register, "memory")
    assert (stands.written, stands.pending) == (2, 0)


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
    wide = [use(1) + b" " * 500] * 3000
    enqueue(register, [use(1)] * 6000, [use(2)] * 4000, [use(3)], wide, wide, [use(4)] * 12_000)

    drain(register, sink := Memory())

    batches = [(batch.count(b"\n"), len(batch)) for batch in sink.batches]
    assert [lines for lines, _ in batches] == [10_000, 3001, 3000, 12_000]
    assert all(lines <= MAX_LINES and size <= MAX_BYTES for lines, size in batches[:-1])


def test_a_backlog_is_drained_without_pause_and_a_trickle_may_gather(register: Register) -> None:
    enqueue(register, [use(1)] * MAX_LINES, [use(2)])
    drain = Drain(register, CLOCK, Memory())

    assert [drain.run_once().wait_s for _ in range(3)] == [0, 0.25, 0.25]


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


def test_how_much_a_server_takes_is_learned_once(register: Register) -> None:
    class Narrow(Memory):
        refusals = 0

        def write(self, lines: bytes) -> None:
            if len(lines) > 50_000:
                self.refusals += 1
                raise TooLarge("too large")
            super().write(lines)

    enqueue(register, *([use(number)] * 500 for number in range(40)))

    drain(register, sink := Narrow())

    assert len(sink.points) == 40
    assert sink.refusals == 15, "only the first batch was cut by trial"


def test_a_line_that_alone_is_too_large_is_set_aside(register: Register) -> None:
    class Narrow(Memory):
        def write(self, lines: bytes) -> None:
            if len(lines) > 200:
                raise TooLarge("too large")
            super().write(lines)

    enqueue(register, [use(1), use(2) + b" " * 200, use(3)])

    drain(register, sink := Narrow())

    assert sink.points == {use(1), use(3)}
    assert list(set_aside(register).values()) == ["too large"]


class Telling(Memory):
    """A server that takes no line with `bad` in it, and tells which by number; all numbers are too low by `off`."""

    def __init__(self, off: int = 0, named_at_most: int = 100) -> None:
        super().__init__()
        self.requests = 0
        self.off = off
        self.named_at_most = named_at_most

    def write(self, lines: bytes) -> None:
        self.requests += 1
        each = lines.split(b"\n")
        super().write(b"\n".join(line for line in each if b"bad" not in line))
        if named := {
            position - self.off: f"no {line.decode()}" for position, line in enumerate(each) if b"bad" in line
        }:
            raise Refused("partial write", dict(list(named.items())[: self.named_at_most]))


@pytest.mark.parametrize(("off", "named_at_most", "most_requests"), [(0, 100, 3), (0, 1, 50), (1, 100, 70)])
def test_lines_that_a_server_names_are_set_aside_with_their_own_reason(
    register: Register, off: int, named_at_most: int, most_requests: int
) -> None:
    lines = [use(number) for number in range(1000)]
    for number in (0, 500, 501):
        lines[number] = lines[number].replace(b"kind=bed", b"kind=bad")
    lines[7] = lines[7].replace(b"kind=bed", b'kind=bed said="a\rb"')
    enqueue(register, lines)

    drain(register, sink := Telling(off, named_at_most))

    bad = {lines[number] for number in (0, 500, 501)}
    assert sink.points == set(lines) - bad
    assert {line.rstrip(): words for line, words in set_aside(register).items()} == {
        line: f"no {line.decode()}" if not off else "partial write" for line in bad
    }
    assert sink.requests <= most_requests


@pytest.mark.parametrize("named_at_most", [0, 100])
def test_a_series_is_written_in_the_order_in_which_it_was_made_whatever_is_refused(
    register: Register, named_at_most: int
) -> None:
    made = [use(number).replace(b"use,", b"use," if number % 3 else b"boot,") for number in range(200)]
    enqueue(register, [(b"bad" if number % 50 == 7 else b"") + line for number, line in enumerate(made)], [use(200)])

    drain(register, sink := Telling(named_at_most=named_at_most))

    last = {line: position for position, line in enumerate(b"".join(sink.batches).split(b"\n")) if line}
    for measurement in (b"use", b"boot"):
        positions = [last[line] for line in made if line in last and line.startswith(measurement)]
        assert positions == sorted(positions)
    assert last[use(200)] == max(last.values())


def test_refused_lines_are_kept_up_to_a_number_and_counted_beyond(
    register: Register, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kitback.history.set_aside.KEPT", 3)
    enqueue(register, [b"bad" + use(number) for number in range(5)])

    drain(register, sink := Telling())

    assert len(set_aside(register)) == 3
    assert status(register, sink.name).rejected == 5
    assert "counted but not kept" in caplog.text


class Counting(Influx):
    requests = 0

    def write(self, lines: bytes) -> None:
        self.requests += 1
        super().write(lines)


def counting(bucket: Bucket) -> Counting:
    return Counting(bucket.url, bucket.token, bucket.org, bucket.bucket)


def test_a_type_that_conflicts_in_a_whole_measurement_costs_few_requests(register: Register, bucket: Bucket) -> None:
    bucket.sink().write(use(0).replace(b"in_use=0i", b'in_use="three"'))
    boots = [use(number).replace(b"use,", b"boot,") for number in range(300)]
    enqueue(register, [line for pair in zip(boots, map(use, range(300)), strict=True) for line in pair])

    drain(register, sink := counting(bucket))

    stands = status(register, sink.name)
    assert (stands.written, stands.rejected) == (300, 300)
    assert all("field type conflict" in words for words in set_aside(register).values())
    assert sink.requests == 3


def test_lines_older_than_the_bucket_keeps_are_set_aside_and_the_others_written(
    register: Register, bucket: Bucket
) -> None:
    bucket.ask(f'CREATE RETENTION POLICY "day" ON "{bucket.bucket}" DURATION 1d REPLICATION 1 DEFAULT')
    now_us = time.time_ns() // 1000
    fresh = [f"use,tag=aa in_use={number}i {now_us + number}".encode() for number in range(100)]
    enqueue(register, [use(number) for number in range(100)] + fresh)

    drain(register, sink := counting(bucket))

    stands = status(register, sink.name)
    assert (stands.written, stands.rejected) == (100, 100)
    assert bucket.points() == 100
    assert all("retention policy" in words for words in set_aside(register).values())
    assert sink.requests < 20


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


def test_waits_begin_anew_after_lines_that_another_gateway_noted_first(register: Register) -> None:
    class Late(Memory):
        busy = True

        def write(self, lines: bytes) -> None:
            if self.busy:
                raise Busy("busy")
            drain(register, Memory())
            super().write(lines)

    enqueue(register, [use(1)])
    late = Drain(register, CLOCK, sink := Late())
    assert [late.run_once().wait_s for _ in range(3)] == [1, 2, 4]
    sink.busy = False
    assert late.run_once().done
    enqueue(register, [use(2)])
    sink.busy = True

    assert late.run_once().wait_s == 1
    assert status(register, sink.name).trouble == "busy"


class Away(Memory):
    """A server that cannot be reached."""

    def write(self, lines: bytes) -> None:  # noqa: ARG002
        raise Busy("cannot be reached")


def test_lines_wait_for_a_server_that_is_away_whatever_a_gateway_without_it_says(register: Register) -> None:
    enqueue(register, [use(1)])
    patient = Drain(register, CLOCK, sink := Away())
    patient.run_once()
    with register.write() as conn:
        outbox.retire_sinks(conn, but=[])

    patient.run_once()

    with register.write() as conn:
        assert outbox.purge(conn, NOW + 1) == 0
    stands = status(register, sink.name)
    assert (stands.configured, stands.pending, stands.trouble) == (True, 1, "cannot be reached")


def test_trouble_that_could_not_be_noted_is_noted_the_next_time(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RegisterError("database is locked")

    enqueue(register, [use(1)])
    drain = Drain(register, CLOCK, sink := Away())
    with monkeypatch.context() as patched, pytest.raises(RegisterError):
        patched.setattr(outbox, "note_trouble", fail)
        drain.run_once()

    drain.run_once()

    assert status(register, sink.name).trouble == "cannot be reached"


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
