"""Lines on their way out, and the room they take."""

from collections.abc import Sequence
from random import Random

import pytest
import sqlalchemy as sa

from kitback.register import Register, outbox
from kitback.register.outbox import OutboxFull, Standing
from kitback.register.tables import outbox as table


def pending(conn: sa.Connection, sink: str, max_lines: int = 100, max_bytes: int = 1000) -> list[outbox.Row]:
    return outbox.pending(conn, sink, max_lines, max_bytes)


def write(conn: sa.Connection, sink: str, max_lines: int = 1) -> Sequence[outbox.Row]:
    """A sink writes the next rows."""
    rows = pending(conn, sink, max_lines)
    outbox.advance(conn, sink, rows, sum(row.count for row in rows), 0)
    return rows


def standing(conn: sa.Connection, sink: str) -> Standing:
    (found,) = [each for each in outbox.standings(conn) if each.name == sink]
    return found


pytestmark = pytest.mark.both_engines


def test_a_sink_gets_every_row_once_and_in_order(register: Register) -> None:
    with register.write() as conn:
        outbox.add_sink(conn, "s")
        outbox.append(conn, [b"a", b"b"], 1)
        outbox.append(conn, [], 1)
        outbox.append(conn, [b"c"], 2)
        rows = pending(conn, "s")
        assert [(row.count, row.lines) for row in rows] == [(2, b"a\nb\n"), (1, b"c\n")]
        outbox.advance(conn, "s", rows[:1], 2, 0)
        assert [row.lines for row in pending(conn, "s")] == [b"c\n"]
        assert len(pending(conn, "other")) == 2
        assert outbox.enqueued(conn) == 3


def test_a_batch_ends_before_either_limit_but_holds_one_row_at_least(register: Register) -> None:
    with register.write() as conn:
        for lines in ([b"aaa"] * 5, [b"b"] * 3, [b"c"] * 3):
            outbox.append(conn, lines, 1)
        assert [row.count for row in pending(conn, "s", max_lines=8)] == [5, 3]
        assert [row.count for row in pending(conn, "s", max_bytes=27)] == [5, 3]
        assert [row.count for row in pending(conn, "s", max_lines=2)] == [5]
        assert [row.count for row in pending(conn, "s", max_bytes=2)] == [5]


def test_a_sink_that_comes_later_begins_at_the_oldest_row_kept_and_knows_what_it_missed(register: Register) -> None:
    with register.write() as conn:
        outbox.append(conn, [b"a", b"b"], 1)
        outbox.append(conn, [b"c"], 5)
        assert outbox.purge(conn, 5) == 2
        outbox.add_sink(conn, "late")
        assert [row.lines for row in pending(conn, "late")] == [b"c\n"]
        late = standing(conn, "late")
        assert (late.enqueued, late.missed, late.pending, late.pending_from) == (3, 2, 1, 5)


def test_rows_after_a_purge_of_everything_are_not_skipped(register: Register) -> None:
    with register.write() as conn:
        outbox.add_sink(conn, "s")
        outbox.append(conn, [b"a"], 1)
        write(conn, "s")
        outbox.purge(conn, 5)
        outbox.append(conn, [b"b"], 6)
        assert [row.lines for row in pending(conn, "s")] == [b"b\n"]


def test_what_a_configured_sink_has_not_had_is_not_purged_however_old(register: Register) -> None:
    with register.write() as conn:
        outbox.add_sink(conn, "slow")
        outbox.add_sink(conn, "fast")
        outbox.append(conn, [b"a"], 1)
        outbox.append(conn, [b"b"], 1)
        write(conn, "fast", 10)
        write(conn, "slow", 1)
        assert outbox.purge(conn, 100) == 1
        assert [row.lines for row in pending(conn, "slow")] == [b"b\n"]


def test_what_a_sink_has_not_had_when_it_is_no_longer_configured_is_purged_and_counted(register: Register) -> None:
    with register.write() as conn:
        outbox.add_sink(conn, "old")
        outbox.append(conn, [b"a"], 1)
        write(conn, "old")
        outbox.append(conn, [b"b", b"c"], 1)
        outbox.retire_sinks(conn, but=["new"])
        assert outbox.purge(conn, 100) == 3
        old = standing(conn, "old")
        assert (old.configured, old.written, old.missed, old.pending) == (False, 1, 2, 0)


def test_intake_has_to_wait_while_a_sink_fills_the_outbox_and_goes_on_when_there_is_room(register: Register) -> None:
    with register.write() as conn:
        outbox.set_cap(conn, 20)
        outbox.add_sink(conn, "s")
        outbox.append(conn, [b"123456789"], 1)
        outbox.require_room(conn)
        outbox.append(conn, [b"123456789"], 1)
        assert outbox.room(conn).full_pct == 100
        with pytest.raises(OutboxFull, match=r"the outbox is full.*mend InfluxDB"):
            outbox.require_room(conn)
        write(conn, "s")
        outbox.require_room(conn)


def test_without_a_sink_the_oldest_rows_make_room_and_nothing_waits(register: Register) -> None:
    with register.write() as conn:
        outbox.set_cap(conn, 20)
        for line in (b"123456789", b"abcdefghi", b"ABCDEFGHI"):
            outbox.append(conn, [line], 1)
        outbox.require_room(conn)
        assert outbox.purge(conn, 0) == 1
        assert outbox.purge(conn, 0) == 0
        assert [row.lines for row in pending(conn, "s")] == [b"abcdefghi\n", b"ABCDEFGHI\n"]
        assert outbox.room(conn).kept == 20


def test_a_purge_leaves_the_register_to_others_now_and_then(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PURGED_AT_ONCE", 2)
    with register.write() as conn:
        for _ in range(5):
            outbox.append(conn, [b"a"], 1)
        assert [outbox.purge(conn, 5) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("seed", range(20))
def test_totals_agree_with_what_is_there_whatever_happens(register: Register, seed: int) -> None:
    chance = Random(seed)
    sinks = ["s", "t"]
    with register.write() as conn:
        outbox.set_cap(conn, 400)
        for now in range(60):
            match chance.choice(["append", "append", "write", "purge", "add", "retire"]):
                case "append":
                    outbox.append(conn, [b"x" * chance.randint(1, 20)] * chance.randint(1, 5), now)
                case "write":
                    if (sink := chance.choice(sinks)) in {each.name for each in outbox.standings(conn)}:
                        rows = pending(conn, sink, 6)
                        if rows:
                            count = sum(row.count for row in rows)
                            outbox.advance(conn, sink, rows, count - 1, 1)
                case "purge":
                    outbox.purge(conn, now - chance.randint(0, 30))
                case "add":
                    outbox.add_sink(conn, chance.choice(sinks))
                case "retire":
                    outbox.retire_sinks(conn, chance.sample(sinks, 1))
            check_totals(conn)


def check_totals(conn: sa.Connection) -> None:
    rows = conn.execute(sa.select(table.c.count, table.c.lines)).all()
    assert outbox.room(conn).kept == sum(len(row.lines) for row in rows)
    waiting = [0]
    for each in outbox.standings(conn):
        left = pending(conn, each.name, 10**6, 10**6)
        assert each.pending == sum(row.count for row in left)
        assert each.enqueued == each.written + each.rejected + each.missed + each.pending
        assert min(each.written, each.rejected, each.missed, each.pending) >= 0
        if each.configured:
            waiting.append(sum(len(row.lines) for row in left))
    assert outbox.room(conn).waiting == max(waiting)
