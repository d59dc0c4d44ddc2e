"""History lines on their way out, and how far each sink has got.

Appended in the transaction that made them, so a record and its history cannot part. A row stays after it is written,
until `purge`: a sink configured later begins at the oldest row kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from kitback.register import counters
from kitback.register.tables import outbox, sink
from kitback.register.upsert import insert


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the outbox."""

    outbox_id: int
    count: int
    lines: bytes
    """Line protocol, a newline after each of the `count` lines."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one sink has got."""

    name: str
    drained_to: int
    written: int
    rejected: int
    trouble: str | None
    """Why it takes no lines now, and what to do; None while it does."""


def append(conn: sa.Connection, lines: Sequence[bytes], now_s: int) -> None:
    """Put history lines in the outbox, as one row; call it once a transaction."""
    if not lines:
        return
    # The counter's row lock, held until the commit, makes ids grow in the order of commits: a sink can skip none.
    counters.add(conn, {"enqueued": len(lines)})
    conn.execute(sa.insert(outbox), {"made_at": now_s, "count": len(lines), "lines": b"\n".join(lines) + b"\n"})


def pending(conn: sa.Connection, sink_name: str, limit: int) -> list[Row]:
    """The next rows for a sink, oldest first, at most `limit`."""
    drained_to = sa.select(sink.c.drained_to).where(sink.c.name == sink_name).scalar_subquery()
    rows = conn.execute(
        sa.select(outbox.c.outbox_id, outbox.c.count, outbox.c.lines)
        .where(outbox.c.outbox_id > sa.func.coalesce(drained_to, 0))
        .order_by(outbox.c.outbox_id)
        .limit(limit)
    )
    return [Row(*row) for row in rows]


def advance(conn: sa.Connection, sink_name: str, outbox_id: int, written: int, rejected: int) -> None:
    """Note that all rows up to `outbox_id` are done with, after `written` and `rejected` more lines; no trouble."""
    new = insert(conn, sink).values(name=sink_name, drained_to=outbox_id, written=written, rejected=rejected)
    conn.execute(
        new.on_conflict_do_update(
            index_elements=[sink.c.name],
            set_={
                "drained_to": new.excluded.drained_to,
                "written": sink.c.written + new.excluded.written,
                "rejected": sink.c.rejected + new.excluded.rejected,
                "trouble": None,
            },
        )
    )


def note_trouble(conn: sa.Connection, sink_name: str, trouble: str) -> None:
    """Note why a sink takes no lines now; the next `advance` forgets it."""
    new = insert(conn, sink).values(name=sink_name, drained_to=0, written=0, rejected=0, trouble=trouble)
    conn.execute(new.on_conflict_do_update(index_elements=[sink.c.name], set_={"trouble": new.excluded.trouble}))


def standings(conn: sa.Connection) -> list[Standing]:
    """How far every sink has got, by name."""
    return [Standing(*row) for row in conn.execute(sa.select(sink).order_by(sink.c.name))]


def enqueued(conn: sa.Connection) -> int:
    """Lines ever put in the outbox."""
    return counters.value(conn, "enqueued")


def purge(conn: sa.Connection, older_than: int) -> int:
    """Forget rows made before a time, written or not; returns how many rows."""
    # Rows are in order of time: mostly the first one says that there is nothing to do.
    oldest = conn.scalar(sa.select(outbox.c.made_at).order_by(outbox.c.outbox_id).limit(1))
    if oldest is None or oldest >= older_than:
        return 0
    return conn.execute(sa.delete(outbox).where(outbox.c.made_at < older_than)).rowcount
