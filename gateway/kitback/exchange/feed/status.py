"""How the feeds stand, and what of them could not be applied."""

import sqlalchemy as sa
from msgspec import Struct

from kitback.policy import Policy
from kitback.register import feeds
from kitback.register.tables import feed_item, loan


class Standing(Struct, frozen=True, kw_only=True):
    """How one feed stands. Times are Unix seconds."""

    source: str
    stale: bool
    """Whether it has told nothing for longer than the policy's `feed.stale_after`."""
    told_to_s: int | None
    """Up to when it has told all it knows, by its own clock."""
    heard_s: int | None
    """When it last told anything new."""
    told: int
    """Loans it has told of."""
    running: int
    """Of these, those that run in the register."""
    troubles: int
    """Those of which something could not be applied."""


class Trouble(Struct, frozen=True, kw_only=True):
    """What of one loan could not be applied."""

    source: str
    external_id: str
    """The loan's number in the provider's system."""
    loan_ref: str | None
    """Null: it is not in the register."""
    asset_id: str | None
    """As it was told."""
    said_s: int
    trouble: str
    """Why, and what to do."""


def standings(conn: sa.Connection, policy: Policy, now_s: int) -> list[Standing]:
    """All feeds, by name."""
    late = {each.source for each in feeds.stale(conn, policy.feed.stale_after, now_s)}
    told = _per_source(conn, feed_item.c.source, sa.true())
    troubled = _per_source(conn, feed_item.c.source, feed_item.c.trouble.is_not(None))
    running = _per_source(conn, loan.c.fed_by, loan.c.to_s.is_(None))
    return [
        Standing(
            source=each.source,
            stale=each.source in late,
            told_to_s=each.told_to_s,
            heard_s=each.heard_s,
            told=told.get(each.source, 0),
            running=running.get(each.source, 0),
            troubles=troubled.get(each.source, 0),
        )
        for each in feeds.feeds(conn)
    ]


def troubles(conn: sa.Connection, source: str | None = None, limit: int | None = None) -> list[Trouble]:
    """What could not be applied, of one feed or of all, the latest said first; so many at most."""
    chosen = sa.select(feed_item).where(feed_item.c.trouble.is_not(None))
    if source is not None:
        chosen = chosen.where(feed_item.c.source == source)
    return [
        Trouble(
            source=row.source,
            external_id=row.external_id,
            loan_ref=row.loan_ref,
            asset_id=row.asset_id,
            said_s=row.told_s,
            trouble=row.trouble,
        )
        for row in conn.execute(chosen.order_by(feed_item.c.told_s.desc(), *feed_item.primary_key).limit(limit))
    ]


def _per_source(conn: sa.Connection, column: sa.Column[str], which: sa.ColumnElement[bool]) -> dict[str, int]:
    counted = sa.select(column, sa.func.count()).where(column.is_not(None), which).group_by(column)
    return dict(conn.execute(counted).tuples().all())
