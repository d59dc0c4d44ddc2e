"""Flags one by one: what they say, what they rest on, what was done with them, and what came of them."""

import json
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.evidence import basis
from kitback.collect.worklist import BY_POLICY, TITLES, NoSuch, one_of
from kitback.register.audit_log import Entry
from kitback.register.tables import flag
from kitback.watch import RULES, Action, life
from kitback.watch.life import RIGHT, WATCH, WRONG, Outcome, Status
from kitback.watch.words import iso


class FlagItem(Struct, frozen=True, kw_only=True):
    """One flag, open or closed. Times are UTC in ISO 8601."""

    flag_id: int
    asset_id: str
    loan_ref: str | None
    kind: str
    reason: str
    """The rule's name."""
    cause: str
    """`seen`; or `policy`: only a new policy raised it."""
    action: Action
    title: str
    """The action in words."""
    status: Status
    status_since: str
    muted_until: str | None
    outcome: Outcome | None
    sentence: str
    since: str
    raised_at: str
    closed_at: str | None


class Step(Struct, frozen=True, kw_only=True):
    """One thing that happened to a flag."""

    at: str
    who: str
    what: str
    """The move's name; `raise` for the beginning."""
    why: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Story(Struct, frozen=True, kw_only=True):
    """All there is to know of one flag."""

    flag: FlagItem
    basis: list[tuple[str, str]]
    """What it rests on, in words: a name and a value each."""
    evidence: dict[str, Any]
    """The same, for machines."""
    history: list[Step]
    allowed: list[str]
    """What staff may do with it now, by the names of the moves."""


class Outcomes(Struct, frozen=True, kw_only=True):
    """What came of one rule's flags."""

    rule: str
    flags: int
    """Ever raised."""
    counts: dict[Outcome, int]
    """Of those with an outcome."""
    flag_precision_pct: float | None
    """Those that staff confirmed, of those that they confirmed or denied; null while there is none."""


def flags(
    conn: sa.Connection,
    *,
    status: Status | None = None,
    rule: str | None = None,
    asset_id: str | None = None,
    loan_ref: str | None = None,
    limit: int | None = None,
) -> list[FlagItem]:
    """Flags with a status (None: all but the closed ones), the latest first.

    Raises:
        NoSuch: there is no such rule.
    """
    one_of("rule", rule, [each.name for each in RULES])
    statement = sa.select(flag).order_by(flag.c.raised_at.desc(), flag.c.flag_id.desc()).limit(limit)
    statement = statement.where(flag.c.closed_at.is_(None) if status is None else flag.c.status == status)
    for column, value in ((flag.c.rule, rule), (flag.c.asset_id, asset_id), (flag.c.loan_ref, loan_ref)):
        if value is not None:
            statement = statement.where(column == value)
    return [_item(row) for row in conn.execute(statement)]


def story(conn: sa.Connection, flag_id: int, now_s: int) -> Story:
    """One flag, told at `now_s`.

    Raises:
        NoSuch: there is no such flag.
    """
    row = conn.execute(sa.select(flag).where(flag.c.flag_id == flag_id)).one_or_none()
    if row is None:
        raise NoSuch(f"there is no flag {flag_id}: `kitback flags list` has their numbers", "flag")
    item, evidence = _item(row), json.loads(row.evidence)
    why = BY_POLICY if row.cause == "policy" else None
    raised = Step(at=iso(row.raised_at), who=WATCH, what="raise", why=why, before=None, after=None)
    return Story(
        flag=item,
        basis=list(basis(evidence, now_s)),
        evidence=evidence,
        history=[raised, *(_step(each) for each in life.history(conn, flag_id))],
        allowed=life.allowed(item.status, item.action),
    )


def outcomes(conn: sa.Connection) -> list[Outcomes]:
    """What came of all flags, by rule in the order of the rules."""
    counts: dict[str, dict[Outcome | None, int]] = defaultdict(dict)
    by_rule = sa.select(flag.c.rule, flag.c.outcome, sa.func.count()).group_by(flag.c.rule, flag.c.outcome)
    for rule, outcome, count in conn.execute(by_rule):
        counts[rule][None if outcome is None else Outcome(outcome)] = count
    return [_outcomes(rule.name, counts[rule.name]) for rule in RULES if rule.name in counts]


def _outcomes(rule: str, counts: dict[Outcome | None, int]) -> Outcomes:
    right, wrong = (sum(counts.get(each, 0) for each in answers) for answers in (RIGHT, WRONG))
    return Outcomes(
        rule=rule,
        flags=sum(counts.values()),
        counts={outcome: counts[outcome] for outcome in Outcome if outcome in counts},
        flag_precision_pct=round(100 * right / (right + wrong), 1) if right + wrong else None,
    )


def _item(row: sa.Row[Any]) -> FlagItem:
    action = Action(json.loads(row.evidence)["action"])
    return FlagItem(
        flag_id=row.flag_id,
        asset_id=row.asset_id,
        loan_ref=row.loan_ref,
        kind=row.kind,
        reason=row.rule,
        cause=row.cause,
        action=action,
        title=TITLES[action],
        status=Status(row.status),
        status_since=iso(row.raised_at if row.status_s is None else row.status_s),
        muted_until=_iso(row.muted_until),
        outcome=None if row.outcome is None else Outcome(row.outcome),
        sentence=row.sentence,
        since=iso(row.since),
        raised_at=iso(row.raised_at),
        closed_at=_iso(row.closed_at),
    )


def _step(entry: Entry) -> Step:
    return Step(
        at=iso(entry.at_s),
        who=entry.who,
        what=entry.what.removeprefix("flag.").partition(" ")[0],
        why=entry.why,
        before=entry.before,
        after=entry.after,
    )


def _iso(unix_s: int | None) -> str | None:
    return None if unix_s is None else iso(unix_s)
