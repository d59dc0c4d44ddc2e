"""What a register's first start settles for every start after it, and for every gateway on it."""

import sqlalchemy as sa

from kitback.register.store import Register
from kitback.register.tables import meta
from kitback.register.upsert import insert


def settled(conn: sa.Connection, name: str) -> str | None:
    """What holds, or None if nothing was settled."""
    held: str | None = conn.scalar(sa.select(meta.c.value).where(meta.c.name == name))
    return held


def settle(register: Register, name: str, value: str) -> str:
    """Note a value unless one was noted before; returns what holds.

    Raises:
        RegisterError: the database failed.
    """
    with register.write() as conn:
        conn.execute(insert(conn, meta).values(name=name, value=value).on_conflict_do_nothing())
        held: str = conn.scalars(sa.select(meta.c.value).where(meta.c.name == name)).one()
    return held
