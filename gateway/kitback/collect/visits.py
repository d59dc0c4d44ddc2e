"""Visits as staff plan them: what one van can do at one address, and what became of those that were planned.

Used equipment never shares a van with clean deliveries. Nothing here sends anybody to a home at the end of life, but
for what its clinician has agreed can be fetched.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.collections import worth
from kitback.policy import Policy
from kitback.register import audit_log, tasks
from kitback.register import visits as steps
from kitback.register.steps import the_row
from kitback.register.tables import asset, collection, flag, loan, place, visit, visit_task
from kitback.watch import Action


class Errand(Struct, frozen=True, kw_only=True):
    """One thing to do at an address."""

    asset_id: str
    loan_ref: str
    kind: str
    model: str
    task: str
    """collect, service, examine, safety_check or deliver."""
    due_s: int | None
    """By when; null when nothing says."""


class Proposal(Struct, frozen=True, kw_only=True):
    """What there is to do at one address now, and is on no visit yet."""

    place_id: str
    name: str
    errands: list[Errand]
    """What one visit can do."""
    deliveries: list[Errand]
    """Clean: these are a visit of their own."""
    drop_off: bool
    """There is only to collect, and all of it is worth less than the policy's floor: ask for it to be brought."""
    worth_pence: int
    """Of what is to be collected."""


class Visit(Struct, frozen=True, kw_only=True):
    """A visit that was planned. Times are Unix seconds."""

    visit_id: int
    place_id: str
    name: str
    from_s: int
    to_s: int
    status: str
    to_do: int
    done: int
    failed: int


class Task(Struct, frozen=True, kw_only=True):
    """What was to be done of it."""

    asset_id: str
    task: str
    status: str
    done_s: int | None
    reason: str | None


class VisitInFull(Struct, frozen=True, kw_only=True):
    """A visit with all that belongs to it."""

    visit: Visit
    tasks: list[Task]
    history: list[audit_log.Entry]


def due_at(conn: sa.Connection, policy: Policy, place_id: str, now_s: int) -> Proposal:
    """What a visit to a place can do: collections, services and examinations that are due, safety checks.

    Raises:
        IllegalMove: there is no such place.
    """
    there = the_row(conn, place, place_id, "place")
    rows = conn.execute(_LENT.where(loan.c.place_id == place_id)).all()
    planned = {(asset_id, task) for asset_id, task in conn.execute(_PLANNED.where(visit.c.place_id == place_id))}
    found = [
        (row, task, due_s)
        for row in rows
        for task, due_s in _to_do(row, policy, now_s)
        if (row.asset_id, task) not in planned
    ]
    errands = [_errand(row, task, due_s) for row, task, due_s in found]
    worth_pence = sum(worth(policy, row.kind, row.value_pence) for row, task, _ in found if task == "collect")
    dirty = [each for each in errands if each.task not in tasks.CLEAN]
    with_clinician = any(_clinician_only(row, policy) for row, *_ in found)
    return Proposal(
        place_id=place_id,
        name=there.name,
        errands=dirty,
        deliveries=[each for each in errands if each.task in tasks.CLEAN],
        drop_off=bool(dirty)
        and all(each.task == "collect" for each in dirty)
        and worth_pence < policy.watch.floor_pence
        and not with_clinician,
        worth_pence=worth_pence,
    )


def listing(conn: sa.Connection, *, over: bool = False, limit: int | None = None) -> list[Visit]:
    """The visits that are planned, the next one first; with those that are over, if told."""
    chosen = sa.true() if over else visit.c.status == "planned"
    return _visits(conn, chosen, limit)


def show(conn: sa.Connection, visit_id: int) -> VisitInFull:
    """One visit.

    Raises:
        IllegalMove: there is none of this number.
    """
    the_row(conn, visit, visit_id, "visit")
    (mine,) = _visits(conn, visit.c.visit_id == visit_id)
    rows = conn.execute(sa.select(visit_task).where(visit_task.c.visit_id == visit_id).order_by("asset_id", "task"))
    of_it = [Task(**{name: row._mapping[name] for name in Task.__struct_fields__}) for row in rows]
    told = [f"{verb} {visit_id}" for verb in steps.STEPS]
    told += [f"visit.{each.task} {visit_id} {each.asset_id}" for each in of_it]
    return VisitInFull(visit=mine, tasks=of_it, history=audit_log.entries(conn, told))


_LENT: Final = (
    sa.select(
        *(loan.c.loan_ref, loan.c.pathway, loan.c.from_s, loan.c.deliver_by_s),
        *(asset.c.asset_id, asset.c.kind, asset.c.model, asset.c.value_pence),
        *(asset.c.service_due_s, asset.c.exam_due_s, collection.c.status, collection.c.collect_by_s),
        sa.select(sa.func.aggregate_strings(flag.c.evidence, "\n"))
        .where(flag.c.asset_id == asset.c.asset_id, flag.c.closed_at.is_(None))
        .scalar_subquery()
        .label("evidence"),
    )
    .join_from(loan, asset, loan.c.asset_id == asset.c.asset_id)
    .join(
        collection,
        sa.and_(collection.c.loan_ref == loan.c.loan_ref, collection.c.ended_s.is_(None)),
        isouter=True,
    )
    .where(loan.c.to_s.is_(None))
    .order_by(asset.c.asset_id)
)
_PLANNED: Final = (
    sa.select(visit_task.c.asset_id, visit_task.c.task)
    .join_from(visit_task, visit, visit_task.c.visit_id == visit.c.visit_id)
    .where(visit.c.status == "planned", visit_task.c.status == "planned")
)


def _to_do(row: Any, policy: Policy, now_s: int) -> Iterator[tuple[str, int | None]]:
    """What is to be done of one loan, each with the moment it is due."""
    if row.from_s is None:
        yield "deliver", row.deliver_by_s
        return
    if row.status is not None:
        # With a collect-by day it was asked for on another pathway: nobody has notified since.
        agreed = row.collect_by_s is None or not _clinician_only(row, policy)
        if row.status == "requested" and agreed:
            yield "collect", row.collect_by_s
        return  # what is coming home is serviced there, once it is clean
    if _clinician_only(row, policy):
        return
    if any(json.loads(each)["action"] == Action.SAFETY_CHECK for each in (row.evidence or "").splitlines()):
        yield "safety_check", now_s
    if row.service_due_s is not None and policy.watch.service_warning.before(row.service_due_s) <= now_s:
        yield "service", row.service_due_s
    if row.exam_due_s is not None and policy.watch.exam_warning.before(row.exam_due_s) <= now_s:
        yield "examine", row.exam_due_s


def _clinician_only(row: Any, policy: Policy) -> bool:
    return row.pathway in policy.pathway and policy.pathway[row.pathway].clinician_only


def _errand(row: Any, task: str, due_s: int | None) -> Errand:
    return Errand(asset_id=row.asset_id, loan_ref=row.loan_ref, kind=row.kind, model=row.model, task=task, due_s=due_s)


def _visits(conn: sa.Connection, which: sa.ColumnElement[bool], limit: int | None = None) -> list[Visit]:
    def many(status: str, name: str) -> sa.Label[int]:
        return sa.func.count().filter(visit_task.c.status == status).label(name)

    rows = conn.execute(
        sa.select(visit, place.c.name, many("planned", "to_do"), many("done", "done"), many("failed", "failed"))
        .join_from(visit, place, visit.c.place_id == place.c.place_id)
        .join(visit_task, visit_task.c.visit_id == visit.c.visit_id)
        .where(which)
        .group_by(visit.c.visit_id, place.c.place_id)
        .order_by(visit.c.from_s, visit.c.visit_id)
        .limit(limit)
    )
    return [Visit(**{name: row._mapping[name] for name in Visit.__struct_fields__}) for row in rows]
