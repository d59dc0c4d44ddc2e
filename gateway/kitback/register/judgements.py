"""Keeps `judgement`, the one row an asset that rules look at, and the asset's state in step with what staff enter."""

from typing import Any, Final

import sqlalchemy as sa

from kitback.register.tables import asset, collection, fitting, hold, judgement, loan, recall, tag_now, use_day


def begin(conn: sa.Connection, asset_id: str, kind: str) -> None:
    """The row of a new asset."""
    conn.execute(sa.insert(judgement), {"asset_id": asset_id, "kind": kind})


def refresh(conn: sa.Connection, asset_id: str) -> None:
    """Read anew what follows from what staff entered of the asset, and its use; whereabouts and alarms stay.

    Its use counts from when the loan was delivered, or without one from when the tag was fitted: what was noted before
    staff said so counts as well.
    """
    mine = judgement.c.asset_id == asset_id
    # A report of its tag may be taken in beside this: one of the two has to wait for the other.
    conn.execute(sa.select(judgement.c.asset_id).where(mine).with_for_update(key_share=True))
    lent = conn.execute(sa.select(loan).where(loan.c.asset_id == asset_id, loan.c.to_s.is_(None))).one_or_none()
    fitted = conn.execute(
        sa.select(fitting.c.tag_id, fitting.c.from_s).where(fitting.c.asset_id == asset_id, fitting.c.to_s.is_(None))
    ).one_or_none()
    since = lent.from_s if lent and lent.from_s is not None else fitted.from_s if fitted else 0
    used_at = conn.scalar(
        sa.select(sa.func.max(use_day.c.used_at)).where(use_day.c.asset_id == asset_id, use_day.c.used_at > since)
    )
    state = _in_stores(conn, asset_id) if lent is None else "prescribed" if lent.from_s is None else "on_loan"
    upkeep = _nothing_due() if state == "scrapped" else _of_asset(conn, asset_id)
    values = _of_loan(conn, asset_id, lent) | upkeep | _of_tag(conn, fitted) | {"used_at": used_at}
    conn.execute(sa.update(judgement).where(mine), values)
    conn.execute(sa.update(asset).where(asset.c.asset_id == asset_id), {"state": state})


def forget_power(conn: sa.Connection, asset_id: str) -> None:
    """What was said about power is nobody's word any more; a tag that finds it so says it again."""
    conn.execute(sa.update(judgement).where(judgement.c.asset_id == asset_id), {"unpowered_from": None})


_ON_ITS_WAY: Final = {"collected": "returned", "decontaminated": "decontaminated", "in_repair": "in_repair"}
"""An asset's state by its latest collection; after any other it is available."""


def _in_stores(conn: sa.Connection, asset_id: str) -> str:
    if conn.scalar(sa.select(asset.c.scrapped_s).where(asset.c.asset_id == asset_id)) is not None:
        return "scrapped"
    mine = (collection.c.asset_id == asset_id, collection.c.status != "cancelled")
    latest = (
        sa.select(collection.c.status)
        .where(*mine)
        .order_by(collection.c.ended_s.is_not(None), collection.c.ended_s.desc(), collection.c.collection_id.desc())
        .limit(1)
    )
    return _ON_ITS_WAY.get(conn.scalar(latest) or "", "available")


def _of_loan(conn: sa.Connection, asset_id: str, lent: sa.Row[Any] | None) -> dict[str, Any]:
    return {
        "loan_ref": lent and lent.loan_ref,
        "pathway": lent and lent.pathway,
        "setting": lent and lent.setting,
        "loan_place": lent and lent.place_id,
        "prescribed_s": lent and lent.prescribed_s,
        "deliver_by_s": lent and lent.deliver_by_s,
        "deliver_risk_s": lent and lent.deliver_risk_s,
        "loan_from": lent and lent.from_s,
        "due_s": lent and lent.due_s,
        "due_soon_s": lent and lent.due_soon_s,
        "review_s": lent and lent.review_s,
        "fed_by": lent and lent.fed_by,
        "held_until": lent and _held_until(conn, lent.loan_ref),
        "home_from": lent and _home_from(conn, lent.loan_ref),
        "free_from": _free_from(conn, asset_id) if lent is None else None,
    }


def _held_until(conn: sa.Connection, loan_ref: str) -> int | None:
    mine = (hold.c.loan_ref == loan_ref, hold.c.ended_s.is_(None))
    until: int | None = conn.scalar(sa.select(sa.func.max(hold.c.until_s)).where(*mine))
    return until


def _home_from(conn: sa.Connection, loan_ref: str) -> int | None:
    latest = sa.select(hold.c.ended_s).where(hold.c.loan_ref == loan_ref)
    home: int | None = conn.scalar(latest.order_by(hold.c.from_s.desc(), hold.c.hold_id.desc()).limit(1))
    return home


def _free_from(conn: sa.Connection, asset_id: str) -> int | None:
    # A prescription that was cancelled was no loan: the asset never left.
    mine = (loan.c.asset_id == asset_id, loan.c.from_s.is_not(None))
    free: int | None = conn.scalar(sa.select(sa.func.max(loan.c.to_s)).where(*mine))
    return free


def _nothing_due() -> dict[str, Any]:
    """Of what was scrapped."""
    return dict.fromkeys(("service_due_s", "exam_due_s", "recalled_from"))


def _of_asset(conn: sa.Connection, asset_id: str) -> dict[str, Any]:
    due = sa.select(asset.c.service_due_s, asset.c.exam_due_s).where(asset.c.asset_id == asset_id)
    service_due_s, exam_due_s = conn.execute(due).one()
    mine = (recall.c.asset_id == asset_id, recall.c.ended_s.is_(None))
    return {
        "service_due_s": service_due_s,
        "exam_due_s": exam_due_s,
        "recalled_from": conn.scalar(sa.select(sa.func.min(recall.c.from_s)).where(*mine)),
    }


def _of_tag(conn: sa.Connection, fitted: sa.Row[Any, Any] | None) -> dict[str, Any]:
    now = None
    if fitted:
        now = conn.execute(
            sa.select(tag_now).where(tag_now.c.tag_id == fitted.tag_id, tag_now.c.heard_at >= fitted.from_s)
        ).one_or_none()
    return {
        "tag_id": fitted and fitted.tag_id,
        "fitted_at": fitted and fitted.from_s,
        "heard_at": now and now.heard_at,
        "complete_to": now and now.complete_to,
        "whole": now and now.whole,
        "battery_mv": now and now.battery_mv,
    }
