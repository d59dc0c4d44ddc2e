"""The policy's thresholds as SQL, so that one statement a rule finds its candidates among all loans."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from kitback.policy import Kind, Period, Policy
from kitback.register.tables import judgement


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Seconds that apply to a row of `judgement`, by its kind and setting."""

    now_s: int
    listening_from: int
    """Since when the gateway has been there to hear: silence before that says nothing of a tag."""
    idle: sa.ColumnElement[int]
    silent_after: sa.ColumnElement[int]
    safety_check: sa.ColumnElement[bool]
    """Whether silence or lost power of this kind is a safety check."""

    @classmethod
    def of(cls, policy: Policy, now_s: int, listening_from: int) -> "Thresholds":
        """The thresholds of a policy at one moment."""
        return cls(
            now_s,
            listening_from,
            idle=sa.case(
                (judgement.c.setting == "care_home", _by_kind(policy, lambda kind: kind.idle_care_home)),
                else_=_by_kind(policy, lambda kind: kind.idle_home),
            ),
            silent_after=_by_kind(policy, lambda kind: kind.silent_after),
            safety_check=judgement.c.kind.in_([name for name, kind in policy.kind.items() if kind.safety_check_within]),
        )

    def silent(self, *from_s: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Whether silence from each of these times on has lasted too long."""
        return sa.and_(*(each <= self.now_s - self.silent_after for each in from_s))

    @property
    def listened(self) -> sa.ColumnElement[bool]:
        """Whether the gateway itself has been there to hear for as long as a tag may be silent."""
        return self.listening_from <= self.now_s - self.silent_after


def _by_kind(policy: Policy, of: Callable[[Kind], Period]) -> sa.ColumnElement[int]:
    return sa.case({name: of(kind).seconds for name, kind in policy.kind.items()}, value=judgement.c.kind)
