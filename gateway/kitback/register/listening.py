"""Since when the gateway has been listening to the tags: silence while it was away says nothing about them."""

from typing import Final

import sqlalchemy as sa

from kitback.register.tables import meta
from kitback.register.upsert import put

AWAY: Final = 600
"""Seconds without a sign of listening that make an absence."""

_NOW, _FROM, _LAST = "listening", "listening_from", "listening_last"
_HOUSE: Final = "house_kept"


def connected(conn: sa.Connection, now_s: int) -> None:
    """The gateway has joined its broker; a long enough gap before it begins a new stretch of listening."""
    last = _read(conn, _LAST)
    if last is None or now_s - last > AWAY:
        _write(conn, _FROM, now_s)
    _write(conn, _LAST, now_s)
    _write(conn, _NOW, 1)


def still(conn: sa.Connection, now_s: int) -> None:
    """What is heard by a gateway that listens says that it still does."""
    if _read(conn, _NOW):
        _write(conn, _LAST, now_s)


def away(conn: sa.Connection) -> None:
    """The gateway is not listening: it has just started, or has lost its broker."""
    _write(conn, _NOW, 0)


def heard(conn: sa.Connection) -> int | None:
    """The latest sign that the gateway listens, Unix seconds; None when there never was one."""
    return _read(conn, _LAST)


def kept_house(conn: sa.Connection, now_s: int) -> None:
    """The gateway's own upkeep has been done, which writes to the register."""
    _write(conn, _HOUSE, now_s)


def house_kept(conn: sa.Connection) -> int | None:
    """When the upkeep was last done, Unix seconds; None when never."""
    return _read(conn, _HOUSE)


def since(conn: sa.Connection, now_s: int) -> int | None:
    """When the present stretch of listening began, Unix seconds; None while the gateway does not listen.

    A gateway that was killed, or hangs, does not say that it is away: it gives no sign of listening.
    """
    last = _read(conn, _LAST)
    if not _read(conn, _NOW) or last is None or now_s - last > AWAY:
        return None
    return _read(conn, _FROM)


def _read(conn: sa.Connection, name: str) -> int | None:
    value: str | None = conn.scalar(sa.select(meta.c.value).where(meta.c.name == name))
    return None if value is None else int(value)


def _write(conn: sa.Connection, name: str, value: int) -> None:
    put(conn, meta, [{"name": name, "value": str(value)}])
