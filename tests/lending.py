"""A small service with real registers: equipment on loan, told to the rules as the register would tell it."""

from dataclasses import dataclass, field

import sqlalchemy as sa

from kitback.policy import Policy, load
from kitback.register import Register, assets, fittings, listening, loans, places, tags
from kitback.register.tables import flag, judgement, loan, whereabouts
from kitback.watch import Judged, judge

HOUR, DAY = 3600, 86400
NOW = 1_762_945_200
"""Wednesday 12 November 2025, 11:00 in London."""


@dataclass(frozen=True)
class StoppedClock:
    """A clock that stands at one moment."""

    unix: int = NOW

    def now_us(self) -> int:
        return self.unix * 1_000_000

    def synchronised(self) -> bool:
        return True


@dataclass
class Service:
    """A store, a home, and whatever is lent."""

    register: Register
    policy: Policy = field(default_factory=load)

    @classmethod
    def open(cls, where: str) -> "Service":
        service = cls(Register.open(where))
        with service.register.write() as conn:
            listening.connected(conn, NOW - 365 * DAY)
            places.add_place(conn, "store", None, "store", "Leicester store", at=NOW - 365 * DAY)
            places.add_place(conn, "home", None, "loan_address", "Home in Oadby", at=NOW - 365 * DAY)
            places.add_place(conn, "other", None, "loan_address", "Home in Wigston", at=NOW - 365 * DAY)
        return service

    def lend(
        self,
        asset_id: str,
        kind: str = "bed",
        pathway: str = "long_term",
        setting: str = "home",
        days: int = 30,
        **facts: int | str | bool | None,
    ) -> None:
        """Lend a tagged asset `days` ago; unless `facts` say otherwise all is well: whole, there, just used."""
        at = NOW - days * DAY
        with self.register.write() as conn:
            assets.add_asset(conn, asset_id, kind, "Model 7", at=at)
            tag_id = asset_id.encode().hex().rjust(12, "0")[-12:]
            tags.enrol_tag(conn, tag_id, b"0123456789abcdef", at)
            fittings.fit_tag(conn, tag_id, asset_id, at)
            loans.lend(conn, self.policy, f"L-{asset_id}", asset_id, pathway, setting, "home", at)
            if "fed_by" in facts:
                told = {"fed_by": facts["fed_by"], "delivered_by": "feed"}
                conn.execute(sa.update(loan).where(loan.c.loan_ref == f"L-{asset_id}").values(told))
            conn.execute(sa.insert(whereabouts).values(asset_id=asset_id, from_s=at, place_id="home", confidence=1))
        well: dict[str, int | str | bool | None] = {
            "heard_at": NOW - HOUR,
            "complete_to": NOW - HOUR,
            "whole": True,
            "battery_mv": 4000,
            "used_at": NOW - 2 * HOUR,
            "review_s": None,
            "place_id": "home",
            "place_type": "loan_address",
            "place_from": at,
            "place_seen": NOW - HOUR,
        }
        self.tell(asset_id, **(well | facts))

    def prescribe(
        self,
        asset_id: str,
        pathway: str,
        at: int,
        *,
        speed: str | None = None,
        tagged: bool = True,
        setting: str = "home",
    ) -> None:
        """Reserve a bed that is in stores, where its tag was heard just now."""
        with self.register.write() as conn:
            assets.add_asset(conn, asset_id, "bed", "Model 7", at=at - 30 * DAY)
            if tagged:
                tag_id = asset_id.encode().hex().rjust(12, "0")[-12:]
                tags.enrol_tag(conn, tag_id, b"0123456789abcdef", at - 30 * DAY)
                fittings.fit_tag(conn, tag_id, asset_id, at - 30 * DAY)
                there = {"asset_id": asset_id, "from_s": at - 30 * DAY, "place_id": "store", "confidence": 1}
                conn.execute(sa.insert(whereabouts).values(there))
            loans.prescribe(conn, self.policy, f"L-{asset_id}", asset_id, pathway, setting, "home", at, speed=speed)
        if tagged:
            told = {"heard_at": at, "complete_to": at, "whole": True, "battery_mv": 4000, "place_seen": at}
            self.tell(asset_id, **told, place_id="store", place_type="store", place_from=at - 30 * DAY)

    def tell(self, asset_id: str, **facts: int | str | bool | None) -> None:
        """Change what the register knows of an asset."""
        with self.register.write() as conn:
            conn.execute(sa.update(judgement).where(judgement.c.asset_id == asset_id).values(**facts))

    def judge(self, now_s: int = NOW) -> Judged:
        with self.register.write() as conn:
            listening.still(conn, now_s)
        return judge(self.register, self.policy, now_s)

    def open_flags(self, asset_id: str) -> dict[str, str]:
        """Sentences of an asset's open flags, by rule."""
        with self.register.read() as conn:
            rows = conn.execute(
                sa.select(flag.c.rule, flag.c.sentence).where(flag.c.asset_id == asset_id, flag.c.closed_at.is_(None))
            )
            return {row.rule: row.sentence for row in rows}

    def since(self, asset_id: str, rule: str) -> int | None:
        """Since when an open flag says what it says."""
        with self.register.read() as conn:
            where = (flag.c.asset_id == asset_id, flag.c.rule == rule, flag.c.closed_at.is_(None))
            return conn.scalar(sa.select(flag.c.since).where(*where))
