"""Reports that get lost, come twice and come late, of several tags, in batches of any size, leave the same register as
reports that come one by one in their order.

The protocol promises that of every tag whose clocks each brought one pair through: how well a record's time is known
may depend on the road, so the quality in its history line is left out of the comparison.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitback import wire
from kitback.intake import Intake, Message
from kitback.locate import Locator, peppered
from kitback.register import Register, assets, fittings, loans, places
from kitback.register.tables import anchor, judgement, use_day, waiting, whereabouts
from paper_tag import ROOT, PaperTag, SetClock, account, history

from .fleet import LENT, POLICY
from .soak import SOAK

TAGS = 3
PEPPER = bytes(32)
ANCHORS = {"home": "0" * 12, "store": "1" * 12}


@dataclass
class Living(PaperTag):
    """A tag with an exact clock."""

    asset_id: str = ""
    woke: int = 0
    """When its present clock began, Unix seconds."""

    def live(self, now: int, step: str, chance: random.Random) -> None:
        """Do one thing at a time; a twin with the same chance does the same."""
        self.at = now - self.woke
        match step:
            case "use":
                self.note(wire.Use, at=max(self.at - 600, 0), span=600, in_use=chance.randint(0, 600), events=2)
            case "home" | "store":
                self.note(wire.Fix, cause="moved", key=1, heard=[wire.Heard(ANCHORS[step], -60)])
            case "alarm":
                self.alarms = [] if self.alarms else ["unpowered"]
                self.note(wire.Alarm, name="unpowered", on=bool(self.alarms))
            case "health":
                self.battery_mv = chance.randint(3000, 4200)
                self.note(wire.Health, battery_mv=self.battery_mv, heap_free=1, wakes=1, awake_s=1)

    def begin(self, now: int) -> None:
        """Power comes back: a new clock, and a round trip that fixes it."""
        if self.woke:
            self.wake()
        self.woke, self.at, self.pair = now, 0, wire.Pair(0, 0, now)


@dataclass
class Road:
    """Between tags and gateway. What it does is up to chance."""

    intake: Intake
    chance: random.Random
    held: list[Message] = field(default_factory=list)

    def send(self, tag: Living) -> None:
        """One report; its answer is heard if it comes at once, for a tag waits no longer than a second."""
        message = tag.message()
        match self.chance.choice(["lost", "held", "comes", "comes"]):
            case "held":
                self.held.append(message)
            case "comes":
                for topic, answer in self.deliver([message]):
                    body = wire.unseal(tag.secret, wire.DOWN_ACK, answer) if tag.tag_id in topic else b""
                    if body and wire.answer_decoder.decode(body).at == tag.at and self.chance.random() < 0.7:
                        tag.hear(topic, answer)

    def deliver(self, messages: list[Message]) -> list[Message]:
        """Hand over some messages in one batch with what was held, of which some comes again later."""
        some = self.chance.sample(self.held, self.chance.randint(0, len(self.held)))
        self.held = [each for each in self.held if each not in some or self.chance.random() < 0.3]
        batch = [*messages, *some, *self.chance.choices(some, k=len(some) // 2)]
        self.chance.shuffle(batch)
        return self.intake.take(batch)


@pytest.fixture
def ids() -> Iterator[int]:
    return iter(range(1, 10**6))


@pytest.fixture
def surveyed(register: Register) -> None:
    with register.write() as conn:
        places.add_place(conn, "home", None, "loan_address", "Home", at=LENT)
        places.add_place(conn, "store", None, "store", "Store", at=LENT)
        for place_id, heard in ANCHORS.items():
            conn.execute(sa.insert(anchor).values(anchor=peppered(PEPPER, heard), place_id=place_id))


steps = st.tuples(st.integers(0, TAGS - 1), st.sampled_from(["use", "home", "store", "alarm", "health", "cut"]))


# The register is shared by a test's examples: each has tags of its own.
@settings(
    max_examples=400 if SOAK else 12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 2**32), st.lists(steps, min_size=5, max_size=40))
@pytest.mark.usefixtures("surveyed")
def test_any_road_ends_in_the_register_that_the_plain_one_ends_in(
    register: Register, clock: SetClock, ids: Iterator[int], seed: int, life: list[tuple[int, str]]
) -> None:
    intake = Intake(register, clock, ROOT, Locator(PEPPER))
    plain = [fitted(register, next(ids), clock) for _ in range(TAGS)]
    rough = [fitted(register, next(ids), clock) for _ in range(TAGS)]
    road = Road(intake, random.Random(seed))
    for number, (which, step) in enumerate(life):
        clock.unix += 1800
        for tag in (plain[which], rough[which]):
            if step == "cut":
                finish(tag, intake, clock)
                tag.begin(clock.unix)
            else:
                tag.live(clock.unix, step, random.Random(f"{seed} {number}"))
        for answer in intake.take([plain[which].message()]):
            plain[which].hear(*answer)
        road.send(rough[which])
    while road.held:
        road.deliver([])
    clock.unix += 60
    for twins in zip(plain, rough, strict=True):
        for tag in twins:
            finish(tag, intake, clock)
        assert outcome(register, twins[1]) == outcome(register, twins[0])


def fitted(register: Register, number: int, clock: SetClock) -> Living:
    """A tag on a lent bed of its own, with its first pair."""
    tag = Living(tag_id=f"{number:012x}", batch=3, asset_id=f"BED-{number}")
    with register.write() as conn:
        assets.add_asset(conn, tag.asset_id, "bed", "Profiling bed", at=LENT)
        tag.enrol(conn)
        fittings.fit_tag(conn, tag.tag_id, tag.asset_id, LENT)
        loans.lend(conn, POLICY, f"LN-{number}", tag.asset_id, "home_first", "home", "home", LENT)
    tag.begin(clock.unix)
    return tag


def finish(tag: Living, intake: Intake, clock: SetClock) -> None:
    """Upload what is left, with nothing in the way."""
    tag.at = clock.unix - tag.woke
    for _ in range(100):
        for answer in intake.take([tag.message()]):
            tag.hear(*answer)
        if tag.all_sent:
            return
    raise AssertionError("the upload never ends")


def outcome(register: Register, tag: Living) -> dict[str, Any]:
    """All that the register says of a tag and its asset, in words that its twin's can be compared with."""
    with register.read() as conn:
        row = account(conn, tag)
        judged = conn.execute(sa.select(judgement).where(judgement.c.asset_id == tag.asset_id)).one()._asdict()
        days = conn.execute(sa.select(use_day).where(use_day.c.asset_id == tag.asset_id)).all()
        moves = conn.execute(sa.select(whereabouts).where(whereabouts.c.asset_id == tag.asset_id)).all()
        waits = conn.scalar(sa.select(sa.func.count()).select_from(waiting).where(waiting.c.tag_id == tag.tag_id))
        lines = [line for line in history(conn) if f"tag={tag.tag_id}," in line]
    return {
        "account": (row.base, row.high, row.applied, row.lost, row.quarantined),
        "judgement": {name: value for name, value in judged.items() if name not in ("asset_id", "tag_id", "loan_ref")},
        "use": [tuple(day)[1:] for day in days],
        "whereabouts": [tuple(move)[1:] for move in moves],
        "waiting": waits,
        "history": sorted(
            re.sub(r'quality="\w+"', "", line).replace(tag.tag_id, "tag").replace(f'"{tag.asset_id}"', '"asset"')
            for line in lines
        ),
    }
