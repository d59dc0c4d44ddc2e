"""The steps of staff as tests take them, and what the register says afterwards."""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from kitback.policy import load
from kitback.register import collections, loans
from kitback.register.tables import asset, audit, hold, judgement, loan

POLICY = load()
T = 1_749_999_600
"""Sunday 15 June 2025, 16:00 in London."""
HOUR, DAY = 3600, 86_400
TAG = "a0b1c2d3e4f5"

Move = Callable[[sa.Connection], object]


def lend(conn: sa.Connection, ref: str = "LN-1", at: int = T, pathway: str = "home_first", **facts: Any) -> None:
    loans.lend(conn, POLICY, ref, "BED-1", pathway, "home", "home", at, **facts)


def prescribe(conn: sa.Connection, ref: str = "LN-1", at: int = T, pathway: str = "home_first", **facts: Any) -> None:
    loans.prescribe(conn, POLICY, ref, "BED-1", pathway, "home", "home", at, **facts)


def deliver(conn: sa.Connection, at: int, ref: str = "LN-1", **facts: Any) -> None:
    loans.deliver(conn, POLICY, ref, at, **facts)


def return_ready(conn: sa.Connection, ref: str, at: int) -> None:
    """A loan comes back, and what it lent is available at once."""
    loans.return_loan(conn, ref, at)
    collections.decontaminate(conn, POLICY, lent(conn, ref).asset_id, at)
    collections.inspect(conn, POLICY, lent(conn, ref).asset_id, at, "pass")


def judged(conn: sa.Connection, asset_id: str = "BED-1") -> sa.Row[Any]:
    return conn.execute(sa.select(judgement).where(judgement.c.asset_id == asset_id)).one()


def lent(conn: sa.Connection, ref: str = "LN-1") -> sa.Row[Any]:
    return conn.execute(sa.select(loan).where(loan.c.loan_ref == ref)).one()


def held(conn: sa.Connection, ref: str = "LN-1") -> sa.Row[Any]:
    """The latest hold of a loan."""
    return conn.execute(sa.select(hold).where(hold.c.loan_ref == ref).order_by(hold.c.hold_id.desc())).first()  # type: ignore[return-value]


def owned(conn: sa.Connection, asset_id: str = "BED-1") -> sa.Row[Any]:
    return conn.execute(sa.select(asset).where(asset.c.asset_id == asset_id)).one()


def noted(conn: sa.Connection) -> tuple[str, str, str | None, Any, Any]:
    """The latest entry of the audit log: who, what, why, before, after."""
    last = conn.execute(sa.select(audit).order_by(audit.c.audit_id.desc())).first()
    assert last
    before, after = (each and json.loads(each) for each in (last.before, last.after))
    return last.who, last.what, last.why, before, after
