"""What the register knows of each tag that its next report is judged by: one row a tag, read and written many at once.

Inside a transaction a `TagState` is the only truth; `store` puts it back at the end.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import astuple

from kitback.register.tables import tag, tag_journal, tag_now
from kitback.register.upsert import among, array, packed, put_values, texts

GAPS_KEPT: Final = 1024
"""Ranges of lost records remembered in a journal; of older ones only the count is kept. Records in them may still come
from a broker's queue or the quarantine, which keeps far fewer reports of a tag than that."""


class Range(NamedTuple):
    """Sequence numbers from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many there are."""
        return self.last - self.first + 1


class Point(Struct, array_like=True, frozen=True, gc=False):
    """A pair: this counter was this Unix time."""

    counter: int
    unix: int


class Journal(Struct, array_like=True):
    """One journal's account: applied + lost + quarantined = high - base, always."""

    base: int
    """Just before the oldest record that the tag held when the journal was first seen."""
    high: int
    newest: int
    """The newest that the tag has said it holds."""
    applied: int = 0
    lost: int = 0
    quarantined: int = 0
    duplicate: int = 0
    gaps: tuple[Range, ...] = ()
    """The ranges written off, in order, the latest `GAPS_KEPT`."""


class ClockState(Struct, array_like=True):
    """One run of a tag's counter."""

    pairs: tuple[Point, ...] = ()
    """In order."""
    ends: int | None = None
    """Latest Unix second placed on it; None while nothing is."""


class Now(Struct, array_like=True):
    """How a tag stood after its latest report. Times are Unix seconds, `at` is a counter on `clock`."""

    heard_at: int
    journal: str
    clock: int
    at: int
    rate_ppb: int
    complete_to: int | None
    whole: bool
    fw: str
    battery_mv: int


class TagState(Struct):
    """One tag, as of the reports taken in so far."""

    tag_id: str
    secret: bytes
    now: Now | None = None
    """None before the first report."""
    journals: dict[str, Journal] = {}
    """Accounts by journal: the present one's, and those asked for."""
    clocks: dict[int, ClockState] = {}
    waiting: int = 0
    """How many records wait for a time."""
    stored: frozenset[str] = frozenset()
    """Which of the journals have a row of their own."""


class _Kept(Struct, array_like=True):
    """What is kept of a tag in its row."""

    tag_id: str
    clocks: str
    waiting: int
    gaps: str
    account: Journal
    """But for its gaps."""
    now: Now


_ACCOUNT = Journal.__struct_fields__
_NOW = Now.__struct_fields__
_GAPS = msgspec.json.Decoder(tuple[Range, ...])
_CLOCKS = msgspec.json.Decoder(dict[int, ClockState])
_decode = msgspec.json.Decoder(_Kept, strict=False).decode
_encode = msgspec.json.Encoder().encode

accounts: Final = sa.union_all(
    *(
        sa.select(table.c.tag_id, table.c.journal, *(table.c[name] for name in _ACCOUNT))
        for table in (tag_now, tag_journal)
    )
).subquery("account")
"""The accounts of all journals of all tags, to select from."""

_HOLD = (
    sa.select(tag.c.tag_id, tag.c.secret)
    .where(among(tag.c.tag_id, "tags"))
    .order_by(tag.c.tag_id)  # in one order, so that two workers on PostgreSQL cannot wait for each other
    .with_for_update(of=tag, key_share=True)
)
_LOAD = sa.select(
    packed(
        tag_now.c.tag_id,
        tag_now.c.clocks,
        tag_now.c.waiting,
        tag_now.c.gaps,
        array(*(tag_now.c[name] for name in _ACCOUNT[:-1])),
        array(*(tag_now.c[name] for name in _NOW)),
    )
).where(among(tag_now.c.tag_id, "tags"))
_ONE_JOURNAL = sa.select(*(tag_journal.c[name] for name in _ACCOUNT)).where(
    tag_journal.c.tag_id == sa.bindparam("tag"), tag_journal.c.journal == sa.bindparam("which")
)


def load(conn: sa.Connection, tag_ids: Iterable[str]) -> dict[str, TagState]:
    """The enrolled ones among these tags, held for the rest of the transaction."""
    tags = {"tags": texts(tag_ids)}
    # First held, then read: who had to wait would else read what was there before.
    found = {tag_id: TagState(tag_id, secret) for tag_id, secret in conn.execute(_HOLD, tags).all()}
    for kept in map(_decode, conn.scalars(_LOAD, tags).all()):
        state = found[kept.tag_id]
        state.now = kept.now
        state.journals[kept.now.journal] = _with_gaps(kept.account, kept.gaps)
        state.clocks = _CLOCKS.decode(kept.clocks)
        state.waiting = kept.waiting
    return found


def secret_of(conn: sa.Connection, tag_id: str) -> bytes | None:
    """The secret of an enrolled tag, without anything that was kept of what it said; None for one that is not."""
    return conn.scalar(sa.select(tag.c.secret).where(tag.c.tag_id == tag_id))


def is_set(clocks: str, clock: int) -> bool:
    """Whether one of the `clocks` in a row of `tag_now` was ever set: Unix time is known of a moment on it."""
    state = _CLOCKS.decode(clocks).get(clock)
    return state is not None and bool(state.pairs)


def journal(conn: sa.Connection, state: TagState, which: str) -> Journal | None:
    """A tag's account of a journal, or None for one never seen."""
    known = state.journals.get(which)
    if known is None and state.now is not None:
        row = conn.execute(_ONE_JOURNAL, {"tag": state.tag_id, "which": which}).one_or_none()
        if row is not None:
            *account, gaps = row
            known = state.journals[which] = _with_gaps(Journal(*account), gaps)
            state.stored |= {which}
    return known


def store(conn: sa.Connection, states: Iterable[TagState]) -> None:
    """Put tags back as they are now."""
    rows, others = [], []
    for state in states:
        now = state.now
        if now is None:
            continue
        clocks = _encode(state.clocks).decode()
        account = _values(state.journals[now.journal])
        rows.append((state.tag_id, clocks, state.waiting, *account, *astuple(now)))
        if len(state.journals) > 1:
            others += [
                (state.tag_id, which, *_values(account))
                for which, account in state.journals.items()
                if which != now.journal
            ]
            _no_longer_apart(conn, state, now.journal)
    put_values(conn, tag_now, ("tag_id", "clocks", "waiting", *_ACCOUNT, *_NOW), rows)
    put_values(conn, tag_journal, ("tag_id", "journal", *_ACCOUNT), others)


def _no_longer_apart(conn: sa.Connection, state: TagState, present: str) -> None:
    """An account is in one place: the present journal's has no row of its own."""
    if present in state.stored:
        mine = sa.and_(tag_journal.c.tag_id == state.tag_id, tag_journal.c.journal == present)
        conn.execute(sa.delete(tag_journal).where(mine))


def _with_gaps(account: Journal, gaps: str) -> Journal:
    if gaps != "[]":
        account.gaps = _GAPS.decode(gaps)
    return account


def _values(account: Journal) -> tuple[object, ...]:
    """In the order of `_ACCOUNT`."""
    gaps = _encode(account.gaps[-GAPS_KEPT:]).decode() if account.gaps else "[]"
    return (*astuple(account)[:-1], gaps)
