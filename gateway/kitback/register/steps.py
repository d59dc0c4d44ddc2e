"""What every step of staff has in common: what it asks before, and how it is kept and noted.

A step takes the connection of a `Register.write()`, the Unix second `at` which it happened, who did it and why. It
changes nothing when it raises, and the audit log says of every row what it was and what it is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from kitback.register import audit_log

# Ids end up in history lines and in addresses of pages.
_ID: Final = re.compile(r"[^\s\\\x00-\x1f\x7f](?:[^\\\x00-\x1f\x7f]{0,58}[^\s\\\x00-\x1f\x7f])?")


class IllegalMove(Exception):
    """A step that the register's present state does not allow; the message names what, and the remedy."""


def enter(
    conn: sa.Connection, table: sa.Table, values: Mapping[str, Any], at: int, who: str, what: str, why: str | None
) -> None:
    """Put in a new row, and note it."""
    conn.execute(sa.insert(table), values)
    audit_log.note(
        conn, at, who, what, why=why, after={name: value for name, value in values.items() if value is not None}
    )


def change(
    conn: sa.Connection,
    table: sa.Table,
    row: sa.Row[Any],
    values: Mapping[str, Any],
    at: int,
    who: str,
    what: str,
    why: str | None,
) -> None:
    """Change a row, and note what of it is another now."""
    was = row._mapping
    after = {name: value for name, value in values.items() if was[name] != value}
    (key,) = table.primary_key
    conn.execute(sa.update(table).where(key == was[key.name]), dict(values))
    audit_log.note(conn, at, who, what, why=why, before={name: was[name] for name in after}, after=after)


def the_row(conn: sa.Connection, table: sa.Table, key: str | int, what: str) -> sa.Row[Any]:
    """The row of a thing that staff named.

    Raises:
        IllegalMove: there is none.
    """
    (column,) = table.primary_key
    found = conn.execute(sa.select(table).where(column == key)).one_or_none()
    if found is None:
        raise IllegalMove(f"there is no {what} {key}: add it first, or check the id")
    return found


def refuse_existing(conn: sa.Connection, table: sa.Table, key: str, what: str) -> None:
    """Refuse an id that is in use, or that could not be one."""
    if not _ID.fullmatch(key):
        raise IllegalMove(f"{key!r} is no {what} id: give 1 to 60 printable characters without backslashes")
    (column,) = table.primary_key
    if conn.scalar(sa.select(sa.exists().where(column == key))):
        raise IllegalMove(f"{what} {key} is in the register already: give another id")


def one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a word that is not one of those that are known."""
    if value not in allowed:
        raise IllegalMove(f"{what} {value!r} is not known: give one of {', '.join(allowed)}")


def refuse_silence(what: str, text: str) -> None:
    """Refuse nothing where words belong."""
    if not text.strip():
        raise IllegalMove(f"{what} is empty: say it in words")


def when(unix: int) -> str:
    """A moment as a refusal names it."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
