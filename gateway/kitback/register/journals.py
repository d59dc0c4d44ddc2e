"""How far each journal of a tag has been taken in, and what of it was written off."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from kitback.register.tables import lost_range, tag_journal
from kitback.register.upsert import put


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Sequence numbers from `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, seq: int) -> bool:
        return self.first <= seq <= self.last

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(slots=True)
class Journal:
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


_TAG = sa.bindparam("tag", type_=sa.String())
_JOURNAL = sa.bindparam("journal", type_=sa.String())
_READ = sa.select(*(tag_journal.c[name] for name in Journal.__slots__)).where(
    tag_journal.c.tag_id == _TAG, tag_journal.c.journal == _JOURNAL
)
_LOST = (
    sa.select(lost_range.c.first, lost_range.c.last)
    .where(lost_range.c.tag_id == _TAG, lost_range.c.journal == _JOURNAL)
    .order_by(lost_range.c.first)
)


def read(conn: sa.Connection, tag_id: str, journal: str) -> Journal | None:
    """A journal's account, or None for one never seen."""
    row = conn.execute(_READ, {"tag": tag_id, "journal": journal}).one_or_none()
    return Journal(*row) if row else None


def write(conn: sa.Connection, tag_id: str, journal: str, account: Journal) -> None:
    """Keep a journal's account."""
    put(conn, tag_journal, [{"tag_id": tag_id, "journal": journal, **asdict(account)}])


def lost(conn: sa.Connection, tag_id: str, journal: str) -> list[Range]:
    """The ranges written off, in order."""
    return [Range(*row) for row in conn.execute(_LOST, {"tag": tag_id, "journal": journal})]


def write_lost(
    conn: sa.Connection, tag_id: str, journal: str, before: Iterable[Range], after: Iterable[Range], now_s: int
) -> None:
    """Keep the ranges written off, which were `before` and are `after`."""
    was = {each.first: each.last for each in before}
    are = {each.first: each.last for each in after}
    gone = [first for first in was if first not in are]
    if gone:
        conn.execute(
            sa.delete(lost_range).where(
                lost_range.c.tag_id == tag_id, lost_range.c.journal == journal, lost_range.c.first.in_(gone)
            )
        )
    rows = [
        {"tag_id": tag_id, "journal": journal, "first": first, "last": last, "noted_at": now_s}
        for first, last in are.items()
        if was.get(first) != last
    ]
    put(conn, lost_range, rows)
