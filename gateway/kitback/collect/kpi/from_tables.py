"""The records as the register's tables have them."""

from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.kpi.records import IDLE, Asset, Collection, Counts, Flag, Loan, Records, Task
from kitback.register.tables import asset, collection, flag, loan, remains, visit_task

_T = TypeVar("_T", bound=Struct)


def read(conn: sa.Connection) -> Records:
    """Everything."""
    return Records(
        assets=_rows(conn, asset, Asset),
        loans=_rows(conn, loan, Loan),
        collections=_rows(conn, collection, Collection),
        flags=_rows(conn, flag, Flag, flag.c.rule.in_(IDLE)),
        tasks=_rows(conn, visit_task, Task, visit_task.c.status == "done"),
        erased=erased(conn),
    )


def of_loan(conn: sa.Connection, loan_ref: str) -> Records:
    """What is about one loan: with its piece of equipment, all that was done at the visits that this had, and the other
    pieces of which that was, with all their loans."""
    piece = sa.select(loan.c.asset_id).where(loan.c.loan_ref == loan_ref)
    visits = sa.select(visit_task.c.visit_id).where(visit_task.c.asset_id.in_(piece))
    pieces = piece.union(sa.select(visit_task.c.asset_id).where(visit_task.c.visit_id.in_(visits)))
    return Records(
        assets=_rows(conn, asset, Asset, asset.c.asset_id.in_(pieces)),
        loans=_rows(conn, loan, Loan, loan.c.asset_id.in_(pieces)),
        collections=_rows(conn, collection, Collection, collection.c.loan_ref == loan_ref),
        flags=_rows(conn, flag, Flag, flag.c.rule.in_(IDLE), flag.c.loan_ref == loan_ref),
        tasks=_rows(conn, visit_task, Task, visit_task.c.status == "done", visit_task.c.visit_id.in_(visits)),
        erased=Counts(),
    )


def erased(conn: sa.Connection) -> Counts:
    """What is left of loans that were erased."""
    key = (remains.c.month, remains.c.commissioner, remains.c.kind, remains.c.pathway, remains.c.name)
    return Counts({tuple(row[:-1]): row.count for row in conn.execute(sa.select(*key, remains.c.count))})


def _rows(conn: sa.Connection, table: sa.Table, made: type[_T], *which: sa.ColumnElement[Any]) -> list[_T]:
    columns = [table.c[name] for name in made.__struct_fields__]
    found = conn.execute(sa.select(*columns).where(*which).order_by(*table.primary_key))
    return [made(*row) for row in found]
