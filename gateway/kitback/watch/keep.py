"""Writes what a judgement came to: flags, their life, and their lines in the history."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import Policy
from kitback.register import audit_log, counters, lines, outbox
from kitback.register.tables import flag
from kitback.register.upsert import among, change, put_values, texts
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
    _note(conn, changes, now_s)
    outbox.append(conn, _told(changes, now_s, next_seq(conn)), now_s)


def _new(found: Finding, policy: Policy, now_s: int, cause: Cause) -> tuple[Any, ...]:
    row, rule = found.case.row, found.rule.name
    evidence, why = found.evidence(policy), cause(row.asset_id, rule)
    return row.asset_id, row.loan_ref, row.kind, rule, why, found.since, now_s, found.sentence, evidence


def _note(conn: sa.Connection, changes: Changes, now_s: int) -> None:
    """Leave in the audit log what nobody did by hand: which flags were raised, and what has begun anew in others.

    A sentence that only counts on is not noted.
    """
    noted = [*_raised(conn, changes, now_s)]
    for old, new in changes.changed:
        before = {"loan_ref": old.loan_ref, "since": old.since}
        after = {"loan_ref": new.case.row.loan_ref, "since": new.since}
        if before != after:
            noted.append(audit_log.Noted(f"flag.follow {old.flag_id}", None, before, after))
    audit_log.note_all(conn, now_s, life.WATCH, noted)


def _raised(conn: sa.Connection, changes: Changes, now_s: int) -> Iterator[audit_log.Noted]:
    if not changes.opened:
        return
    mine = sa.and_(among(flag.c.asset_id, "assets"), flag.c.closed_at.is_(None))
    rows = conn.execute(
        sa.select(flag.c.flag_id, flag.c.asset_id, flag.c.rule).where(mine),
        {"assets": texts({each.case.row.asset_id for each in changes.opened})},
    )
    numbers = {(asset_id, rule): flag_id for flag_id, asset_id, rule in rows.all()}
    for each in changes.opened:
        row, rule = each.case.row, each.rule.name
        after = {"asset_id": row.asset_id, "loan_ref": row.loan_ref, "rule": rule, "since": each.since}
        number = numbers[row.asset_id, rule]
        yield audit_log.Noted(f"flag.raise {number}", None, None, after | {"raised_at": now_s})


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
