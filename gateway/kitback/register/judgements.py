"""Keeps `judgement`, the one row an asset that rules look at, in step with loans and fittings."""

import sqlalchemy as sa

from kitback.register.tables import asset, fitting, judgement, loan, tag_now, use_day


def begin(conn: sa.Connection, asset_id: str, kind: str) -> None:
    """The row of a new asset."""
    conn.execute(sa.insert(judgement), {"asset_id": asset_id, "kind": kind})


def refresh(conn: sa.Connection, asset_id: str) -> None:
    """Read anew what follows from the asset's loan, its tag and its use; whereabouts and alarms stay."""
    mine = judgement.c.asset_id == asset_id
    # A report of its tag may be taken in beside this: one of the two has to wait for the other.
    conn.execute(sa.select(judgement.c.asset_id).where(mine).with_for_update(key_share=True))
    lent = conn.execute(sa.select(loan).where(loan.c.asset_id == asset_id, loan.c.to_s.is_(None))).one_or_none()
    fitted = conn.execute(
        sa.select(fitting.c.tag_id, fitting.c.from_s).where(fitting.c.asset_id == asset_id, fitting.c.to_s.is_(None))
    ).one_or_none()
    now = None
    if fitted:
        now = conn.execute(
            sa.select(tag_now).where(tag_now.c.tag_id == fitted.tag_id, tag_now.c.heard_at >= fitted.from_s)
        ).one_or_none()
    since = lent.from_s if lent else fitted.from_s if fitted else 0
    used_at = conn.scalar(
        sa.select(sa.func.max(use_day.c.used_at)).where(use_day.c.asset_id == asset_id, use_day.c.used_at > since)
    )
    conn.execute(
        sa.update(judgement).where(mine),
        {
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
            "tag_id": fitted and fitted.tag_id,
            "fitted_at": fitted and fitted.from_s,
            "heard_at": now and now.heard_at,
            "complete_to": now and now.complete_to,
            "whole": now and now.whole,
            "battery_mv": now and now.battery_mv,
            "used_at": used_at,
        },
    )
    conn.execute(sa.update(asset).where(asset.c.asset_id == asset_id), {"state": "on_loan" if lent else "available"})
