"""The policy's thresholds as SQL, so that one statement finds the candidates of all rules among all assets."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from kitback.policy import Kind, Policy
from kitback.register.tables import judgement

_FLICKER_MV: Final = 100
"""A battery that was low is so until it reads so much above its mark. Kitback's judgement: readings are 25 mV out
either way, and a cell recovers by some tens in a warm room; a fresh one reads far more."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What applies to a row of `judgement`, by its kind and setting; lengths in seconds.

    What no kind would pass is asked first: nearly all rows are done with it, and no kind has to be looked up.
    """

    now_s: int
    listening_from: int
    """Since when the gateway has been there to hear: silence before that says nothing of a tag."""
    silent_after: sa.ColumnElement[int]
    _idle: sa.ColumnElement[int]
    _low_battery_mv: sa.ColumnElement[int]
    _idle_least: int
    _silent_least: int
    _low_battery_most: int
    safety_check: sa.ColumnElement[bool]
    """Whether silence or lost power of this kind is a safety check."""
    service_warned_s: int
    """What is due for service by then is worth a word."""
    exam_warned_s: int
    steady_use_days: int
    contradicted_after_s: int
    feed_is_fresh: sa.ColumnElement[bool]
    """Whether no feed tells of the loan, or one that is not stale: the loan may be over and nobody has said so."""

    @classmethod
    def of(cls, policy: Policy, now_s: int, listening_from: int, stale: Collection[str] = ()) -> "Thresholds":
        """The thresholds of a policy at one moment, when some feeds are stale."""
        kinds = policy.kind.values()
        return cls(
            now_s,
            listening_from,
            _idle=sa.case(
                (judgement.c.setting == "care_home", _by_kind(policy, lambda kind: kind.idle_care_home.seconds)),
                else_=_by_kind(policy, lambda kind: kind.idle_home.seconds),
            ),
            silent_after=_by_kind(policy, lambda kind: kind.silent_after.seconds),
            _low_battery_mv=_by_kind(policy, lambda kind: kind.low_battery_mv),
            _idle_least=min(min(kind.idle_home.seconds, kind.idle_care_home.seconds) for kind in kinds),
            _silent_least=min(kind.silent_after.seconds for kind in kinds),
            _low_battery_most=max(kind.low_battery_mv for kind in kinds),
            safety_check=judgement.c.kind.in_([name for name, kind in policy.kind.items() if kind.safety_check_within]),
            service_warned_s=policy.watch.service_warning.after(now_s),
            exam_warned_s=policy.watch.exam_warning.after(now_s),
            steady_use_days=policy.watch.steady_use_days,
            contradicted_after_s=policy.feed.contradicted_after.seconds,
            feed_is_fresh=sa.func.coalesce(judgement.c.fed_by, "").not_in(stale) if stale else sa.true(),
        )

    def silent(self, *from_s: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Whether silence from each of these times on has lasted too long."""
        soonest = (each <= self.now_s - self._silent_least for each in from_s)
        return sa.and_(*soonest, *(each <= self.now_s - self.silent_after for each in from_s))

    def idle(self, *lengths: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Whether each of these is so long without use that it is worth a question."""
        soonest = (each >= self._idle_least for each in lengths)
        return sa.and_(*soonest, *(each >= self._idle for each in lengths))

    @property
    def battery_low(self) -> sa.ColumnElement[bool]:
        """Whether the tag's last word was of a low battery."""
        told = judgement.c.battery_mv
        return sa.and_(told < self._low_battery_most, told < self._low_battery_mv)

    @property
    def battery_stays_low(self) -> sa.ColumnElement[bool]:
        """Whether the tag's last word was of no battery that is well above its mark: one that was low still is."""
        told = judgement.c.battery_mv
        return sa.and_(told < self._low_battery_most + _FLICKER_MV, told < self._low_battery_mv + _FLICKER_MV)

    @property
    def listened(self) -> sa.ColumnElement[bool]:
        """Whether the gateway itself has been there to hear for as long as a tag may be silent."""
        return self.listening_from <= self.now_s - self.silent_after

    def told_of(self, moment_s: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Whether its tag would have told by now what it knew at a moment; without a tag nobody could."""
        return sa.or_(
            judgement.c.fitted_at.is_(None),
            moment_s >= self.listening_from,
            judgement.c.complete_to >= moment_s,
            self.listened,
        )


def _by_kind(policy: Policy, of: Callable[[Kind], int]) -> sa.ColumnElement[int]:
    return sa.case({name: of(kind) for name, kind in policy.kind.items()}, value=judgement.c.kind)
