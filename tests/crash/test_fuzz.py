"""Genuine reports with damage of every kind, signed over or not: nothing is raised, nothing goes uncounted, and no
other tag is touched. `make soak` sends 100,000, `make test` some thousands.
"""

import random
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
import sqlalchemy as sa

from kitback import wire
from kitback.intake import Intake, Message
from kitback.register import Register
from kitback.register.tables import judgement, use_day
from paper_tag import ROOT, SetClock, account, counts, history, nowhere

from .fleet import Fleet, Uploader
from .soak import SOAK

BATCH: Final = 100
BATCHES: Final = 250 if SOAK else 6
"""For each of four seeds."""

ODD: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 0.5, 1e308, 2**31, 2**32 - 1, 2**32, 2**53, 2**63, 2**64, -(2**63), 10**30),
    *("", "a", "boot", "use", "\x00", "\ud7ff", "é" * 50, "1a2b3c4d-1", "ffffffff-99999", "x" * 5000),
    *([], {}, [[]], [None] * 40, ["use"], ["use", 1], ["fix", 1, 1, "due", 1, [["0" * 12, -60]] * 17], [[]] * 200),
]
"""Values that have broken a parser, a database or a sum somewhere."""


class Mutator:
    """Damages messages of one tag."""

    def __init__(self, tag: Uploader, chance: random.Random) -> None:
        self._tag = tag
        self._chance = chance
        self._ways: list[Callable[[bytes], bytes]] = [
            *(self._flip, self._cut, self._splice, self._repeat, self._noise, self._deep),
            *[self._json] * 15,
        ]

    def message(self) -> Message:
        """A report, once or twice damaged; mostly signed over, so that the damage gets past the signature."""
        chance = self._chance
        body = wire.encode(self._tag.report(after=self._after(), limit=chance.randint(0, 8)))
        for _ in range(chance.randint(1, 2)):
            body = chance.choice(self._ways)(body)
        topic, payload = self._tag.seal(body)
        how = chance.random()
        if how < 0.1:
            payload = self._flip(payload)
        elif how < 0.15:
            payload = self._cut(payload)
        elif how < 0.2:
            topic = self._topic(topic)
        return topic, payload

    def _after(self) -> int:
        """Mostly where new records are."""
        newest = self._tag.newest
        return self._chance.randint(max(0, newest - 10) if self._chance.random() < 0.7 else 0, newest)

    def _flip(self, body: bytes) -> bytes:
        bits = bytearray(body or b"\0")
        for _ in range(self._chance.randint(1, 4)):
            bits[self._chance.randrange(len(bits))] ^= 1 << self._chance.randrange(8)
        return bytes(bits)

    def _cut(self, body: bytes) -> bytes:
        first, last = sorted(self._chance.randint(0, len(body)) for _ in range(2))
        return self._chance.choice([body[:first], body[last:], body[:first] + body[last:]])

    def _splice(self, body: bytes) -> bytes:
        other = wire.encode(self._tag.report(after=self._chance.randint(0, self._tag.newest)))
        return body[: self._chance.randint(0, len(body))] + other[self._chance.randint(0, len(other)) :]

    def _repeat(self, body: bytes) -> bytes:
        first, last = sorted(self._chance.randint(0, len(body)) for _ in range(2))
        return body[:first] + body[first:last] * self._chance.randint(2, 40) + body[last:]

    def _noise(self, body: bytes) -> bytes:
        at = self._chance.randint(0, len(body))
        return body[:at] + self._chance.randbytes(self._chance.randint(1, 8)) + body[at:]

    def _deep(self, body: bytes) -> bytes:
        depth = self._chance.choice([3, 50, 1900])
        return body.replace(b"[", b"[" * depth, 1).replace(b"]", b"]" * depth, 1)

    def _json(self, body: bytes) -> bytes:
        """Change the document rather than its bytes; what is no document any more stays as it is."""
        try:
            document = msgspec.json.decode(body)
            at = [document]
            self._places(document, at)
            self._change(self._chance.choice(at))
            return msgspec.json.encode(document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            return body

    def _places(self, node: Any, found: list[Any]) -> None:
        """All objects and arrays."""
        for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            if isinstance(inner, dict | list) and len(found) < 500:
                found.append(inner)
                self._places(inner, found)

    def _change(self, node: Any) -> None:
        chance = self._chance
        if not isinstance(node, dict | list) or not node:
            return
        key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        match chance.randrange(5):
            case 0:
                del node[key]
            case 1:
                node[key] = node[chance.choice(list(node))] if isinstance(node, dict) else chance.choice(node)
            case 2 if type(node[key]) is int:
                node[key] += chance.choice([-1, 1, -(2**16), 2**16, 2**20 + 1, 2**31])
            case _:
                node[key] = chance.choice(ODD)

    def _topic(self, topic: str) -> str:
        chance = self._chance
        root, shard, tag_id, *channel = topic.split("/")
        return chance.choice(
            [
                "",
                topic[: chance.randint(0, len(topic))],
                topic + "/more",
                "/".join([root, f"{chance.randrange(16):x}", tag_id, *channel]),
                "/".join([root, shard, tag_id.upper(), *channel]),
                "/".join([root, shard, f"{chance.getrandbits(44):011x}{shard}", *channel]),
                topic.replace("report", "settings"),
                topic.replace(tag_id, "".join(chr(chance.randint(1, 0x2FF)) for _ in range(12))),
            ]
        )


@pytest.mark.parametrize("seed", range(4))
def test_damaged_messages_are_counted_and_touch_no_other_tag(register: Register, clock: SetClock, seed: int) -> None:
    chance = random.Random(seed)
    intake = Intake(register, clock, ROOT, nowhere)
    fleet = Fleet(0, seed, tags=2, records=40)
    victim, bystander = fleet.tags
    fleet.enrol(register)
    for _ in range(20):
        upload_some(intake, victim)
        upload_some(intake, bystander)
    before = standing(register, bystander)
    mutator = Mutator(victim, chance)
    for number in range(BATCHES):
        clock.unix += 60
        victim.live(chance, victim.newest + 5)
        victim.pair = wire.Pair(victim.at, victim.at, clock.unix)
        messages = [mutator.message() for _ in range(BATCH)]
        # One good report of the bystander among them, which it has sent before.
        at = chance.randrange(BATCH)
        messages[at] = bystander.message(after=chance.randint(0, bystander.newest))
        was = register_counts(register)
        try:
            answers = intake.take(messages)
            check_counts(was, register_counts(register), len(messages))
            assert bystander.topic.replace("up/report", "down/ack") in dict(answers)
            assert standing(register, bystander) == before
        except Exception as error:
            error.add_note(f"seed {seed}, batch {number}: {culprit(register, clock, messages)}")
            raise
    with register.read() as conn:
        account(conn, victim)


def upload_some(intake: Intake, tag: Uploader) -> None:
    for answer in intake.take([tag.message()]):
        tag.hear(*answer)


def standing(register: Register, tag: Uploader) -> tuple[object, ...]:
    """All that the register says of a tag and its asset, but when it was heard and how often it said the same."""
    with register.read() as conn:
        judged = conn.execute(sa.select(judgement).where(judgement.c.asset_id == tag.asset_id)).one()._asdict()
        days = conn.execute(sa.select(use_day).where(use_day.c.asset_id == tag.asset_id)).all()
        row = account(conn, tag)
        lines = [line for line in history(conn) if f"tag={tag.tag_id}," in line]
    del judged["heard_at"]
    return judged, days, (row.base, row.high, row.applied, row.lost, row.quarantined), lines


def register_counts(register: Register) -> dict[str, int]:
    with register.read() as conn:
        return counts(conn)


def check_counts(before: dict[str, int], after: dict[str, int], messages: int) -> None:
    """Every message is in a counter, received = accepted + quarantined by reason, and so is every record."""
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    reasons = {name: value for name, value in grown.items() if name.startswith("quarantined.")}
    assert grown["received"] == messages
    assert grown.get("accepted", 0) + sum(reasons.values()) == messages, grown
    assert not reasons.get("quarantined.failed"), "the gateway failed on a report"
    fates = ("applied", "duplicate", "quarantined", "early")
    assert grown.get("records.received", 0) == sum(grown.get(f"records.{fate}", 0) for fate in fates), grown


def culprit(register: Register, clock: SetClock, messages: list[Message]) -> str:
    """The first of some messages that fails when it comes alone, in base64."""
    intake = Intake(register, clock, ROOT, nowhere)
    for topic, payload in messages:
        before = register_counts(register)
        try:
            intake.take([(topic, payload)])
            check_counts(before, register_counts(register), 1)
        except Exception as error:  # whatever it is, it is what we look for
            return f"{error!r} on {topic!r}: {b64encode(payload).decode()}"
    return "no message fails when it comes alone"
