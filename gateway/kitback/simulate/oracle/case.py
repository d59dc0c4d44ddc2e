"""One loan as the rules' readings look at it: what is true of it, what the register was told, and who was away."""

from collections.abc import Iterator

from kitback.policy import Kind, Pathway, Policy
from kitback.simulate.oracle.expected import Expected, Window
from kitback.simulate.oracle.hearing import Hearing
from kitback.simulate.truth import Span, Spans, Step, Told, Truth, World, common


class Case:
    """One loan, its asset and its tag in a world."""

    def __init__(self, world: World, truth: Truth, policy: Policy, judge_every_s: int) -> None:
        self.world = world
        self.truth = truth
        self.policy = policy
        self.hearing = Hearing(world, truth)
        self.end_s = world.to_s
        self._judge_every_s = judge_every_s

    @property
    def kind(self) -> Kind:
        return self.policy.kind[self.truth.kind]

    @property
    def pathway(self) -> Pathway:
        return self.policy.pathway[self.truth.pathway]

    def told(self, step: Step) -> list[Told]:
        """What staff told of such steps, in order."""
        return [told for told in self.truth.told if told.step == step]

    @property
    def known_delivered_s(self) -> int | None:
        """When staff told that it was delivered."""
        return next((told.at_s for told in self.told("delivered")), None)

    @property
    def returned_s(self) -> int:
        """When staff told that it is back; the end of the world if they never did."""
        return next((told.at_s for told in self.told("returned")), self.end_s)

    @property
    def may_be_on_loan(self) -> Spans:
        """When the register can hold it delivered and not back: heard arriving, or told."""
        return spans((self.truth.delivered_s, self.returned_s))

    @property
    def on_loan(self) -> Spans:
        """When the register must hold it delivered and not back."""
        return spans((self.known_delivered_s, self.returned_s))

    def somebody_there(self, at_s: int) -> int:
        """The first moment from then on at which neither gateway nor broker is away."""
        for away in self.world.away:
            if away.from_s <= at_s < away.to_s:
                at_s = away.to_s
        return at_s

    def judged(self, at_s: int) -> int:
        """When the judge must have seen what the register knows then: the pass after, and one more after an outage."""
        by_s = at_s + self._judge_every_s
        for away in self.world.away:
            if at_s < away.to_s and away.from_s < by_s:
                by_s = away.to_s + 2 * self._judge_every_s
        return by_s

    def flags(
        self, rule: str, since: Window, may: Spans, must: Spans, true: str, why: str = "hardly begun"
    ) -> Iterator[Expected]:
        """The flags of a rule that may stand in one set of spans, and must in another, which lies within.

        Args:
            rule: Its name.
            since: When what it says began.
            may: A flag outside of these is wrong.
            must: When the register knows enough for a flag to stand; too short to be judged, it need not.
            true: What is true.
            why: What makes it an either way where there is no time in which it must.
        """
        for span in common(may, spans((self.world.from_s, self.end_s))):
            over_s = self.judged(span.to_s) if span.to_s < self.end_s else self.end_s
            parts = [part for part in common((span,), must) if self.judged(part.from_s) < part.to_s]
            earliest_s = span.from_s
            for part in parts or (None,):
                yield Expected(
                    asset_id=self.truth.asset_id,
                    rule=rule,
                    since=since,
                    earliest_s=earliest_s,
                    latest_s=self.judged(part.from_s) if part else None,
                    over=Window(part.to_s if part else earliest_s, over_s),
                    true=true,
                    either_way="" if part else why,
                )
                earliest_s = part.to_s if part else earliest_s


def spans(*pairs: tuple[int | None, int | None]) -> Spans:
    """Spans of moments, in order; without those that are empty or that have no beginning or end."""
    return tuple(Span(a, b) for a, b in pairs if a is not None and b is not None and a < b)
