"""The gateway's side of a simulation: the real intake, locator, watch and upkeep, living in the world's time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from kitback.history import Upkeep
from kitback.intake import Intake, Message
from kitback.locate import Locator
from kitback.policy import Policy
from kitback.register import Register
from kitback.register.tables import flag
from kitback.watch import judge

ROOT: Final = "kitback"
_SESSION: Final = ("all",)
_BATCH: Final = 500


class Flag(Struct, frozen=True, kw_only=True):
    """A flag that was raised. Times are Unix seconds."""

    asset_id: str
    loan_ref: str | None
    rule: str
    since: int
    """When what the rule saw began, by its latest word."""
    raised_at: int
    closed_at: int | None
    """None: open at the end."""


@dataclass
class WorldClock:
    """Shows what it is set to."""

    unix: int

    def now_us(self) -> int:
        return self.unix * 1_000_000

    def synchronised(self) -> bool:
        return True


class Gateway:
    """Takes in, judges, keeps house; when it is told to be away it does none of it."""

    def __init__(self, register: Register, policy: Policy, pepper: bytes, at: int) -> None:
        self._register = register
        self._policy = policy
        self._clock = WorldClock(at)
        self._intake = Intake(register, self._clock, ROOT, Locator(pepper))
        self._upkeep = Upkeep(register, self._clock)
        self._queue: list[Message] = []
        self.away: Literal["gateway", "broker"] | None = None
        self._intake.connected(_SESSION)

    def live(self, now: int, away: Literal["gateway", "broker"] | None) -> None:
        """Go on to a moment at which it, or its broker, is away, or neither. What waited at the broker comes first."""
        before, self._clock.unix, self.away = self.away, now, away
        if away is None:
            if before is not None:
                self._intake.away(_SESSION)
                self._intake.connected(_SESSION)
            while self._queue:
                self._intake.take(self._queue[:_BATCH])
                del self._queue[:_BATCH]
        elif away == "broker" and before != "broker":
            self._intake.away(_SESSION)

    def take(self, messages: Sequence[Message]) -> dict[str, bytes]:
        """What is published to it; returns the answers by topic. Without a gateway it waits at the broker."""
        if self.away == "gateway":
            self._queue += messages
            return {}
        answers: dict[str, bytes] = {}
        for first in range(0, len(messages), _BATCH):
            answers |= dict(self._intake.take(messages[first : first + _BATCH]))
        return answers

    def judge(self) -> None:
        """Judge all loans, as the service does."""
        if self.away is None:
            self._intake.still()
        judge(self._register, self._policy, self._clock.unix)

    def keep_house(self) -> None:
        """Do the upkeep that falls to it; old history goes."""
        self._upkeep.run_once()

    def flags(self) -> list[Flag]:
        """All that was raised."""
        columns = [flag.c[name] for name in Flag.__struct_fields__]
        with self._register.read() as conn:
            rows = conn.execute(sa.select(*columns).order_by(flag.c.raised_at, flag.c.flag_id)).all()
        return [Flag(**row._asdict()) for row in rows]
