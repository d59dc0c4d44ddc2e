"""Lines on their way out."""

import pytest

from kitback.register import Register, outbox

pytestmark = pytest.mark.both_engines


def test_a_sink_gets_every_row_once_and_in_order(register: Register) -> None:
    with register.write() as conn:
        outbox.append(conn, [b"a", b"b"], 1)
        outbox.append(conn, [], 1)
        outbox.append(conn, [b"c"], 2)
        rows = outbox.pending(conn, "s", 10)
        assert [(row.count, row.lines) for row in rows] == [(2, b"a\nb\n"), (1, b"c\n")]
        outbox.advance(conn, "s", rows[0].outbox_id, 2, 0)
        assert [row.lines for row in outbox.pending(conn, "s", 10)] == [b"c\n"]
        assert len(outbox.pending(conn, "other", 10)) == 2
        assert outbox.enqueued(conn) == 3


def test_a_sink_that_comes_later_begins_at_the_oldest_row_kept(register: Register) -> None:
    with register.write() as conn:
        outbox.append(conn, [b"a"], 1)
        outbox.append(conn, [b"b"], 5)
        assert outbox.purge(conn, 5) == 1
        assert [row.lines for row in outbox.pending(conn, "late", 10)] == [b"b\n"]


def test_rows_after_a_purge_of_everything_are_not_skipped(register: Register) -> None:
    with register.write() as conn:
        outbox.append(conn, [b"a"], 1)
        outbox.advance(conn, "s", outbox.pending(conn, "s", 1)[0].outbox_id, 1, 0)
        outbox.purge(conn, 5)
        outbox.append(conn, [b"b"], 6)
        assert [row.lines for row in outbox.pending(conn, "s", 10)] == [b"b\n"]
