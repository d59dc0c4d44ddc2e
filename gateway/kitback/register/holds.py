"""Holds: while somebody is in hospital, or staff have another reason, a loan that is not used is no idle one."""

from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import Policy
from kitback.register import audit_log, judgements
from kitback.register.steps import IllegalMove, change, enter, refuse_silence, the_row, when
from kitback.register.tables import hold, loan

HOSPITAL: Final = "hospital"

STEPS = ("hold.begin", "hold.end")
"""What the audit log calls them."""


def begin(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    at: int,
    *,
    reason: str = HOSPITAL,
    until: int | None = None,
    who: str = "system",
    why: str | None = None,
) -> None:
    """Hold a loan from `at` on; it is released by itself at `until`.

    Args:
        reason: hospital, or what staff say.
        until: None: as long as the policy holds a loan for a hospital admission, which no such hold can exceed.

    Raises:
        IllegalMove: there is no such loan, it is over, not delivered by then, held already, `until` is not possible,
            or no reason is said.
    """
    mine = the_row(conn, loan, loan_ref, "loan")
    if mine.to_s is not None:
        raise IllegalMove(f"loan {loan_ref} ended at {when(mine.to_s)} already: check the reference")
    if mine.from_s is None or at < mine.from_s:
        began = "is not delivered yet" if mine.from_s is None else f"began at {when(mine.from_s)}"
        raise IllegalMove(f"loan {loan_ref} {began}, it cannot be held from {when(at)}: check the date")
    refuse_silence("the reason of the hold", reason)
    at_most = policy.watch.hospital_hold.after(at)
    if until is None:
        until = at_most
    if until <= at:
        raise IllegalMove(f"loan {loan_ref} cannot be held from {when(at)} until {when(until)}: check the dates")
    if reason == HOSPITAL and until > at_most:
        raise IllegalMove(
            f"a hospital admission holds a loan for {policy.watch.hospital_hold.words()}, until {when(at_most)}: "
            "hold it again then, or give another reason"
        )
    latest = _latest(conn, loan_ref)
    if latest is not None and at < (over := latest.ended_s if latest.ended_s is not None else latest.until_s):
        was, remedy = ("is", "release it first") if latest.ended_s is None else ("was", "check the date")
        raise IllegalMove(
            f"loan {loan_ref} {was} held from {when(latest.from_s)} until {when(over)} ({latest.reason}): {remedy}"
        )
    values = {"loan_ref": loan_ref, "reason": reason, "from_s": at, "until_s": until}
    enter(conn, hold, values, at, who, f"hold.begin {loan_ref}", why)
    judgements.refresh(conn, mine.asset_id)


def end(conn: sa.Connection, loan_ref: str, at: int, *, who: str = "system", why: str | None = None) -> None:
    """Release a loan. What is said of a hold that ran out by itself before then is noted, and changes nothing.

    Raises:
        IllegalMove: there is no such loan, it is over, or it was not held at that time, nor before it since.
    """
    mine = the_row(conn, loan, loan_ref, "loan")
    if _ran_out(conn, mine, at):
        audit_log.note(conn, at, who, f"hold.end {loan_ref}", why=why, before={}, after={})
        return
    if not _release(conn, loan_ref, at, who, why):
        raise IllegalMove(f"loan {loan_ref} is not held at {when(at)}: there is nothing to release")
    judgements.refresh(conn, mine.asset_id)


def end_with(conn: sa.Connection, loan_ref: str, at: int, *, who: str, why: str | None) -> None:
    """The loan is over, and with it the hold it may have."""
    _release(conn, loan_ref, at, who, why)


def first_from(conn: sa.Connection, loan_ref: str) -> int | None:
    """When a loan was first held; None if it never was."""
    first: int | None = conn.scalar(sa.select(sa.func.min(hold.c.from_s)).where(hold.c.loan_ref == loan_ref))
    return first


def latest_known(conn: sa.Connection, loan_ref: str) -> int | None:
    """When a loan was last held or released by somebody; None if it never was."""
    known = sa.func.max(sa.func.coalesce(hold.c.ended_s, hold.c.from_s))
    latest: int | None = conn.scalar(sa.select(known).where(hold.c.loan_ref == loan_ref))
    return latest


def _ran_out(conn: sa.Connection, mine: sa.Row[Any], at: int) -> bool:
    latest = _latest(conn, mine.loan_ref)
    return mine.to_s is None and latest is not None and latest.ended_s is None and latest.until_s <= at


def _release(conn: sa.Connection, loan_ref: str, at: int, who: str, why: str | None) -> bool:
    latest = _latest(conn, loan_ref)
    if latest is None or latest.ended_s is not None or not latest.from_s <= at < latest.until_s:
        return False
    change(conn, hold, latest, {"ended_s": at}, at, who, f"hold.end {loan_ref}", why)
    return True


def _latest(conn: sa.Connection, loan_ref: str) -> sa.Row[Any] | None:
    mine = sa.select(hold).where(hold.c.loan_ref == loan_ref).order_by(hold.c.from_s.desc(), hold.c.hold_id.desc())
    return conn.execute(mine.limit(1)).one_or_none()
