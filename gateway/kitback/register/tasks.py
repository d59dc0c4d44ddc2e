"""What is to be done at a visit, for each piece of equipment; the visit is over when nothing of it is left to do."""

from typing import Any, Final, Literal

import sqlalchemy as sa

from kitback.register import audit_log
from kitback.register.steps import IllegalMove, change, one_of, the_row, when
from kitback.register.tables import visit, visit_task

TASKS: Final = ("collect", "service", "examine", "safety_check", "deliver")
Settled = Literal["done", "failed"]
CLEAN: Final = ("deliver",)
"""What was decontaminated never travels with what was not: these have a visit of their own."""


def add(conn: sa.Connection, visit_id: int, asset_id: str, task: str, at: int, *, who: str, why: str | None) -> None:
    """One thing more to do at a visit that is planned.

    Raises:
        IllegalMove: the visit is over, does this already, or is on the other side of clean and dirty.
    """
    one_of("task", task, TASKS)
    planned(conn, visit_id)
    others = conn.execute(sa.select(visit_task).where(visit_task.c.visit_id == visit_id)).all()
    if any((each.asset_id, each.task) == (asset_id, task) for each in others):
        raise IllegalMove(f"to {task} {asset_id} is on visit {visit_id} already: plan another visit")
    if any((each.task in CLEAN) != (task in CLEAN) for each in others):
        raise IllegalMove(
            f"visit {visit_id} cannot {task} {asset_id}: clean deliveries and what is used never share a van; "
            "plan another visit for it"
        )
    conn.execute(sa.insert(visit_task), {"visit_id": visit_id, "asset_id": asset_id, "task": task, "status": "planned"})
    audit_log.note(conn, at, who, _what(visit_id, asset_id, task), why=why, after={"status": "planned"})


def settle(
    conn: sa.Connection,
    visit_id: int,
    asset_id: str,
    task: str,
    status: Settled,
    at: int,
    *,
    reason: str | None = None,
    who: str,
    why: str | None,
) -> None:
    """It was done, or failed for a reason; the last one ends the visit."""
    after = {"status": status, "done_s": at} | ({} if reason is None else {"reason": reason})
    mine = (visit_task.c.visit_id == visit_id, visit_task.c.asset_id == asset_id, visit_task.c.task == task)
    conn.execute(sa.update(visit_task).where(*mine), after)
    before = {"status": "planned"} | dict.fromkeys([name for name in after if name != "status"])
    audit_log.note(conn, at, who, _what(visit_id, asset_id, task), why=why, before=before, after=after)
    row = conn.execute(sa.select(visit).where(visit.c.visit_id == visit_id)).one()
    if row.status == "planned" and not left(conn, visit_id):
        change(conn, visit, row, {"status": "done"}, at, who, f"visit.finish {visit_id}", why)


def left(conn: sa.Connection, visit_id: int) -> list[sa.Row[Any]]:
    """What is still to be done at a visit."""
    mine = (visit_task.c.visit_id == visit_id, visit_task.c.status == "planned")
    return list(conn.execute(sa.select(visit_task).where(*mine).order_by(visit_task.c.asset_id, visit_task.c.task)))


def planned(conn: sa.Connection, visit_id: int) -> sa.Row[Any]:
    """The row of a visit that is still to come.

    Raises:
        IllegalMove: there is none, or it is over.
    """
    row = the_row(conn, visit, visit_id, "visit")
    if row.status != "planned":
        raise IllegalMove(f"visit {visit_id} at {when(row.from_s)} is {row.status}: plan another one")
    return row


def _what(visit_id: int, asset_id: str, task: str) -> str:
    return f"visit.{task} {visit_id} {asset_id}"
