"""Many rows in few calls: statements that SQLAlchemy writes for either database, and the driver runs by itself.

To run a row through SQLAlchemy's own bookkeeping costs three to five times what SQLite needs to store it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert


def insert(conn: sa.Connection, table: sa.Table) -> Insert:
    """An insert statement of this connection's dialect, with `on_conflict_do_update`."""
    return _insert(conn.dialect.name, table)


def put(
    conn: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    add: tuple[str, ...] = (),
    latest: tuple[str, ...] = (),
) -> None:
    """Insert rows; where a row of that primary key is there already, put the new values in its place.

    Args:
        rows: all with the same columns, the primary key among them.
        add: columns whose new value is added to the old one instead.
        latest: columns that keep the greater of the two; null is least.
    """
    if rows:
        names = tuple(rows[0])
        put_values(conn, table, names, [tuple(row[name] for name in names) for row in rows], add=add, latest=latest)


def put_values(
    conn: sa.Connection,
    table: sa.Table,
    names: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    add: tuple[str, ...] = (),
    latest: tuple[str, ...] = (),
) -> None:
    """As `put`, with rows as plain tuples of the columns `names`."""
    if rows:
        text, order = _text(conn.dialect.name, _put(conn.dialect.name, table, names, add, latest))
        if order != names:  # SQLAlchemy puts them in the table's order
            in_order = itemgetter(*(names.index(name) for name in order))
            rows = [in_order(row) for row in rows]
        conn.exec_driver_sql(text, list(rows))


def change(conn: sa.Connection, statement: sa.Update, rows: Iterable[tuple[Any, ...]]) -> None:
    """Run an update once a row; each row has the values of the statement's parameters in the order they appear."""
    if many := list(rows):
        conn.exec_driver_sql(_text(conn.dialect.name, statement)[0], many)


@cache
def _text(dialect: str, statement: sa.Executable) -> tuple[str, tuple[str, ...]]:
    """A statement in the driver's own words, and the names of its parameters in order."""
    positional: sa.Dialect = (
        postgresql.psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
        if dialect == "postgresql"
        else sqlite.dialect(paramstyle="qmark")
    )
    compiled: Any = statement.compile(dialect=positional)  # type: ignore[attr-defined]
    return str(compiled), tuple(compiled.positiontup or ())


def _insert(dialect: str, table: sa.Table) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache  # to build a statement takes longer than to execute it
def _put(
    dialect: str, table: sa.Table, names: tuple[str, ...], add: tuple[str, ...], latest: tuple[str, ...]
) -> Insert:
    statement = _insert(dialect, table).values({name: sa.bindparam(name) for name in names})
    new = statement.excluded

    def value(name: str) -> sa.ColumnElement[Any]:
        if name in add:
            return table.c[name] + new[name]
        if name in latest:
            old_wins = sa.or_(new[name].is_(None), table.c[name] > new[name])
            return sa.case((old_wins, table.c[name]), else_=new[name])
        return new[name]

    key = [column.name for column in table.primary_key]
    rest = {name: value(name) for name in names if name not in key}
    if not rest:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=rest)
