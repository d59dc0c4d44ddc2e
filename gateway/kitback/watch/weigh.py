"""What follows for an asset's flags from what the rules see in it. Pure: the register is read before, written after."""

from collections.abc import Container, Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from kitback.policy import Policy, Scalar
from kitback.watch.case import Case
from kitback.watch.life import Own, Standing, Status
from kitback.watch.rules import RULES, Action, Rule
from kitback.watch.sight import Flag, Sight
from kitback.watch.words import iso

_encode: Final = msgspec.json.Encoder().encode
_BY_NAME: Final = {rule.name: rule for rule in RULES}
_ANSWERED: Final = {rule.name for rule in RULES if rule.asks_of_loan}
_FETCHES: Final = (Action.ASK, Action.CLINICIAN)
"""What a flag that is on its way to collection asks; asking for something else it is not."""
_HOLDABLE: Final = (Status.OPEN, Status.CONTACTED, Status.SNOOZED)
_MUTED: Final = (Status.STILL_NEEDED, Status.SNOOZED)
_NO_TIME: Final = ("battery_mv", "used_by_paid_carers")


class Finding(Struct, frozen=True):
    """What a rule sees in one asset, as its flag will say it."""

    rule: Rule
    case: Case
    since: int
    sentence: str

    def evidence(self, policy: Policy) -> str:
        """JSON: what was seen, and what it was compared with and where that comes from."""
        seen = {name: _for_machines(name, getattr(self.case.row, name)) for name in self.rule.seen}
        told = {"action": self.rule.action(self.case), "seen": seen, "compared_with": self._compared_with(policy)}
        return _encode(told).decode()

    def _compared_with(self, policy: Policy) -> dict[str, Scalar] | None:
        key = self.rule.against(self.case) if self.rule.against else None
        if key is None or key not in policy.entries:
            return None
        entry = policy.entries[key]
        return {"entry": ".".join(key), "value": entry.value, "origin": entry.origin}


class Changes(Struct):
    """What is to be done to flags."""

    opened: list[Finding] = []
    changed: list[tuple[Flag, Finding]] = []
    """With another beginning, in other words, or on another loan."""
    moved: list[tuple[Flag, Own]] = []
    """The judge's own steps in their life; closing is one."""

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.moved)

    @property
    def assets(self) -> set[str]:
        """Whose flags they are."""
        opened = {new.case.row.asset_id for new in self.opened}
        return opened | {old.asset_id for old, _ in (*self.changed, *self.moved)}

    def of(self, asset_ids: Container[str]) -> "Changes":
        """What of it is to be done to flags of these assets."""
        return Changes(
            [new for new in self.opened if new.case.row.asset_id in asset_ids],
            [(old, new) for old, new in self.changed if old.asset_id in asset_ids],
            [(old, own) for old, own in self.moved if old.asset_id in asset_ids],
        )

    def move(self, old: Flag, to: Status, why: str) -> None:
        """Take a step."""
        self.moved.append((old, Own(old.flag_id, Standing.of(old), to, why)))


def weigh(sights: Iterable[Sight]) -> Changes:
    """What follows for the flags of some assets."""
    changes = Changes()
    for sight in sights:
        _weigh(sight, changes)
    return changes


def _weigh(sight: Sight, changes: Changes) -> None:
    standing = dict(_standing(sight, changes))
    lasting = [rule for rule, old in standing.items() if rule not in sight.seen and _lasts(rule, old, sight.case)]
    present = (*sight.seen, *lasting)
    # What can say nothing itself (its loan's feed is stale) keeps nobody else from it.
    speaks = (rule for rule in present if rule in standing or rule in sight.may_open)
    overruled = {name for rule in speaks for name in rule.over}
    answered = _ANSWERED if sight.case.on_its_way_home else set()
    overruled |= answered
    suspended = {name for rule in present for name in rule.suspends}
    for rule, old in standing.items():
        # What is on its way home is not called off because somebody used it, or it was seen somewhere.
        fetched = old.status == Status.COLLECTION and _same_loan(old, sight.case) and _is_asked_for(sight.case)
        if rule.name in overruled and not fetched:
            better = "another flag says it better"
            changes.move(old, Status.CLOSED, "it is to be fetched" if rule.name in answered else better)
        elif rule in present:
            _follow(old, _found(rule, old, sight), changes)
        elif not fetched:
            changes.move(old, Status.CLOSED, "what it saw is over")
    for rule in sight.may_open:
        if rule.name not in overruled and rule.name not in suspended and rule not in standing:
            _open(rule, sight, changes)


def _standing(sight: Sight, changes: Changes) -> Iterator[tuple[Rule, Flag]]:
    """The open flags by their rules; what has none any more is closed."""
    for old in sight.flags:
        if old.rule not in _BY_NAME:
            changes.move(old, Status.CLOSED, "its rule is no more")
        elif not _BY_NAME[old.rule].of_asset and not _same_loan(old, sight.case):
            changes.move(old, Status.CLOSED, "the asset's loan is another one now")
        else:
            yield _BY_NAME[old.rule], old


def _is_asked_for(case: Case) -> bool:
    return case.row.fetched_from is not None


def _same_loan(old: Flag, case: Case) -> bool:
    return old.loan_ref == case.row.loan_ref


def _lasts(rule: Rule, old: Flag, case: Case) -> bool:
    """Whether a flag stays although its rule does not hold now."""
    if rule.needs_whole and not case.row.whole:
        return True  # half of an upload closes nothing
    return _used_astray(rule, old, case)


def _used_astray(rule: Rule, old: Flag, case: Case) -> bool:
    """Whether there was use since, but too little to say that the flag was wrong."""
    return rule.after_stray_use is not None and 0 < (old.use_days or 0) < case.watch.steady_use_days


def _found(rule: Rule, old: Flag, sight: Sight) -> Finding:
    """What a flag that stays says now."""
    case = sight.case
    if rule in sight.seen:
        since = old.since if rule.keeps_since else rule.since(case) or 0
        return Finding(rule, case, since, rule.sentence(case))
    if rule.after_stray_use and case.row.whole and _used_astray(rule, old, case):
        return Finding(rule, case, old.since, rule.after_stray_use(case, old.since, old.use_days or 0))
    return Finding(rule, case, old.since, old.sentence)


def _follow(old: Flag, new: Finding, changes: Changes) -> None:
    """Keep a flag up to date, and bring it back to those who muted it, or hold it, when it is time."""
    case = new.case
    same_loan = _same_loan(old, case)
    if (new.since, new.sentence) != (old.since, old.sentence) or not same_loan:
        changes.changed.append((old, new))
    if new.rule.waits_for_hold and case.held:
        if old.status in _HOLDABLE:
            changes.move(old, Status.HELD, "the loan is held")
    elif old.status == Status.HELD:
        changes.move(old, Status.OPEN, "the hold is over")
    elif old.status in _MUTED:
        if new.since != old.basis_s:
            changes.move(old, Status.OPEN, "its evidence has changed")
        elif old.muted_until is not None and old.muted_until <= case.now_s:
            changes.move(old, Status.OPEN, "the time it was muted for is over")
    elif old.status == Status.COLLECTION and not _is_asked_for(case):
        changes.move(old, Status.OPEN, "its collection was called off")
    elif old.status == Status.COLLECTION and not (same_loan and new.rule.action(case) in _FETCHES):
        changes.move(old, Status.OPEN, "it asks for something else now")


def _open(rule: Rule, sight: Sight, changes: Changes) -> None:
    case = sight.case
    if rule.waits_for_hold and case.held:
        return
    since = rule.since(case) or 0
    if not any(_settles(old, rule, since, case) for old in sight.settled):
        changes.opened.append(Finding(rule, case, since, rule.sentence(case)))


def _settles(old: Flag, rule: Rule, since: int, case: Case) -> bool:
    """Whether staff have closed a flag for what a rule sees now."""
    if old.rule != rule.name or not (rule.of_asset or _same_loan(old, case)):
        return False
    # Where nobody knows when it began, what the tag says after the closing is news.
    return since <= (old.closed_at or 0) if rule.keeps_since else since == old.basis_s


def _for_machines(name: str, value: int | str | bool | None) -> int | str | bool | None:
    return iso(value) if isinstance(value, int) and name not in _NO_TIME else value
