"""Who did what, when: only ever added to."""

import json
from collections.abc import Mapping

import sqlalchemy as sa

from kitback.register.tables import audit

Facts = Mapping[str, str | int | None]


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
    conn.execute(
        sa.insert(audit),
        {
            "at_us": at * 1_000_000,
            "who": who,
            "what": what,
            "why": why,
            "before": None if before is None else json.dumps(before),
            "after": None if after is None else json.dumps(after),
        },
    )
