"""How far the flags that were raised agree with those that ought to have been."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from kitback.simulate.oracle.expected import RULES, Expected
from kitback.simulate.oracle.london import stamp
from kitback.simulate.truth import Truth, World


class Raised(Struct, frozen=True, kw_only=True):
    """A flag as it was raised. Times are Unix seconds."""

    asset_id: str
    rule: str
    since_s: int
    raised_s: int
    closed_s: int | None
    """None: it stands to the end."""


class Disagreement(Struct, frozen=True, kw_only=True):
    """One flag over which what was true and what was said part."""

    rule: str
    what: Literal["wrong", "missed", "ended"]
    """`wrong`: it ought not to have been raised, not then, or not saying that. `missed`: it ought to have been.
    `ended`: it was right, and was closed too early or too late."""
    line: str


class Score(Struct, kw_only=True):
    """How often a rule was right. What may be raised or not counts as neither right nor wrong."""

    rule: str
    raised: int = 0
    right: int = 0
    wrong: int = 0
    missed: int = 0
    either_way: int = 0
    """Raised, and would not have been missed."""
    left_out: int = 0
    """Not raised, and would not have been wrong."""
    ended_wrong: int = 0

    @property
    def precision(self) -> float | None:
        """Right of those that were either right or wrong; None if there was none."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """Right of those that ought to have been raised; None if there was none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else None


class Agreement(Struct, frozen=True, kw_only=True):
    """Of all rules, and every disagreement."""

    scores: dict[str, Score]
    disagreements: list[Disagreement]


def agreement(world: World, expected: Iterable[Expected], raised: Iterable[Raised]) -> Agreement:
    """Match flags with those that ought to have been raised: on the same asset, by the same rule, then, and since then.

    Raises:
        KeyError: A flag of a rule that is none of `RULES`, or on an asset that is not in the world.
    """
    truths = {truth.asset_id: truth for truth in world.loans}
    scores = {rule: Score(rule=rule) for rule in RULES}
    disagreements: list[Disagreement] = []
    wanted: dict[tuple[str, str], list[Expected]] = defaultdict(list)
    given: dict[tuple[str, str], list[Raised]] = defaultdict(list)
    for each in expected:
        wanted[each.asset_id, each.rule].append(each)
    for flag in raised:
        given[flag.asset_id, flag.rule].append(flag)
    for key in sorted({*wanted, *given}):
        asset_id, rule = key
        disagreements += _compare(scores[rule], truths[asset_id], world.to_s, wanted[key], given[key])
    return Agreement(scores=scores, disagreements=disagreements)


def _compare(
    score: Score, truth: Truth, end_s: int, expected: list[Expected], raised: list[Raised]
) -> Iterator[Disagreement]:
    """Of one rule on one asset."""
    left = sorted(expected, key=lambda each: each.earliest_s)
    matched: list[Raised] = []
    score.raised += len(raised)
    for flag in sorted(raised, key=lambda each: each.raised_s):
        match = next((each for each in left if _is_in_time(flag, each) and flag.since_s in each.since), None)
        if match is None:
            score.wrong += 1
            yield _disagreement(truth, score.rule, "wrong", f"{_said(flag)}; {_why_wrong(flag, expected)}")
            continue
        left.remove(match)
        matched.append(flag)
        if match.latest_s is None:
            score.either_way += 1
        else:
            score.right += 1
        if not _ended_well(flag, match, end_s):
            score.ended_wrong += 1
            over = f"to end {stamp(match.over.first_s)} to {stamp(match.over.last_s)}"
            yield _disagreement(truth, score.rule, "ended", f"{_said(flag)}; {over}: {match.true}")
    for each in left:
        if each.latest_s is None:
            score.left_out += 1
        elif not any(_stands(flag, each.latest_s) for flag in matched):
            score.missed += 1
            due = f"due {stamp(each.earliest_s)} to {stamp(each.latest_s)}"
            yield _disagreement(truth, score.rule, "missed", f"{due}: {each.true}")


def _is_in_time(flag: Raised, expected: Expected) -> bool:
    return expected.earliest_s <= flag.raised_s <= (expected.latest_s or expected.over.last_s)


def _stands(flag: Raised, at_s: int) -> bool:
    return flag.raised_s <= at_s and (flag.closed_s is None or flag.closed_s >= at_s)


def _ended_well(flag: Raised, expected: Expected, end_s: int) -> bool:
    return expected.over.last_s >= end_s if flag.closed_s is None else flag.closed_s in expected.over


def _why_wrong(flag: Raised, expected: list[Expected]) -> str:
    """What was true instead, by what comes nearest."""
    if not expected:
        return "nothing of the kind is true"
    near = min(expected, key=lambda each: abs(each.earliest_s - flag.raised_s))
    last_s = near.latest_s or near.over.last_s
    if not _is_in_time(flag, near):
        return f"due {stamp(near.earliest_s)} to {stamp(last_s)}: {near.true}"
    if flag.since_s not in near.since:
        return f"since {stamp(near.since.first_s)} to {stamp(near.since.last_s)}: {near.true}"
    return f"raised again: {near.true}"


def _said(flag: Raised) -> str:
    closed = "stands" if flag.closed_s is None else f"closed {stamp(flag.closed_s)}"
    return f"raised {stamp(flag.raised_s)}, since {stamp(flag.since_s)}, {closed}"


def _disagreement(truth: Truth, rule: str, what: Literal["wrong", "missed", "ended"], line: str) -> Disagreement:
    loan = f"{truth.asset_id} ({truth.kind}, {truth.pathway}, {truth.setting}; {truth.cause})"
    return Disagreement(rule=rule, what=what, line=f"{rule} {what}, {loan}: {line}")
