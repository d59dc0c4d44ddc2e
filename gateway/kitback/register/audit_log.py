"""Who did what, when: only ever added to."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from kitback.register.tables import audit
from kitback.register.upsert import put_values

Facts = Mapping[str, str | int | None]


class Entry(Struct, frozen=True, kw_only=True):
    """What somebody did once."""

    at_s: int
    who: str
    what: str
    why: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Noted(Struct, frozen=True):
    """One thing done, as `note` takes it."""

    what: str
    why: str | None
    before: Facts | None
    after: Facts | None


def note(
    conn: sa.Connection,
    at: int,
    who: str,
    what: str,
    *,
    why: str | None = None,
    before: Facts | None = None,
    after: Facts | None = None,
) -> None:
    """Note that somebody did something.

    Args:
        what: a verb and its object, such as `loan.end L-1042`.
        why: in their own words.
        before: what it changed, as it was; None for what is new.
        after: and as it is now; None for what is gone.
    """
    note_all(conn, at, who, [Noted(what, why, before, after)])


def note_all(conn: sa.Connection, at: int, who: str, many: Iterable[Noted]) -> None:
    """Note that somebody did several things at once."""
    put_values(
        conn,
        audit,
        ("at_us", "who", "what", "why", "before", "after"),
        [(at * 1_000_000, who, each.what, each.why, _written(each.before), _written(each.after)) for each in many],
    )


def _written(facts: Facts | None) -> str | None:
    return None if facts is None else msgspec.json.encode(facts).decode()


def entries(conn: sa.Connection, whats: Iterable[str]) -> list[Entry]:
    """Everything noted under these verbs and objects, in the order in which it was."""
    chosen = sa.select(audit).where(audit.c.what.in_(list(whats))).order_by(audit.c.audit_id)
    return [
        Entry(
            at_s=row.at_us // 1_000_000,
            who=row.who,
            what=row.what,
            why=row.why,
            before=row.before and json.loads(row.before),
            after=row.after and json.loads(row.after),
        )
        for row in conn.execute(chosen)
    ]
