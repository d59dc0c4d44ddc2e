"""Many rows in one call: written by SQLAlchemy for either database, run without its bookkeeping for each row.

On SQLite the driver runs a statement once a row: with SQLAlchemy's bookkeeping that would take three to five times as
long. On PostgreSQL each run would be a message of its own to the server: all rows go in one, as JSON, which costs a
third of that.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

Insert = sqlite.Insert | postgresql.Insert

_encode = msgspec.json.Encoder().encode


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
        rows: all with the same columns, the primary key among them; no two of the same key.
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
    if not rows:
        return
    statement = _put(conn.dialect.name, table, names, add, latest)
    if conn.dialect.name == "postgresql":
        conn.execute(statement, {"rows": _json(table, names, rows)})
    else:
        text, order = _text(statement)
        if order != names:  # SQLAlchemy puts them in the table's order
            in_order = itemgetter(*(names.index(name) for name in order))
            rows = [in_order(row) for row in rows]
        conn.exec_driver_sql(text, list(rows))


def change(conn: sa.Connection, table: sa.Table, names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Put new values into rows that are there.

    Args:
        names: the columns of `rows`; the last one is the primary key, which says which row it is.
    """
    many = list(rows)
    if not many:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(_change_from_rows(table, names), {"rows": _json(table, names, many)})
    else:
        conn.exec_driver_sql(_text(_change(table, names))[0], many)


def among(column: sa.Column[str], name: str) -> sa.ColumnElement[bool]:
    """Whether a column is one of the `texts` in the parameter `name`: one statement, however many they are."""
    elements = _Elements(sa.bindparam(name, type_=sa.Text())).table_valued(sa.column("value", sa.String()))
    return column.in_(sa.select(elements.c.value))


def texts(values: Iterable[str]) -> str:
    """Several texts as a parameter for `among`."""
    return _encode(list(values)).decode()


def array(*values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Several values of a row as one, for `packed`."""
    return _Array(*values)


def packed(*values: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """Several values of a row as one text, a JSON array, in which SQLite's truth values are 1 and 0.

    SQLite's driver lets go of the interpreter for each value that it fetches: many rows are read faster this way.
    """
    return sa.cast(array(*values), sa.Text())


class _Array(sa.sql.functions.FunctionElement[Any]):
    """A JSON array of values."""

    inherit_cache = True


@compiles(_Array, "sqlite")
def _array_in_sqlite(element: _Array, compiler: Any, **kw: Any) -> str:
    return f"json_array({compiler.process(element.clauses, **kw)})"


@compiles(_Array, "postgresql")
def _array_in_postgresql(element: _Array, compiler: Any, **kw: Any) -> str:
    return f"json_build_array({compiler.process(element.clauses, **kw)})"


class _Elements(sa.sql.functions.FunctionElement[str]):
    """The elements of a JSON array, as rows."""

    inherit_cache = True


@compiles(_Elements, "sqlite")
def _in_sqlite(element: _Elements, compiler: Any, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_Elements, "postgresql")
def _in_postgresql(element: _Elements, compiler: Any, **kw: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **kw)} AS json))"


def _json(table: sa.Table, names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Rows for `_rows`."""
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    for name in names:
        if isinstance(table.c[name].type, sa.LargeBinary):
            for each in objects:
                each[name] = rf"\x{each[name].hex()}"
    return _encode(objects).decode()


def _rows(table: sa.Table, names: tuple[str, ...]) -> sa.TableValuedAlias:
    """The rows in the parameter `rows`, of the table's own type."""
    given = sa.cast(sa.bindparam("rows", type_=sa.Text()), postgresql.JSON)
    typed = sa.func.json_populate_recordset(sa.literal_column(f"NULL::{table.name}"), given)
    return typed.table_valued(*(sa.column(name, table.c[name].type) for name in names), name="given")


@cache
def _text(statement: sa.Executable) -> tuple[str, tuple[str, ...]]:
    """A statement in the words of SQLite's driver, and the names of its parameters in order."""
    compiled: Any = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))  # type: ignore[attr-defined]
    return str(compiled), tuple(compiled.positiontup or ())


def _insert(dialect: str, table: sa.Table) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache  # to build a statement takes longer than to execute it
def _put(
    dialect: str, table: sa.Table, names: tuple[str, ...], add: tuple[str, ...], latest: tuple[str, ...]
) -> Insert:
    statement = _insert(dialect, table)
    if dialect == "postgresql":
        given = _rows(table, names)
        statement = statement.from_select(names, sa.select(*(given.c[name] for name in names)))
    else:
        statement = statement.values({name: sa.bindparam(name) for name in names})
        whole = set(names) == {*table.c.keys()} and not add and not latest
        if whole and not table.dialect_options["sqlite"]["with_rowid"]:
            # Without another index such a row is written over where it is: one search of the tree instead of three.
            return statement.prefix_with("OR REPLACE")
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


@cache
def _change(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    *values, key = names
    new: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(f"new_{name}") for name in values}
    return sa.update(table).where(table.c[key] == sa.bindparam("key")).values(new)


@cache
def _change_from_rows(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    *values, key = names
    given = _rows(table, names)
    return sa.update(table).where(table.c[key] == given.c[key]).values({name: given.c[name] for name in values})
