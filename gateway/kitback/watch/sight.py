"""What the register holds of some assets, read at one moment: how each stands, what the rules see, its flags."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from kitback.policy import Policy
from kitback.register.tables import flag, judgement
from kitback.register.upsert import among, texts
from kitback.watch import use_days
from kitback.watch.case import PLAIN, SELECT, Case, Row
from kitback.watch.rules import RULES, Rule
from kitback.watch.thresholds import Thresholds

AT_ONCE: Final = 500
"""Assets in one transaction: others wait for it."""


class Flag(NamedTuple):
    """A flag that is open, or that staff closed; the columns of `flag` by their names."""

    flag_id: int
    asset_id: str
    kind: str
    rule: str
    loan_ref: str | None
    status: str
    status_s: int | None
    muted_until: int | None
    basis_s: int | None
    outcome: str | None
    closed_at: int | None
    since: int
    sentence: str
    use_days: int | None
    """Days (UTC) on which a use ended since then, or is going on; None when its rule does not ask."""


class Sight(Struct):
    """One asset."""

    case: Case
    seen: tuple[Rule, ...]
    """The rules that hold."""
    may_open: tuple[Rule, ...]
    """Those of them that may open a flag."""
    flags: list[Flag] = []
    """The open ones."""
    settled: list[Flag] = []
    """What staff closed, for what they closed it for raises no other flag."""


_LINGER: Final = [rule.name for rule in RULES if rule.after_stray_use]
_USED_AT: Final = (
    sa.select(judgement.c.used_at)
    .where(judgement.c.asset_id == flag.c.asset_id)
    .correlate_except(judgement)
    .scalar_subquery()
)
_USE: Final = (flag.c.asset_id, flag.c.since, _USED_AT)
_FLAGS: Final = sa.select(
    *(flag.c[name] for name in Flag._fields[:-1]),
    # Of few flags: the others are read three times a judgement as well, and look nothing up.
    sa.case((flag.c.rule.in_(_LINGER), use_days.over(*_USE) + use_days.going_on(*_USE))),
).order_by(flag.c.flag_id)
_OPEN: Final = _FLAGS.where(flag.c.closed_at.is_(None), among(flag.c.asset_id, "assets"))
_SETTLED: Final = _FLAGS.where(
    flag.c.closed_at.is_not(None), flag.c.basis_s.is_not(None), among(flag.c.asset_id, "assets")
)
_OPENS_FREELY: Final = sum(1 << place for place, rule in enumerate(RULES) if not rule.opens)
_PLAIN: Final = sa.select(*(judgement.c[name] for name in Row._fields[:PLAIN])).where(
    among(judgement.c.asset_id, "assets")
)
_FLAGGED: Final = sa.select(flag.c.asset_id).where(flag.c.closed_at.is_(None)).distinct()
_ONCE_SETTLED: Final = (
    sa.select(flag.c.asset_id).where(flag.c.closed_at.is_not(None), flag.c.basis_s.is_not(None)).distinct()
)


class Sights:
    """Looks at the register as a policy has it at one moment."""

    def __init__(self, policy: Policy, now_s: int, listening_from: int, stale: Collection[str] = ()) -> None:
        """Prepare to look; `listening_from` is later than now while the gateway does not listen.

        Args:
            stale: the feeds that have told nothing for too long.
        """
        self._policy = policy
        self._now_s = now_s
        self._listening_from = listening_from
        limits = Thresholds.of(policy, now_s, listening_from, stale)
        holds = {rule: _holds(rule, limits) for rule in RULES}
        opens = {rule: rule.opens(limits) for rule in RULES if rule.opens}
        free = sa.or_(judgement.c.held_until.is_(None), judgement.c.held_until <= now_s)
        self._candidates = sa.select(judgement.c.asset_id).where(
            sa.or_(
                *(
                    sa.and_(holds[rule], opens.get(rule, sa.true()), free if rule.waits_for_hold else sa.true())
                    for rule in RULES
                )
            )
        )
        seen = SELECT.with_only_columns(_bits(holds), _bits(opens), *SELECT.selected_columns)
        self._cases = seen.where(among(judgement.c.asset_id, "assets"))

    def worth_a_look(self, conn: sa.Connection) -> tuple[list[str], list[str]]:
        """The assets that have a flag or in which a rule sees something, by id. One scan of all assets.

        Returns:
            Those that most often stay as they are, for they have a flag, or staff have closed one; and the others.
        """
        flagged = {*conn.scalars(_FLAGGED).all()}
        unflagged = {*conn.scalars(self._candidates).all()} - flagged
        settled = unflagged & {*conn.scalars(_ONCE_SETTLED).all()} if unflagged else set()
        return sorted(flagged | settled), sorted(unflagged - settled)

    def of(self, conn: sa.Connection, asset_ids: Iterable[str]) -> dict[str, Sight]:
        """These assets, at most `AT_ONCE` of them."""
        asked = {"assets": texts(asset_ids)}
        found: dict[str, Sight] = {}
        for holds, opens, *columns in conn.execute(self._cases, asked).all():
            row = Row._make(columns)
            found[row.asset_id] = Sight(self._case(row), _rules(holds), _rules(holds & (opens | _OPENS_FREELY)))
        for each in _flags(conn, _OPEN, asked):
            found[each.asset_id].flags.append(each)
        for each in _flags(conn, _SETTLED, asked):
            found[each.asset_id].settled.append(each)
        return found

    def _case(self, row: Row) -> Case:
        policy = self._policy
        pathway = policy.pathway.get(row.pathway) if row.pathway else None
        return Case(row, policy.kind[row.kind], pathway, policy.watch, self._now_s, self._listening_from)


def unchanged(conn: sa.Connection, before: Mapping[str, Sight]) -> set[str]:
    """Which assets are as they were looked at before: what was weighed then may be written now."""
    asked = {"assets": texts(before)}
    now = {row[0]: tuple(row) for row in conn.execute(_PLAIN, asked).all()}
    flags: dict[str, list[Flag]] = {asset_id: [] for asset_id in before}
    for each in (*_flags(conn, _OPEN, asked), *_flags(conn, _SETTLED, asked)):
        flags[each.asset_id].append(each)
    return {
        asset_id
        for asset_id, was in before.items()
        if now[asset_id] == was.case.row[:PLAIN] and flags[asset_id] == [*was.flags, *was.settled]
    }


def _flags(conn: sa.Connection, which: sa.Select[Any], asked: Mapping[str, str]) -> list[Flag]:
    return list(map(Flag._make, conn.execute(which, asked).all()))


def _holds(rule: Rule, limits: Thresholds) -> sa.ColumnElement[bool]:
    return sa.and_(judgement.c.whole.is_(True), rule.when(limits)) if rule.needs_whole else rule.when(limits)


def _bits(predicates: Mapping[Rule, sa.ColumnElement[bool]]) -> sa.ColumnElement[int]:
    """One number a row: a bit for each rule, in their order."""
    each = [sa.case((predicates[rule], 1 << place), else_=0) for place, rule in enumerate(RULES) if rule in predicates]
    return sum(each[1:], start=each[0])


@cache
def _rules(bits: int) -> tuple[Rule, ...]:
    return tuple(rule for place, rule in enumerate(RULES) if bits & 1 << place)
