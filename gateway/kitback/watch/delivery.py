"""Delivery by evidence: what was prescribed, and was heard where it is lent to, or is used elsewhere than in stores.

It is delivered as of that moment, not as of when it was told: a report that waited stops the clock in time.
"""

import logging
from typing import Final

import sqlalchemy as sa

from kitback.policy import Policy
from kitback.register import IllegalMove, Register, loans
from kitback.register.tables import judgement, loan, place, use_day, whereabouts

log = logging.getLogger(__name__)

WHO: Final = "tag"
"""Who delivered it, in the audit log."""

_row = judgement.c
_FIRST_USED = (
    sa.select(sa.func.min(use_day.c.used_at))
    .where(use_day.c.asset_id == _row.asset_id, use_day.c.used_at > _row.place_from)
    .scalar_subquery()
)
_CAME_FROM_STORES = sa.exists(
    sa.select(whereabouts.c.asset_id)
    .join_from(whereabouts, place, whereabouts.c.place_id == place.c.place_id)
    .where(whereabouts.c.asset_id == _row.asset_id, whereabouts.c.from_s < _row.place_from, place.c.type == "store")
)
_THERE = sa.and_(_row.place_id == _row.loan_place, _row.place_seen >= _row.prescribed_s)
# In a van nobody uses it; where no anchors are known, use is what tells that it has arrived.
_USED_THERE = sa.and_(
    _row.place_from >= _row.prescribed_s, _row.place_type.not_in(("store", "vehicle")), _CAME_FROM_STORES
)
_AT = sa.case(
    (_THERE, sa.case((_row.place_from > _row.prescribed_s, _row.place_from), else_=_row.prescribed_s)),
    (_USED_THERE, _FIRST_USED),
)
_ARRIVED = (
    sa.select(
        _row.loan_ref, _AT.label("at"), sa.case((_THERE, "heard where it is lent to"), else_="used away from stores")
    )
    # Few loans wait for their delivery, and an index knows them.
    .join_from(loan, judgement, loan.c.asset_id == _row.asset_id)
    .where(loan.c.to_s.is_(None), loan.c.from_s.is_(None), sa.bindparam("now") >= _AT)
    .order_by(loan.c.asset_id)
)


def note(register: Register, policy: Policy, now_s: int) -> int:
    """Deliver what has arrived by now, each in a transaction of its own; returns how many.

    Raises:
        RegisterError: the database failed; what was noted until then stays.
    """
    with register.read() as conn:
        arrived = conn.execute(_ARRIVED, {"now": now_s}).all()
    return sum(_deliver(register, policy, *each) for each in arrived)


def _deliver(register: Register, policy: Policy, loan_ref: str, at: int, why: str) -> bool:
    try:
        with register.write() as conn:
            loans.deliver(conn, policy, loan_ref, at, by="tag", who=WHO, why=why)
    except IllegalMove as error:
        # Staff were faster, or the policy lacks its pathway; the other loans go on.
        log.warning("not delivered by its tag: %s", error)
        return False
    return True
