"""Holds the flags that were raised against what an oracle expects, which knows the truth and the policy and no rule."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec import Struct

from kitback.policy import Policy
from kitback.simulate.gateway import Flag
from kitback.simulate.run import Ran
from kitback.simulate.truth import Span, World


class Expected(Struct, frozen=True, kw_only=True):
    """One flag that an oracle expects, or would not mind."""

    asset_id: str
    rule: str
    may: Span
    """It is raised no earlier and closed no later than this."""
    must_s: int | None
    """At this moment it has to be open; None: it is too close to call, with or without it is right."""


Oracle = Callable[[World, Policy, int], Iterable[Expected]]
"""Works out the expected flags of a world under a policy, judged every so many seconds from its beginning on."""


@dataclass(frozen=True)
class Score:
    """How one rule did."""

    right: list[Flag] = field(default_factory=list)
    wrong: list[Flag] = field(default_factory=list)
    """Raised, and not expected, or at another time."""
    met: list[Expected] = field(default_factory=list)
    missed: list[Expected] = field(default_factory=list)
    """Not open when they had to be."""

    @property
    def precision(self) -> float | None:
        """The share of the raised flags that were right; None when none was raised."""
        return _share(len(self.right), len(self.wrong))

    @property
    def recall(self) -> float | None:
        """The share of the flags that had to be that were; None when none had to be."""
        return _share(len(self.met), len(self.missed))


def ask(oracle: Oracle, ran: Ran, policy: Policy) -> dict[str, Score]:
    """The score of each rule that was expected of, or raised, anything, by what an oracle says of a run."""
    return match(oracle(ran.world, policy, ran.judged_every_s), ran.flags, ran.world.to_s)


def match(expected: Iterable[Expected], flags: Iterable[Flag], end_s: int) -> dict[str, Score]:
    """Match flags with what was expected; those open at the end end there."""
    wanted: dict[tuple[str, str], list[Expected]] = defaultdict(list)
    raised: dict[tuple[str, str], list[Flag]] = defaultdict(list)
    for each in expected:
        wanted[each.asset_id, each.rule].append(each)
    for flag in flags:
        raised[flag.asset_id, flag.rule].append(flag)
    scores: dict[str, Score] = defaultdict(Score)
    for key in sorted(wanted.keys() | raised.keys()):
        score = scores[key[1]]
        for flag in raised[key]:
            over = end_s if flag.closed_at is None else flag.closed_at
            fits = any(one.may.from_s <= flag.raised_at and over <= one.may.to_s for one in wanted[key])
            (score.right if fits else score.wrong).append(flag)
        for one in wanted[key]:
            if one.must_s is not None:
                met = any(
                    flag.raised_at <= one.must_s and (flag.closed_at is None or one.must_s < flag.closed_at)
                    for flag in raised[key]
                )
                (score.met if met else score.missed).append(one)
    return dict(scores)


def _share(these: int, others: int) -> float | None:
    return these / (these + others) if these + others else None
