"""Takes in what tags send: any number of messages in one transaction, each in a savepoint of its own."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from kitback import wire
from kitback.clock import Clock, now_s
from kitback.intake import quarantine
from kitback.intake.opening import Opened, Refused, open_message
from kitback.intake.taking import Arrival, take_report
from kitback.register import Register, counters, listening, outbox, present
from kitback.register.apply import Locate
from kitback.register.store import CALLERS_FAULT

log = logging.getLogger(__name__)

Message = tuple[str, bytes]
"""Topic and payload."""

Guard = Callable[[sa.Connection], None]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one message."""

    answer: Message | None = None
    lines: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


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

    def connected(self) -> None:
        """Note that the gateway has joined its broker, after it was away or not.

        Raises:
            RegisterError: the database failed.
        """
        with self._register.write() as conn:
            listening.connected(conn, now_s(self._clock))

    def away(self) -> None:
        """Note that the gateway does not hear its tags: it has just started, or has lost its broker.

        Raises:
            RegisterError: the database failed.
        """
        with self._register.write() as conn:
            listening.away(conn)

    def still(self) -> None:
        """Note that the gateway is listening, though nothing comes.

        Raises:
            RegisterError: the database failed.
        """
        with self._register.write() as conn:
            listening.still(conn, now_s(self._clock))

    def take(self, messages: Sequence[Message]) -> list[Message]:
        """Take messages in, in one transaction, and return the answers to publish; a message may get none.

        Raises:
            RegisterError: the database failed. Nothing was taken in: acknowledge nothing, and try again.
        """
        arrival = Arrival(now_s(self._clock), self._clock.synchronised())
        with self._register.write() as conn:
            self._guard(conn)
            outcomes = [self._one(conn, topic, payload, arrival) for topic, payload in messages]
            outbox.append(conn, [line for outcome in outcomes for line in outcome.lines], arrival.unix)
            counts = Counter(received=len(messages))
            for outcome in outcomes:
                counts.update(outcome.counts)
            counters.add(conn, counts)
            listening.still(conn, arrival.unix)
        return [outcome.answer for outcome in outcomes if outcome.answer is not None]

    def _one(self, conn: sa.Connection, topic: str, payload: bytes, arrival: Arrival) -> _Outcome:
        try:
            opened = open_message(self._root, topic, payload, lambda tag_id: present.secret_of(conn, tag_id))
            return self._genuine(conn, opened, arrival)
        except Refused as refused:
            log.warning("quarantined a message of tag %s: %s", refused.tag_id or "unknown", refused.reason)
            quarantine.keep_report(conn, refused.tag_id, refused.reason, refused.detail, payload, arrival.unix)
            return self._refusal(refused, payload)

    def _genuine(self, conn: sa.Connection, opened: Opened, arrival: Arrival) -> _Outcome:
        try:
            with conn.begin_nested():
                taken = take_report(conn, opened, arrival, self._locate)
        except Refused:
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) and not isinstance(error, CALLERS_FAULT):
                raise
            # One report must not stop the others. Its tag is told, sends less at a time, and leaves out what fails.
            log.exception("failed on a report of tag %s", opened.tag_id)
            raise Refused("failed", type(error).__name__, opened.tag_id, opened.secret) from error
        ack = wire.Ack(
            v=1,
            journal=opened.report.journal,
            high=taken.high,
            at=opened.report.at,
            unix=arrival.unix if arrival.trusted else None,
            epoch=self._register.epoch,
        )
        return _Outcome(self._sealed(opened.tag_id, opened.secret, ack), taken.lines, taken.counts)

    def _refusal(self, refused: Refused, payload: bytes) -> _Outcome:
        counts = Counter({f"quarantined.{refused.reason}": 1})
        if refused.secret is None:
            return _Outcome(counts=counts)
        counts["rejected"] = 1
        rejection = wire.Rejection(v=1, reject=refused.reason, of=payload[-24:].decode())
        return _Outcome(self._sealed(refused.tag_id, refused.secret, rejection), counts=counts)

    def _sealed(self, tag_id: str, secret: bytes, answer: wire.Ack | wire.Rejection) -> Message:
        body = wire.encode(answer)
        return wire.topic(self._root, tag_id, wire.DOWN_ACK), wire.seal(secret, wire.DOWN_ACK, body)
