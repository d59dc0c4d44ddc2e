"""The provider's own systems that feed the register: when each was last heard, and which have fallen silent."""

from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.policy import Period
from kitback.register.tables import feed, loan

_OUT: Final = sa.exists(sa.select(loan.c.loan_ref).where(loan.c.fed_by == feed.c.source, loan.c.to_s.is_(None)))


class Feed(Struct, frozen=True):
    """One system, by the name we give it. Times are Unix seconds."""

    source: str
    heard_s: int | None
    """When it last told anything new."""
    told_to_s: int | None
    """Up to when it has told all it knows, by its own clock; None when it never said."""


def feeds(conn: sa.Connection) -> list[Feed]:
    """All of them, by name."""
    return [Feed(*row) for row in conn.execute(sa.select(feed).order_by(feed.c.source))]


def stale(conn: sa.Connection, stale_after: Period, now_s: int) -> list[Feed]:
    """Those that have told nothing for too long: what they tell of may be over long since."""
    return [each for each in feeds(conn) if each.told_to_s is None or stale_after.after(each.told_to_s) <= now_s]


def with_loans(conn: sa.Connection, some: list[Feed]) -> list[Feed]:
    """Those of some that tell of a loan that runs: nobody misses the others."""
    told = set(conn.scalars(sa.select(feed.c.source).where(_OUT, feed.c.source.in_([each.source for each in some]))))
    return [each for each in some if each.source in told]


def hear(conn: sa.Connection, source: str, now_s: int, told_to_s: int | None) -> bool:
    """A system has told all it knows up to `told_to_s`; returns whether that is news."""
    known = conn.execute(sa.select(feed).where(feed.c.source == source).with_for_update()).one_or_none()
    if known is None:
        conn.execute(sa.insert(feed).values(source=source, heard_s=now_s, told_to_s=told_to_s))
        return True
    if told_to_s is None or (known.told_to_s is not None and told_to_s <= known.told_to_s):
        return False
    conn.execute(sa.update(feed).where(feed.c.source == source).values(heard_s=now_s, told_to_s=told_to_s))
    return True
