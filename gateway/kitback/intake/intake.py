"""Takes in what tags send: many messages in one transaction, in which each tag is read once and written once."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import sqlalchemy as sa

from kitback import wire
from kitback.clock import Clock, now_s
from kitback.intake import quarantine
from kitback.intake.opening import Refused, open_message
from kitback.intake.taking import Arrival, Taking
from kitback.register import Register, RegisterError, counters, listening, outbox, standings, tag_states
from kitback.register.apply import Applying, Locate
from kitback.register.failures import nobodys_fault
from kitback.register.undisturbed import undisturbed

log = logging.getLogger(__name__)

Message = tuple[str, bytes]
"""Topic and payload."""

_SIGN_OF_LIFE: Final = 10
"""Seconds after which what is heard says once more that somebody listens; twenty times a second would be too dear."""

Guard = Callable[[sa.Connection], None]


class Intake:
    """The way in. Knows no MQTT."""

    def __init__(
        self, register: Register, clock: Clock, root: str, locate: Locate, guard: Guard = lambda _conn: None
    ) -> None:
        """Take in for one register what is published below `root`.

        Args:
            locate: takes in fixes; see `register.apply`.
            guard: raises RegisterError in a batch's transaction if it is not ours to take in.
        """
        self._guard = guard
        self._register = register
        self._clock = clock
        self._root = root
        self._locate = locate
        self._heard: frozenset[str] = frozenset()
        self._signed_at = 0

    def connected(self, sessions: Iterable[str]) -> None:
        """Note that the gateway listens to these sessions of its broker, after it was away or not, and to no others.

        Raises:
            RegisterError: the database failed.
        """
        heard = frozenset(sessions)
        with self._register.write() as conn:
            listening.connected(conn, now_s(self._clock), heard)
        self._heard = heard

    def away(self, sessions: Iterable[str], why: listening.Trouble = "broker") -> None:
        """Note that nobody hears the tags of these sessions: the gateway has just got them, lost its broker, or fails.

        Raises:
            RegisterError: the database failed.
        """
        self._heard -= (unheard := frozenset(sessions))
        with self._register.write() as conn:
            listening.away(conn, unheard, why)

    def still(self) -> None:
        """Note that the gateway is listening, though nothing comes.

        Raises:
            RegisterError: the database failed.
        """
        with self._register.write() as conn:
            listening.still(conn, now_s(self._clock), self._heard)

    def take(self, messages: Sequence[Message]) -> list[Message]:
        """Take messages in, in one transaction, and return the answers to publish; a message may get none.

        A batch in which something cannot be taken in is halved until that is found, each part in its own transaction.

        Raises:
            RegisterError: the database failed. Acknowledge nothing, and try again: what was taken in nevertheless, as
                part of such a batch, is then a duplicate.
        """
        arrival = Arrival(now_s(self._clock), self._clock.synchronised())
        try:
            with undisturbed(), self._register.write(beside=True) as conn:
                self._guard(conn)
                outbox.require_room(conn)
                answers = _Batch(conn, self._register.epoch, self._root, self._locate, arrival).take(messages)
                if is_due := not 0 <= arrival.unix - self._signed_at < _SIGN_OF_LIFE:
                    listening.still(conn, arrival.unix, self._heard)
            if is_due:
                self._signed_at = arrival.unix
            return answers
        except RegisterError:
            raise
        except Exception as error:
            if len(messages) > 1:
                return self._take_apart(messages)
            return self._give_up(messages[0], arrival, error)

    def _take_apart(self, messages: Sequence[Message]) -> list[Message]:
        """Take in what can be of a batch in which something cannot: one report must not stop the others."""
        middle = len(messages) // 2
        return self.take(messages[:middle]) + self.take(messages[middle:])

    def _give_up(self, message: Message, arrival: Arrival, error: Exception) -> list[Message]:
        """Set aside the message that we fail on. Its tag is told, sends less at a time, and leaves out what fails."""
        named = {"tag": wire.tag_of(self._root, message[0]), "reason": "failed"}
        log.error("failed on a report to %s", message[0], exc_info=error, extra=named)
        with self._register.write(beside=True) as conn:
            self._guard(conn)
            batch = _Batch(conn, self._register.epoch, self._root, self._locate, arrival)
            return batch.refuse(message, "failed", type(error).__name__)


class _Batch:
    """One transaction's worth."""

    def __init__(self, conn: sa.Connection, epoch: str, root: str, locate: Locate, arrival: Arrival) -> None:
        self._conn = conn
        self._epoch = epoch
        self._root = root
        self._locate = locate
        self._arrival = arrival
        self._counts: Counter[str] = Counter()
        self._applying = Applying()
        self._taking = Taking(conn, arrival, self._applying, self._counts)

    def take(self, messages: Sequence[Message]) -> list[Message]:
        """Take messages in; returns the answers."""
        tag_ids = [wire.tag_of(self._root, topic) for topic, _ in messages]
        self._load({tag_id for tag_id in tag_ids if tag_id is not None})
        answers = []
        for tag_id, (topic, payload) in zip(tag_ids, messages, strict=True):
            try:
                answers += self._one(tag_id, topic, payload)
            except Refused as refused:
                answers += self._refused(refused, payload)
        self._store(len(messages))
        return answers

    def refuse(self, message: Message, reason: quarantine.Reason, detail: str) -> list[Message]:
        """Set one message aside unread; returns the answer, which only a genuine one gets."""
        topic, payload = message
        tag_id = wire.tag_of(self._root, topic) or ""
        # Nothing else is read of the tag: it may be what we fail on.
        secret = tag_states.secret_of(self._conn, tag_id)
        refused = Refused(reason, detail, tag_id, secret)
        if secret is not None:
            try:
                open_message(tag_id, secret, payload)
            except Refused as worse:
                refused = worse
        answers = self._refused(refused, payload)
        self._count(1)
        return answers

    def _load(self, tag_ids: set[str]) -> None:
        self._states = tag_states.load(self._conn, tag_ids)
        self._fittings = standings.load(self._conn, tag_ids)

    def _store(self, received: int) -> None:
        self._applying.finish(self._conn, self._locate)
        tag_states.store(self._conn, self._states.values())
        assets = {each.asset.asset_id: each.asset for fittings in self._fittings.values() for each in fittings}
        standings.store(self._conn, assets.values())
        self._count(received)

    def _count(self, received: int) -> None:
        """Write what is not any one tag's."""
        self._counts["received"] = received
        with nobodys_fault(self._conn.engine):
            outbox.append(self._conn, self._applying.lines, self._arrival.unix)
            counters.add(self._conn, self._counts)

    def _one(self, tag_id: str | None, topic: str, payload: bytes) -> list[Message]:
        if tag_id is None:
            raise Refused("bad_topic", f"topic {topic[:200]!r}")
        state = self._states.get(tag_id)
        if state is None:
            raise Refused("unknown_tag", "enrol the tag, or find out what publishes in its name", tag_id)
        opened = open_message(tag_id, state.secret, payload)
        high = self._taking.take(opened, state, self._fittings.get(tag_id, ()))
        ack = wire.Ack(
            v=1,
            journal=opened.report.journal,
            high=high,
            at=opened.report.at,
            unix=self._arrival.unix if self._arrival.trusted else None,
            epoch=self._epoch,
        )
        return [self._sealed(tag_id, state.secret, ack)]

    def _refused(self, refused: Refused, payload: bytes) -> list[Message]:
        named = {"tag": refused.tag_id or None, "reason": refused.reason}
        log.warning("quarantined a message of tag %s: %s", refused.tag_id or "unknown", refused.reason, extra=named)
        quarantine.keep_report(self._conn, refused.tag_id, refused.reason, refused.detail, payload, self._arrival.unix)
        self._counts[f"quarantined.{refused.reason}"] += 1
        if refused.secret is None:
            return []
        self._counts["rejected"] += 1
        rejection = wire.Rejection(v=1, reject=refused.reason, of=payload[-24:].decode())
        return [self._sealed(refused.tag_id, refused.secret, rejection)]

    def _sealed(self, tag_id: str, secret: bytes, answer: wire.Ack | wire.Rejection) -> Message:
        body = wire.encode(answer)
        return wire.topic(self._root, tag_id, wire.DOWN_ACK), wire.seal(secret, wire.DOWN_ACK, body)
