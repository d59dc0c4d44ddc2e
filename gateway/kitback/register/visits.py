"""Visits: one van to one address, with all that is to be done there on the same side of clean and dirty."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import Policy
from kitback.register import assets, audit_log, collections, loans, tasks
from kitback.register.places import check_loan_place
from kitback.register.steps import IllegalMove, change, refuse_silence, the_row, when
from kitback.register.tables import asset, loan, visit

STEPS = ("visit.plan", "visit.finish", "visit.cancel", *(f"visit.{each}" for each in tasks.TASKS))
"""What the audit log calls them."""

_UPKEEP: Final = {"service": "serviced_s", "examine": "examined_s"}


def plan(
    conn: sa.Connection,
    place_id: str,
    from_s: int,
    to_s: int,
    at: int,
    *,
    to_do: Sequence[tuple[str, str]],
    who: str = "system",
    why: str | None = None,
) -> int:
    """Agree a visit to a place, between two times. What is to be fetched there is booked on it.

    Args:
        to_do: assets, each with one of `tasks.TASKS`. Clean deliveries share a visit with nothing else.

    Returns:
        The visit's number.

    Raises:
        IllegalMove: there is no such place, the time is over or ends before it begins, there is nothing to do, or
            something of it cannot be done there.
    """
    check_loan_place(conn, place_id)
    if to_s <= from_s or to_s <= at:
        raise IllegalMove(f"a visit from {when(from_s)} to {when(to_s)} is not to come: check the times")
    if not to_do:
        raise IllegalMove(f"there is nothing to do at {place_id}: say for what to go there")
    with conn.begin_nested():
        values: dict[str, Any] = {"place_id": place_id, "from_s": from_s, "to_s": to_s, "status": "planned"}
        visit_id: int = conn.scalars(sa.insert(visit).returning(visit.c.visit_id), values).one()
        audit_log.note(conn, at, who, f"visit.plan {visit_id}", why=why, after=values | {"visit_id": visit_id})
        for asset_id, task in to_do:
            lent = _lent_there(conn, asset_id, place_id)
            if task == "collect":
                collections.book(conn, lent.loan_ref, visit_id, at, who=who, why=why)
                continue
            if (task == "deliver") != (lent.from_s is None):
                state = "is not delivered yet: deliver it first" if lent.from_s is None else "was delivered already"
                raise IllegalMove(f"visit {visit_id} cannot {task} {asset_id}: it {state}")
            tasks.add(conn, visit_id, asset_id, task, at, who=who, why=why)
    return visit_id


def finish(
    conn: sa.Connection,
    policy: Policy,
    visit_id: int,
    at: int,
    *,
    failed: Mapping[str, str] | None = None,
    store_id: str | None = None,
    who: str = "system",
    why: str | None = None,
) -> None:
    """The van is back: all that was planned was done, but for what failed.

    What was collected is returned, what was serviced or examined is noted so, what was delivered is on loan.

    Args:
        failed: assets for which the visit was in vain, each with the reason.
        store_id: the store into which was taken what it brought.

    Raises:
        IllegalMove: there is no such visit, it is over, or one of its steps is refused.
    """
    mine, not_done = tasks.planned(conn, visit_id), dict(failed or {})
    to_do = tasks.left(conn, visit_id)
    for asset_id in not_done.keys() - {each.asset_id for each in to_do}:
        raise IllegalMove(f"visit {visit_id} had nothing to do with {asset_id}: check the id")
    with conn.begin_nested():
        for each in to_do:
            reason = not_done.get(each.asset_id)
            if each.task == "collect":
                _collect(conn, each.asset_id, reason, store_id, at, who, why)
                continue
            if reason is None:
                _do(conn, policy, mine, each, at, who, why)
            else:
                refuse_silence(f"why to {each.task} {each.asset_id} failed", reason)
            came: tasks.Settled = "done" if reason is None else "failed"
            tasks.settle(conn, visit_id, each.asset_id, each.task, came, at, reason=reason, who=who, why=why)


def cancel(conn: sa.Connection, visit_id: int, at: int, *, who: str = "system", why: str | None = None) -> None:
    """Nobody goes there: what was to be fetched has to be booked anew, and no visit has failed.

    Raises:
        IllegalMove: there is no such visit, or it is over.
    """
    mine = tasks.planned(conn, visit_id)
    change(conn, visit, mine, {"status": "cancelled"}, at, who, f"visit.cancel {visit_id}", why)
    for each in tasks.left(conn, visit_id):
        reason = "the visit was cancelled"
        tasks.settle(conn, visit_id, each.asset_id, each.task, "failed", at, reason=reason, who=who, why=why)
        if each.task == "collect" and (booked := collections.unfinished(conn, each.asset_id)) is not None:
            collections.unbook(conn, booked, at, failed=False, who=who, why=why)


def _lent_there(conn: sa.Connection, asset_id: str, place_id: str) -> sa.Row[Any]:
    the_row(conn, asset, asset_id, "asset")
    lent = conn.execute(sa.select(loan).where(loan.c.asset_id == asset_id, loan.c.to_s.is_(None))).one_or_none()
    if lent is None or lent.place_id != place_id:
        there = "on no loan" if lent is None else f"lent to {lent.place_id}"
        raise IllegalMove(f"asset {asset_id} is {there}: a visit to {place_id} can do nothing with it; check the id")
    return lent


def _collect(
    conn: sa.Connection, asset_id: str, reason: str | None, store_id: str | None, at: int, who: str, why: str | None
) -> None:
    booked = collections.unfinished(conn, asset_id)
    if booked is None:
        return
    if reason is None:
        loans.return_loan(conn, booked.loan_ref, at, how="van", store_id=store_id, who=who, why=why)
    else:
        collections.fail(conn, booked.loan_ref, reason, at, who=who, why=why)


def _do(
    conn: sa.Connection, policy: Policy, mine: sa.Row[Any], task: sa.Row[Any], at: int, who: str, why: str | None
) -> None:
    """What follows from a task that was done, unless somebody has noted it already."""
    asset_id = task.asset_id
    if task.task == "deliver":
        lent = conn.execute(sa.select(loan).where(loan.c.asset_id == asset_id, loan.c.to_s.is_(None))).one_or_none()
        if lent is None or lent.place_id != mine.place_id:
            other = "prescribed to nobody any more" if lent is None else f"lent to {lent.place_id} now"
            raise IllegalMove(f"asset {asset_id} is {other}: say that its delivery to {mine.place_id} failed")
        if lent.from_s is None:
            loans.deliver(conn, policy, lent.loan_ref, at, who=who, why=why)
    elif task.task in _UPKEEP:
        known = the_row(conn, asset, asset_id, "asset")._mapping[_UPKEEP[task.task]]
        if known is None or known < mine.from_s:
            note = assets.note_service if task.task == "service" else assets.note_examination
            note(conn, policy, asset_id, at, who=who, why=why)
