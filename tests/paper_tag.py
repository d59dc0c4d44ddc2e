"""A tag on paper: keeps the protocol of docs/protocol.md, without sensors, sleep or radio."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from kitback import wire
from kitback.register import tags
from kitback.register.apply import Sighting
from kitback.register.tables import counter, outbox, tag_now
from kitback.register.tag_states import accounts

ROOT = "kitback"


@dataclass
class SetClock:
    """A clock that shows what it is set to."""

    unix: int
    right: bool = True

    def now_us(self) -> int:
        return self.unix * 1_000_000

    def synchronised(self) -> bool:
        return self.right


@dataclass
class PaperTag:
    """One tag. Records are noted on `clock`; `reports` says what it would send, `hear` what it makes of an answer."""

    tag_id: str = "a0b1c2d3e4f5"
    journal: str = "1a2b3c4d-1"
    batch: int = 4
    clock: int = 1
    at: int = 0
    high: int = 0
    newest: int = 0
    oldest: int = 1
    pair: wire.Pair | None = None
    open: wire.OpenUse | None = None
    alarms: list[str] = field(default_factory=list)
    battery_mv: int = 3900
    records: dict[int, tuple[int, wire.Record]] = field(default_factory=dict)

    @property
    def secret(self) -> bytes:
        return hashlib.sha256(self.tag_id.encode()).digest()

    @property
    def topic(self) -> str:
        return wire.topic(ROOT, self.tag_id, wire.UP_REPORT)

    def enrol(self, conn: sa.Connection, at: int = 1_740_000_000) -> None:
        tags.enrol_tag(conn, self.tag_id, self.secret, at)

    def note(self, kind: type[wire.Record], **fields: object) -> int:
        """Put a record in the journal; returns its sequence number."""
        self.newest += 1
        record = kind(**{"seq": self.newest, "at": self.at, **fields})  # type: ignore[arg-type]
        self.records[self.newest] = (self.clock, record)
        return self.newest

    def use(self, span: int = 600, in_use: int = 600, events: int = 1) -> int:
        """Note a span of use and let it pass."""
        seq = self.note(wire.Use, span=span, in_use=in_use, events=events)
        self.at += span
        return seq

    def wake(self) -> None:
        """Start anew after a power loss: a new clock."""
        self.clock, self.at, self.pair = self.clock + 1, 0, None

    def overwrite(self, up_to: int) -> None:
        """Lose the oldest records to newer ones."""
        for seq in [seq for seq in self.records if seq <= up_to]:
            del self.records[seq]
        self.oldest = up_to + 1

    def report(self, after: int | None = None, limit: int | None = None) -> wire.Report:
        """The report of the batch after a sequence number."""
        after = max(self.high, self.oldest - 1) if after is None else after
        to_send = [seq for seq in sorted(self.records) if seq > after]
        batch: list[wire.Record] = []
        on = self.records[to_send[0]][0] if to_send else self.clock
        for seq in to_send[: self.batch if limit is None else limit]:
            clock, record = self.records[seq]
            if clock != on:
                break
            batch.append(record)
        return wire.Report(
            v=1,
            fw="0.1.0",
            journal=self.journal,
            oldest=self.oldest,
            newest=self.newest,
            clock=self.clock,
            at=self.at,
            pair=self.pair,
            alarms=self.alarms,  # type: ignore[arg-type]
            battery_mv=self.battery_mv,
            open=self.open,
            after=after,
            on=on,
            records=batch,
        )

    def seal(self, report: wire.Report | bytes) -> tuple[str, bytes]:
        """A report as a message: topic and payload."""
        body = report if isinstance(report, bytes) else wire.encode(report)
        return self.topic, wire.seal(self.secret, wire.UP_REPORT, body)

    def message(self, after: int | None = None) -> tuple[str, bytes]:
        return self.seal(self.report(after))

    def hear(self, topic: str, payload: bytes) -> wire.Ack | wire.Rejection:
        """Take an answer in."""
        assert topic == wire.topic(ROOT, self.tag_id, wire.DOWN_ACK)
        body = wire.unseal(self.secret, wire.DOWN_ACK, payload)
        if b'"reject"' in body:
            return msgspec.json.decode(body, type=wire.Rejection)
        ack: wire.Ack = wire.answer_decoder.decode(body)
        if ack.journal == self.journal:
            self.high = ack.high
            if ack.at == self.at and ack.unix is not None:
                self.pair = wire.Pair(self.at, self.at, ack.unix)
        return ack

    @property
    def all_sent(self) -> bool:
        return self.high >= self.newest


def nowhere(_conn: sa.Connection, sightings: Sequence[Sighting]) -> list[str | None]:
    """A locator that hears nothing."""
    return [None] * len(sightings)


def account(conn: sa.Connection, tag: PaperTag) -> sa.Row[tuple[int, ...]]:
    """What the register keeps of a tag's journal; fails when it does not balance."""
    row = conn.execute(
        sa.select(accounts).where(accounts.c.tag_id == tag.tag_id, accounts.c.journal == tag.journal)
    ).one()
    assert row.applied + row.lost + row.quarantined == row.high - row.base, row
    return row


def gaps(conn: sa.Connection, tag: PaperTag) -> list[tuple[int, int]]:
    """The ranges of a tag's journal that are written off."""
    return [tuple(gap) for gap in json.loads(account(conn, tag).gaps)]


def clocks(conn: sa.Connection, tag: PaperTag) -> dict[int, list[Any]]:
    """What the register knows of a tag's clocks: the pairs of each, and how far it reached."""
    known = conn.scalar(sa.select(tag_now.c.clocks).where(tag_now.c.tag_id == tag.tag_id))
    return {int(clock): state for clock, state in json.loads(known or "{}").items()}


def counts(conn: sa.Connection) -> dict[str, int]:
    return {row.name: row.value for row in conn.execute(sa.select(counter))}


def history(conn: sa.Connection) -> list[str]:
    """All lines in the outbox."""
    rows = conn.scalars(sa.select(outbox.c.lines).order_by(outbox.c.outbox_id))
    return [line for row in rows for line in row.decode().splitlines()]
