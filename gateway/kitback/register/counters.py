"""Service-wide counters, which only ever grow."""

from collections.abc import Mapping

import sqlalchemy as sa

from kitback.register.tables import counter
from kitback.register.upsert import put


def add(conn: sa.Connection, amounts: Mapping[str, int]) -> None:
    """Add to counters by name; those not there yet begin at 0."""
    rows = [{"name": name, "value": amount} for name, amount in sorted(amounts.items()) if amount]
    put(conn, counter, rows, add=("value",))


def value(conn: sa.Connection, name: str) -> int:
    """A counter; 0 when it was never added to."""
    return conn.scalar(sa.select(counter.c.value).where(counter.c.name == name)) or 0


def everything(conn: sa.Connection) -> dict[str, int]:
    """All counters by name."""
    return {row.name: row.value for row in conn.execute(sa.select(counter).order_by(counter.c.name))}
