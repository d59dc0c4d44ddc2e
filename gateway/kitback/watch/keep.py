"""Writes what a judgement came to: flags, their life, and their lines in the history."""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import Policy
from kitback.register import counters, lines, outbox
from kitback.register.tables import flag
from kitback.register.upsert import change, put_values
from kitback.watch import life
from kitback.watch.life import Status
from kitback.watch.weigh import Changes, Finding

Cause = Callable[[str, str], str]
"""Why a flag is raised on an asset by a rule: `seen`, or `policy` when only a new policy raises it."""

_WRITES: Final = "judgements"
_NEW: Final = ("asset_id", "loan_ref", "kind", "rule", "cause", "since", "raised_at", "sentence", "evidence")


def keep(conn: sa.Connection, changes: Changes, policy: Policy, now_s: int, cause: Cause) -> None:
    """Write changes to some assets' flags, and tell the history; call it once a transaction."""
    if not changes:
        return
    # What closes comes first: an asset that was lent anew may have the same rule open again.
    life.move_own(conn, [own for _, own in changes.moved], now_s)
    change(
        conn,
        flag,
        ("loan_ref", "since", "sentence", "evidence", "flag_id"),
        (
            (new.case.row.loan_ref, new.since, new.sentence, new.evidence(policy), old.flag_id)
            for old, new in changes.changed
        ),
    )
    put_values(conn, flag, _NEW, [_new(each, policy, now_s, cause) for each in changes.opened])
    outbox.append(conn, _told(changes, now_s, next_seq(conn)), now_s)


def _new(found: Finding, policy: Policy, now_s: int, cause: Cause) -> tuple[Any, ...]:
    row, rule = found.case.row, found.rule.name
    evidence, why = found.evidence(policy), cause(row.asset_id, rule)
    return row.asset_id, row.loan_ref, row.kind, rule, why, found.since, now_s, found.sentence, evidence


def next_seq(conn: sa.Connection) -> int:
    """What keeps this transaction's lines apart from those of others of the same second."""
    counters.add(conn, {_WRITES: 1})
    return counters.value(conn, _WRITES)


def _told(changes: Changes, now_s: int, seq: int) -> list[bytes]:
    told = {
        (old.asset_id, old.rule): lines.flag_line(
            old.asset_id, old.rule, old.kind, False, old.since, old.sentence, now_s, seq
        )
        for old, own in changes.moved
        if own.to is Status.CLOSED
    }
    for new in (*changes.opened, *(new for _, new in changes.changed)):
        row, rule = new.case.row, new.rule.name
        told[row.asset_id, rule] = lines.flag_line(
            row.asset_id, rule, row.kind, True, new.since, new.sentence, now_s, seq
        )
    return list(told.values())
