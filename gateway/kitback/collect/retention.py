"""Loans whose time is up: what is left of them are anonymous counts; everything else is erased."""

import sqlalchemy as sa

from kitback.collect import kpi
from kitback.policy import Policy
from kitback.register import Register, erasure
from kitback.register.tables import remains
from kitback.register.upsert import put
from kitback.watch import life


def erase(
    register: Register, policy: Policy, loan_ref: str, at: int, *, who: str = "system", why: str | None = None
) -> tuple[str, ...]:
    """Erase one loan from the register, after its share of the months' figures was kept.

    The outbox and the history follow: `erasure.scrub`, and the gateway that writes the history.

    Returns:
        The words that are to be found nowhere from then on: its reference, and its place if that went with it.

    Raises:
        IllegalMove: there is no such loan, it goes on, or its equipment is still on the way home.
        RegisterError: the database failed; nothing was erased.
    """
    with register.write() as conn:
        if not erasure.is_withdrawn(conn, loan_ref):  # it counts nowhere
            _keep_counts(conn, policy, loan_ref, at)
        return erasure.forget(conn, loan_ref, at, flag_steps=life.STEPS, who=who, why=why)


def _keep_counts(conn: sa.Connection, policy: Policy, loan_ref: str, at: int) -> None:
    names = ("month", "commissioner", "kind", "pathway", "name", "count")
    counts = kpi.contribution(conn, policy, loan_ref, at)
    put(
        conn, remains, [dict(zip(names, (*cell, count), strict=True)) for cell, count in counts.items()], add=("count",)
    )
