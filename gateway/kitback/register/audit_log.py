"""Who did what, when: only ever added to."""

import json

import sqlalchemy as sa

from kitback.register.tables import audit


def note(conn: sa.Connection, at: int, who: str, what: str, detail: dict[str, str | int | None]) -> None:
    """Note that somebody did something; `what` is a verb and its object, such as `loan.start L-1042`."""
    conn.execute(sa.insert(audit), {"at_us": at * 1_000_000, "who": who, "what": what, "detail": json.dumps(detail)})
