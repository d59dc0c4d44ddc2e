"""Writes what is in the register as sheets for spreadsheets, a row at a time.

UTF-8 with the mark that Excel knows it by; times in UTC, ISO 8601; money in pounds where a column ends in `_gbp`. What
a spreadsheet would take for a formula gets an apostrophe before it, which reading it again takes away. The sheets of
places, assets and loans have the columns of those that `kitback import` takes.
"""

import csv
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import sqlalchemy as sa

from kitback.exchange.csv_in import SHEETS
from kitback.exchange.open_format import by_key
from kitback.register import tables
from kitback.register.tables import asset, loan, place

_AT_ONCE: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""Some spreadsheets pass over the last two."""

_OF: Final[Mapping[str, tuple[sa.Table, Mapping[str, str]]]] = {
    "places": (place, {}),
    "assets": (
        asset,
        {
            "value_gbp": "value_pence",
            "serviced": "serviced_s",
            "examined": "examined_s",
            "service_due": "service_due_s",
            "exam_due": "exam_due_s",
        },
    ),
    "loans": (
        loan,
        {
            "prescribed": "prescribed_s",
            "delivered": "from_s",
            "reviewed": "reviewed_s",
            "returned": "to_s",
            "deliver_by": "deliver_by_s",
            "due": "due_s",
            "review_due": "review_s",
        },
    ),
}
"""Of the sheets that can be taken in again: the table, and its columns where they have other names."""
_AS_THEY_ARE: Final[Mapping[str, sa.Table]] = {
    "holds": tables.hold,
    "recalls": tables.recall,
    "fittings": tables.fitting,
    "flags": tables.flag,
    "collections": tables.collection,
    "visits": tables.visit,
    "visit-tasks": tables.visit_task,
    "use": tables.use_day,
    "whereabouts": tables.whereabouts,
    "audit": tables.audit,
}
"""The others have a column for each of the table's."""
NAMES: Final = (*_OF, *_AS_THEY_ARE)
"""What there are sheets of."""


_TIMES: Final = ("_s", "_at")
_OTHER_TIMES: Final = ("since", "muted_until")


def write(conn: sa.Connection, name: str, file: TextIO) -> int:
    """Write a sheet; returns how many rows it has below its header.

    Args:
        name: of the sheet, one of `NAMES`.
        file: opened with newline="".
    """
    table, columns = _columns(name)
    out = csv.writer(file)
    out.writerow(columns)
    written = [_writing(header, column) for header, column in columns.items()]
    chosen = sa.select(*columns.values()).order_by(*by_key(table, conn.dialect.name))
    rows = 0
    for some in conn.execute(chosen.execution_options(yield_per=_AT_ONCE)).partitions():
        out.writerows(
            [["" if cell is None else of(cell) for of, cell in zip(written, row, strict=True)] for row in some]
        )
        rows += len(some)
    return rows


def _columns(name: str) -> tuple[sa.Table, dict[str, sa.ColumnElement[Any]]]:
    """A sheet's table, and by header what is under it."""
    if name in _AS_THEY_ARE:
        table = _AS_THEY_ARE[name]
        return table, {_header(column.name): column for column in table.columns}
    table, other_names = _OF[name]
    # A day that staff agreed for one loan is entered again; one that follows from its pathway follows again.
    agreed = {"due_agreed": sa.case((loan.c.due_own, loan.c.due_s)).label("due_s")}
    return table, {
        header: agreed[header] if header in agreed else table.c[other_names.get(header, header)]
        for header in SHEETS[name].columns
    }


def _header(column: str) -> str:
    return column.removesuffix("_us").removesuffix("_s")


def _writing(header: str, column: sa.ColumnElement[Any]) -> Callable[[Any], str]:
    """How what is under a header is written."""
    name = str(getattr(column, "name", header))
    if name.endswith("_us"):
        return lambda microseconds: _iso(microseconds // 1_000_000)
    if name.endswith(_TIMES) or name in _OTHER_TIMES:
        return _iso
    if name == "day":
        return lambda days: _iso(days * 86_400)[:10]
    if header.endswith("_gbp"):
        return lambda pence: f"{pence // 100}.{pence % 100:02}"
    if isinstance(column.type, sa.Boolean):
        return lambda yes: "yes" if yes else "no"
    return _harmless


def _iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _harmless(value: object) -> str:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else str(value)
