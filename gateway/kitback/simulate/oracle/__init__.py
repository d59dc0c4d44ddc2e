"""Which flags ought to stand, and when: worked out from what is true and from the policy's values, and nothing else.

It shares no code with the rules, nor with the register, so that where both say the same, they were not merely wrong in
the same way. docs/oracle.md says how it reads each rule where the trade's own words leave a choice.
"""

from collections.abc import Iterator

from kitback.policy import Policy
from kitback.simulate.oracle import dates, silence, supply, use, where
from kitback.simulate.oracle.case import Case
from kitback.simulate.oracle.expected import RULES, Expected
from kitback.simulate.truth import World

__all__ = ["RULES", "Expected", "expected"]


def expected(world: World, policy: Policy, judge_every_s: int) -> Iterator[Expected]:
    """Every flag that ought to be raised, and the few that may be or not.

    Args:
        world: What is true.
        policy: Its values; its own arithmetic is not used.
        judge_every_s: How often the flags are judged.
    """
    for truth in world.loans:
        case = Case(world, truth, policy, judge_every_s)
        for rules in (dates, silence, supply, use, where):
            yield from rules.expected(case)
