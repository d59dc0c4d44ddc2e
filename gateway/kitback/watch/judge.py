"""One judgement of all loans: findings become flags, flags are kept up to date, flags that no longer hold are closed.

The rules find their candidates in one statement each; from there on everything is sets, and evidence is put together
for flags that open or change. What changed, and how many assets and tags there are, goes to the history.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import sqlalchemy as sa

from kitback.policy import Policy, Scalar
from kitback.register import counters, lines, listening, outbox
from kitback.register.assets import KINDS, STATES
from kitback.register.tables import asset, flag, judgement
from kitback.watch.case import SELECT, Case, Row
from kitback.watch.rules import RULES, Rule
from kitback.watch.thresholds import Thresholds
from kitback.watch.words import iso

_DAY = 86400
_JUDGEMENTS = "judgements"

# What is only prescribed is in the store still.
_on_loan = sa.and_(judgement.c.loan_ref.is_not(None), judgement.c.loan_from.is_not(None))


@dataclass(frozen=True, slots=True)
class Judged:
    """What one judgement did, in flags."""

    opened: int
    changed: int
    """Open before and after, with another beginning or in other words."""
    closed: int


@dataclass(frozen=True, slots=True)
class _Flag:
    """A flag that was open before this judgement, and what is known of its asset now."""

    flag_id: int
    asset_id: str
    kind: str
    rule: str
    loan_ref: str
    since: int
    sentence: str
    loan_now: str | None
    whole: bool | None


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a rule sees in one asset."""

    rule: Rule
    case: Case

    @property
    def since(self) -> int:
        return self.rule.since(self.case) or 0

    @property
    def sentence(self) -> str:
        return self.rule.sentence(self.case)

    def evidence(self, policy: Policy) -> str:
        """JSON: what was seen, and what it was compared with and where that comes from."""
        return json.dumps(
            {
                "action": self.rule.action(self.case),
                "seen": {name: _for_machines(name, getattr(self.case.row, name)) for name in self.rule.seen},
                "compared_with": self._compared_with(policy),
            }
        )

    def _compared_with(self, policy: Policy) -> dict[str, Scalar] | None:
        key = self.rule.against(self.case) if self.rule.against else None
        if key is None or key not in policy.entries:
            return None
        entry = policy.entries[key]
        return {"entry": ".".join(key), "value": entry.value, "origin": entry.origin}


@dataclass(slots=True)
class _Changes:
    opened: list[_Finding] = field(default_factory=list)
    changed: list[tuple[_Flag, _Finding]] = field(default_factory=list)
    closed: list[_Flag] = field(default_factory=list)


Found = dict[str, dict[str, _Finding]]
"""Findings by rule and asset."""


def judge(conn: sa.Connection, policy: Policy, now_s: int) -> Judged:
    """Judge every loan at `now_s`, in the caller's transaction; call it once a transaction."""
    listening_from = listening.since(conn, now_s)
    limits = Thresholds.of(policy, now_s, now_s if listening_from is None else listening_from)
    found = {rule.name: dict(_findings(conn, rule, limits, policy)) for rule in RULES}
    changes = _compare(found, _open_flags(conn))
    _keep(conn, changes, policy, now_s)
    _tell(conn, changes, now_s)
    return Judged(len(changes.opened), len(changes.changed), len(changes.closed))


def _findings(conn: sa.Connection, rule: Rule, limits: Thresholds, policy: Policy) -> Iterator[tuple[str, _Finding]]:
    judged = judgement.c.whole.is_(True) if rule.needs_whole else sa.true()
    stands = sa.exists().where(
        flag.c.asset_id == judgement.c.asset_id, flag.c.rule == rule.name, flag.c.closed_at.is_(None)
    )
    seen = sa.and_(rule.when(limits), sa.or_(rule.opens(limits), stands))
    for row in (Row(*each) for each in conn.execute(SELECT.where(_on_loan, judged, seen))):
        case = Case(row, policy.kind[row.kind], policy.pathway.get(row.pathway), limits.now_s, limits.listening_from)
        yield row.asset_id, _Finding(rule, case)


def _open_flags(conn: sa.Connection) -> dict[str, dict[str, _Flag]]:
    old, now = flag.c, judgement.c
    rows = conn.execute(
        sa.select(
            *(old.flag_id, old.asset_id, old.kind, old.rule, old.loan_ref, old.since, old.sentence),
            *(now.loan_ref, now.whole),
        )
        .join_from(flag, judgement, old.asset_id == now.asset_id)
        .where(old.closed_at.is_(None))
    )
    flags: dict[str, dict[str, _Flag]] = defaultdict(dict)
    for each in (_Flag(*row) for row in rows):
        flags[each.rule][each.asset_id] = each
    return flags


def _compare(found: Found, flags: dict[str, dict[str, _Flag]]) -> _Changes:
    changes = _Changes()
    seen = {rule.name: set(found[rule.name]) | _left_standing(rule, flags.get(rule.name, {})) for rule in RULES}
    for rule in RULES:
        overruled = _seen_by((other for other in RULES if rule.name in other.over), seen)
        suspended = _seen_by((other for other in RULES if rule.name in other.suspends), seen)
        standing = flags.pop(rule.name, {})
        holding = {asset_id: each for asset_id, each in found[rule.name].items() if asset_id not in overruled}
        for asset_id, old in standing.items():
            new = holding.get(asset_id)
            if new and new.case.row.loan_ref == old.loan_ref:
                if (new.since, new.sentence) != (old.since, old.sentence):
                    changes.changed.append((old, new))
                del holding[asset_id]
            elif not _undecided(rule, old) or asset_id in overruled:
                changes.closed.append(old)
        changes.opened += (each for asset_id, each in holding.items() if asset_id not in suspended)
    # What is left belongs to rules that are no more.
    changes.closed += (old for standing in flags.values() for old in standing.values())
    return changes


def _seen_by(rules: Iterable[Rule], seen: Mapping[str, set[str]]) -> set[str]:
    return {asset_id for rule in rules for asset_id in seen[rule.name]}


def _left_standing(rule: Rule, standing: Mapping[str, _Flag]) -> set[str]:
    """What a rule saw before half an upload came, and may not take back yet."""
    return {asset_id for asset_id, old in standing.items() if _undecided(rule, old)}


def _undecided(rule: Rule, old: _Flag) -> bool:
    """Half of an upload closes nothing, as long as the loan goes on."""
    return rule.needs_whole and not old.whole and old.loan_now == old.loan_ref


def _keep(conn: sa.Connection, changes: _Changes, policy: Policy, now_s: int) -> None:
    # Closed ones first: an asset that was lent anew may have the same rule open again.
    if changes.closed:
        conn.execute(
            sa.update(flag)
            .where(flag.c.flag_id == sa.bindparam("id"))
            .values(closed_at=now_s, status="closed", outcome="ended"),
            [{"id": old.flag_id} for old in changes.closed],
        )
    if changes.changed:
        conn.execute(
            sa.update(flag).where(flag.c.flag_id == sa.bindparam("id")),
            [
                {"id": old.flag_id, "since": new.since, "sentence": new.sentence, "evidence": new.evidence(policy)}
                for old, new in changes.changed
            ],
        )
    if changes.opened:
        conn.execute(
            sa.insert(flag),
            [
                {
                    "asset_id": new.case.row.asset_id,
                    "loan_ref": new.case.row.loan_ref,
                    "kind": new.case.row.kind,
                    "rule": new.rule.name,
                    "since": new.since,
                    "raised_at": now_s,
                    "sentence": new.sentence,
                    "evidence": new.evidence(policy),
                }
                for new in changes.opened
            ],
        )


def _tell(conn: sa.Connection, changes: _Changes, now_s: int) -> None:
    counters.add(conn, {_JUDGEMENTS: 1})
    # Two judgements of one second must not overwrite each other in the history.
    seq = counters.value(conn, _JUDGEMENTS)
    told = {
        (old.asset_id, old.rule): lines.flag_line(
            old.asset_id, old.rule, old.kind, False, old.since, old.sentence, now_s, seq
        )
        for old in changes.closed
    }
    for new in (*changes.opened, *(new for _, new in changes.changed)):
        row, rule = new.case.row, new.rule.name
        told[row.asset_id, rule] = lines.flag_line(
            row.asset_id, rule, row.kind, True, new.since, new.sentence, now_s, seq
        )
    outbox.append(conn, [*told.values(), *_gauges(conn, now_s, seq)], now_s)


def _gauges(conn: sa.Connection, now_s: int, seq: int) -> Iterator[bytes]:
    """How many assets are in which state, and how many of their tags were heard in the last day."""
    by_state = sa.select(asset.c.kind, asset.c.state, sa.func.count()).group_by(asset.c.kind, asset.c.state)
    counts = {(kind, state): count for kind, state, count in conn.execute(by_state)}
    # A count that has fallen to nothing is told as well, or the last one would stand.
    for kind, state in product(KINDS, STATES):
        yield lines.assets_line(kind, state, counts.get((kind, state), 0), now_s, seq)
    heard = sa.func.count().filter(judgement.c.heard_at > now_s - _DAY)
    by_kind = sa.select(judgement.c.kind, sa.func.count(judgement.c.tag_id), heard).group_by(judgement.c.kind)
    for kind, fitted, heard_24h in conn.execute(by_kind):
        yield lines.fleet_line(kind, fitted, heard_24h, now_s, seq)


def _for_machines(name: str, value: int | str | None) -> int | str | None:
    return iso(value) if isinstance(value, int) and name != "battery_mv" else value
