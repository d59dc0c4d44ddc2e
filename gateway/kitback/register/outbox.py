"""History lines on their way out, how far each sink has got, and how much room is left.

Appended in the transaction that made them, so a record and its history cannot part. A row stays after it is written,
until `purge`: a sink configured later begins at the oldest row kept. What a configured sink has not had yet is never
purged: when that fills the outbox, `require_room` stops the intake, and the tags hold what they have.

All totals are kept as counters, so that no question here costs more when there is more to ask about.
"""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from kitback.register import counters
from kitback.register.failures import RegisterError
from kitback.register.tables import counter, meta, outbox, sink
from kitback.register.upsert import insert, put

PURGED_AT_ONCE: Final = 200
"""Rows in one call of `purge`: others wait for that transaction."""
_ROWS: Final = 2_000
"""The most rows in a batch; they may be as small as one line."""

_UNSEEN: Final = 16 << 30
_ENQUEUED, _ENQUEUED_BYTES = "enqueued", "enqueued.bytes"
_PURGED, _PURGED_BYTES = "purged", "purged.bytes"
ACCOUNTS: Final = ((_ENQUEUED, _PURGED), (_ENQUEUED_BYTES, _PURGED_BYTES))
"""Of lines, and of their bytes: the counters of all there ever were, and of those that are here no longer."""
_CAP: Final = "outbox_cap"


class OutboxFull(RegisterError):
    """History that a sink has not had yet fills the outbox: nothing more is taken in until there is room."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the outbox."""

    outbox_id: int
    count: int
    lines: bytes
    """Line protocol, a newline after each of the `count` lines."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one sink has got, in lines: `enqueued` = `written` + `rejected` + `missed` + `pending`."""

    name: str
    configured: bool
    """Whether the outbox waits for it."""
    enqueued: int
    written: int
    rejected: int
    """Refused by the sink for good, and set aside."""
    missed: int
    """Purged before this sink had them: before it was first configured, or while it was not."""
    pending: int
    pending_from: int | None
    """When the oldest pending row was made, Unix seconds; None when there is none."""
    trouble: str | None
    """Why it takes no lines now, and what to do; None while it does."""


@dataclass(frozen=True, slots=True)
class Room:
    """How full the outbox is, in bytes of lines."""

    kept: int
    waiting: int
    """What the slowest configured sink has not had yet; 0 without a sink."""
    cap: int | None
    """What may be kept; None is no limit."""

    @property
    def full_pct(self) -> int:
        """How much of the cap waits for a sink, rounded down."""
        return self.waiting * 100 // self.cap if self.cap else 0


def append(conn: sa.Connection, lines: Sequence[bytes], now_s: int) -> None:
    """Put history lines in the outbox, as one row; call it once a transaction."""
    if not lines:
        return
    together = b"\n".join(lines) + b"\n"
    # The counter's row lock, held until the commit, makes ids grow in the order of commits: a sink can skip none.
    counters.add(conn, {_ENQUEUED: len(lines), _ENQUEUED_BYTES: len(together)})
    conn.execute(sa.insert(outbox), {"made_at": now_s, "count": len(lines), "lines": together})


_DRAINED_TO = sa.func.coalesce(
    sa.select(sink.c.drained_to).where(sink.c.name == sa.bindparam("sink")).scalar_subquery(), 0
)
_SIZES = (
    sa.select(outbox.c.outbox_id, outbox.c.count, sa.func.length(outbox.c.lines))
    .where(outbox.c.outbox_id > _DRAINED_TO)
    .order_by(outbox.c.outbox_id)
    .limit(_ROWS)
)
_LINES = (
    sa.select(outbox.c.outbox_id, outbox.c.count, outbox.c.lines)
    .where(outbox.c.outbox_id.between(sa.bindparam("first"), sa.bindparam("last")))
    .order_by(outbox.c.outbox_id)
)


def pending(conn: sa.Connection, sink_name: str, max_lines: int, max_bytes: int) -> list[Row]:
    """The next rows for a sink, oldest first, within both limits; but one row at least, if there is any."""
    # Sizes first: a row may hold half a megabyte, and what does not fit must not be read.
    first = last = lines = size = 0
    for outbox_id, more_lines, more_bytes in conn.execute(_SIZES, {"sink": sink_name}):
        lines, size = lines + more_lines, size + more_bytes
        if first and (lines > max_lines or size > max_bytes):
            break
        first, last = first or outbox_id, outbox_id
    return [Row(*row) for row in conn.execute(_LINES, {"first": first, "last": last})]


def add_sink(conn: sa.Connection, name: str) -> None:
    """Wait for a sink from now on. One that is new has missed what was purged before."""
    purged = {each: counters.value(conn, each) for each in (_PURGED, _PURGED_BYTES)}
    new = insert(conn, sink).values(
        name=name,
        drained_to=0,
        written=0,
        rejected=0,
        missed=purged[_PURGED],
        done_bytes=purged[_PURGED_BYTES],
        configured=True,
    )
    conn.execute(new.on_conflict_do_update(index_elements=[sink.c.name], set_={"configured": True}))


def retire_sinks(conn: sa.Connection, but: Collection[str]) -> None:
    """Wait for no other sinks than these: what they have not had may be purged when its time is up."""
    conn.execute(sa.update(sink).where(sink.c.name.not_in(but)).values(configured=False, trouble=None))


_ADVANCE = (
    sa.update(sink)
    .where(sink.c.name == sa.bindparam("sink"), sink.c.drained_to < sa.bindparam("first"))
    .values(
        drained_to=sa.bindparam("to"),
        written=sink.c.written + sa.bindparam("more_written"),
        rejected=sink.c.rejected + sa.bindparam("more_rejected"),
        done_bytes=sink.c.done_bytes + sa.bindparam("more_bytes"),
        trouble=None,
        configured=True,  # whatever a gateway with another configuration may have said
    )
)


def advance(conn: sa.Connection, sink_name: str, rows: Sequence[Row], written: int, rejected: int) -> bool:
    """Note that a sink is done with its next rows, with so many lines written and rejected; it has no trouble.

    Returns:
        False when somebody else has noted that meanwhile; nothing was changed.
    """
    done = conn.execute(
        _ADVANCE,
        {
            "sink": sink_name,
            "first": rows[0].outbox_id,
            "to": rows[-1].outbox_id,
            "more_written": written,
            "more_rejected": rejected,
            "more_bytes": sum(len(row.lines) for row in rows),
        },
    )
    return done.rowcount > 0


def note_trouble(conn: sa.Connection, sink_name: str, trouble: str) -> None:
    """Note why a sink takes no lines now, and that the outbox waits for it; the next `advance` forgets the trouble."""
    conn.execute(sa.update(sink).where(sink.c.name == sink_name).values(trouble=trouble, configured=True))


def standings(conn: sa.Connection) -> list[Standing]:
    """How far every sink has got, by name."""
    total = enqueued(conn)
    oldest = sa.select(outbox.c.made_at).where(outbox.c.outbox_id > sink.c.drained_to)
    oldest = oldest.order_by(outbox.c.outbox_id).limit(1)
    rows = conn.execute(sa.select(sink, oldest.scalar_subquery().label("pending_from")).order_by(sink.c.name))
    return [
        Standing(
            name=row.name,
            configured=row.configured,
            enqueued=total,
            written=row.written,
            rejected=row.rejected,
            missed=row.missed,
            pending=total - row.written - row.rejected - row.missed,
            pending_from=row.pending_from,
            trouble=row.trouble,
        )
        for row in rows
    ]


def enqueued(conn: sa.Connection) -> int:
    """Lines ever put in the outbox."""
    return counters.value(conn, _ENQUEUED)


def default_cap(engine: sa.Engine) -> int:
    """How many bytes of lines may be kept unless somebody says: a quarter of the disk; 16 GiB where that is unseen.

    A quarter leaves room on a disk that the register, its write-ahead log and often a broker share.
    """
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        return _UNSEEN
    return shutil.disk_usage(Path(path).parent).total // 4


def set_cap(conn: sa.Connection, cap: int) -> None:
    """Say how many bytes of lines may be kept."""
    put(conn, meta, [{"name": _CAP, "value": str(cap)}])


def _counter(name: str) -> sa.ScalarSelect[int]:
    return sa.select(counter.c.value).where(counter.c.name == name).scalar_subquery()


_ROOM = sa.select(
    _counter(_ENQUEUED_BYTES),
    _counter(_PURGED_BYTES),
    sa.select(sa.func.min(sink.c.done_bytes)).where(sink.c.configured).scalar_subquery(),
    sa.select(meta.c.value).where(meta.c.name == _CAP).scalar_subquery(),
)


def room(conn: sa.Connection) -> Room:
    """How full the outbox is."""
    ever, purged, done, cap = conn.execute(_ROOM).one()
    ever = ever or 0
    return Room(
        kept=ever - (purged or 0),
        waiting=0 if done is None else ever - done,
        cap=None if cap is None else int(cap),
    )


def require_room(conn: sa.Connection) -> None:
    """Refuse to take in more than the outbox may hold.

    Raises:
        OutboxFull: lines that a configured sink has not had yet are as many as may be kept.
    """
    now = room(conn)
    if now.cap is not None and now.waiting >= now.cap:
        raise OutboxFull(
            f"the outbox is full: {now.waiting >> 20} MiB of history wait for InfluxDB. Tags hold what they have until "
            "there is room: mend InfluxDB (`kitback history status` says what is wrong), or raise `outbox_mib`"
        )


def purge(conn: sa.Connection, older_than: int) -> int:
    """Forget the oldest rows that no configured sink waits for: those made before a time, and more if room is short.

    What other sinks have not had of it they have missed. At most `PURGED_AT_ONCE` rows: call it again until it returns
    0.

    Returns:
        How many lines were forgotten.
    """
    now = room(conn)
    done = conn.scalar(sa.select(sa.func.min(sink.c.drained_to)).where(sink.c.configured))
    free = sa.true() if done is None else outbox.c.outbox_id <= done
    surplus = 0 if now.cap is None else now.kept - now.cap
    oldest = conn.execute(
        sa.select(outbox.c.outbox_id, outbox.c.made_at, outbox.c.count, sa.func.length(outbox.c.lines))
        .where(free)
        .order_by(outbox.c.outbox_id)
        .limit(PURGED_AT_ONCE)
    )
    last = lines = size = 0
    for outbox_id, made_at, more_lines, more_bytes in oldest:
        if made_at >= older_than and size >= surplus:
            break
        last, lines, size = outbox_id, lines + more_lines, size + more_bytes
    if not last:
        return 0
    _miss(conn, last)
    conn.execute(sa.delete(outbox).where(outbox.c.outbox_id <= last))
    counters.add(conn, {_PURGED: lines, _PURGED_BYTES: size})
    return lines


def _miss(conn: sa.Connection, last: int) -> None:
    """Rows up to `last` are about to go: count what they hold for the sinks that are not done with them."""
    not_had = sa.and_(outbox.c.outbox_id > sink.c.drained_to, outbox.c.outbox_id <= last)
    count = sa.select(sa.func.sum(outbox.c.count)).where(not_had).scalar_subquery()
    size = sa.select(sa.func.sum(sa.func.length(outbox.c.lines))).where(not_had).scalar_subquery()
    conn.execute(
        sa.update(sink)
        .where(sink.c.drained_to < last)
        .values(
            missed=sink.c.missed + sa.func.coalesce(count, 0),
            done_bytes=sink.c.done_bytes + sa.func.coalesce(size, 0),
            drained_to=last,
        )
    )
