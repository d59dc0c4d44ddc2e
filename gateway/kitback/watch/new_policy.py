"""When the policy is not the one that was judged by last: what changed is audited, and the clocks are set anew.

Flags that only the new policy raises are marked, and told as one summary: nothing has happened to those loans.
"""

import itertools
import logging
from typing import Final

import msgspec
import sqlalchemy as sa

from kitback.policy import Policy, PolicyError, Scalar, restore
from kitback.register import Register, audit_log, clocks
from kitback.register.tables import flag, meta
from kitback.register.upsert import put
from kitback.watch.life import WATCH
from kitback.watch.sight import AT_ONCE, Sights

log = logging.getLogger(__name__)

_META: Final = "policy"

Seen = set[tuple[str, str]]
"""Assets and rules."""


class _Last(msgspec.Struct, frozen=True):
    """The policy that the register was judged by last."""

    values: dict[str, Scalar]
    at_s: int
    """Since when."""
    settled: bool
    """Whether its first judgement has come to its end."""


def adopt(register: Register, policy: Policy, now_s: int, listening_from: int) -> Seen | None:
    """Make a policy that is new the one that is judged by.

    Returns:
        What the policy before would have raised just now as well; None when this policy is not new.

    Raises:
        RegisterError: the database failed; doing it again does the rest.
    """
    with register.read() as conn:
        last = _last(conn)
    if last is None:  # never judged by a policy that was kept: its clocks, if it has any, are an older Kitback's
        clocks.reclock(register, policy, now_s, WATCH)
        with register.write() as conn:
            _keep(conn, _Last(policy.values, now_s, True))
        return None
    differences = policy.differences(last.values)
    if last.settled and not differences:
        return None
    # A judgement that was interrupted has set clocks: what the policy before would have seen is not known any more.
    seen = _seen_before(register, last, now_s, listening_from) if last.settled else set()
    if differences:
        with register.write() as conn:
            before = {each.key: each.before for each in differences}
            after = {each.key: each.after for each in differences}
            audit_log.note(conn, now_s, WATCH, "policy.change", before=before, after=after)
            _keep(conn, _Last(policy.values, now_s, False))
    clocks.reclock(register, policy, now_s, WATCH)
    return seen


def settle(register: Register, now_s: int) -> None:
    """The first judgement by a new policy is done: sum up what only it has raised.

    Raises:
        RegisterError: the database failed; nothing was kept.
    """
    with register.write() as conn:
        last = _last(conn)
        if last is None:
            return
        mine = (flag.c.cause == "policy", flag.c.raised_at >= last.at_s, flag.c.closed_at.is_(None))
        by_rule = sa.select(flag.c.rule, sa.func.count().label("flags")).where(*mine).group_by(flag.c.rule)
        raised = {row.rule: row.flags for row in conn.execute(by_rule.order_by(flag.c.rule))}
        audit_log.note(conn, now_s, WATCH, "policy.judge", why="what only the new policy raises", after=raised)
        _keep(conn, _Last(last.values, last.at_s, True))
    told = ", ".join(f"{rule} {count}" for rule, count in raised.items()) or "none"
    log.warning("the policy has changed; flags that only the new one raises: %s", told)


def _seen_before(register: Register, last: _Last, now_s: int, listening_from: int) -> Seen:
    try:
        sights = Sights(restore(last.values), now_s, listening_from)
    except PolicyError:
        return set()
    with register.read() as conn:
        assets = [*itertools.chain(*sights.worth_a_look(conn))]
    seen: Seen = set()
    for start in range(0, len(assets), AT_ONCE):
        with register.read() as conn:
            found = sights.of(conn, assets[start : start + AT_ONCE])
        seen |= {(asset_id, rule.name) for asset_id, sight in found.items() for rule in sight.may_open}
    return seen


def _last(conn: sa.Connection) -> _Last | None:
    value = conn.scalar(sa.select(meta.c.value).where(meta.c.name == _META))
    return None if value is None else msgspec.json.decode(value, type=_Last)


def _keep(conn: sa.Connection, last: _Last) -> None:
    put(conn, meta, [{"name": _META, "value": msgspec.json.encode(last).decode()}])
