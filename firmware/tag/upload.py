"""The talk with the gateway: what is sent in which order, and what an answer changes.

Nothing here knows how messages travel: `channel` has `send(message)` and `answers(ms)`, which yields what comes within
that time.
"""

import time

from micropython import const

from tag import clock, crash, report
from tag.retained import state
from tag.use import span

_ACK_MS = const(1000)  # a second of radio costs more than a whole wake
_PAIR_FRESH_S = const(90_000)  # a tag that reports once a day need not ask first


class Failed(Exception):
    """The gateway does not have everything yet. Says why."""


class Upload:
    """One talk. `deadline` is the tick at which no new report is begun."""

    def __init__(self, channel, journal, secret: bytes, battery_mv: int, deadline: int) -> None:
        self._channel = channel
        self._journal = journal
        self._secret = secret
        self._deadline = deadline
        self._buffer = bytearray(report.MAX_MESSAGE)
        self._most = report.MAX_MESSAGE  # records a batch; more never fit
        self._battery_mv = battery_mv
        self.settings = 0
        """Revision of the settings that the gateway has for this tag; 0: none, or it did not say."""
        self.commands = 0
        """How many commands it has."""
        if state.journal != journal.number:
            state.journal = journal.number
            state.acked = 0
            state.refused = 0

    def run(self) -> None:
        """Send until the gateway has every record. Raises Failed when it has not."""
        if not state.pair_unix or clock.now() - state.pair_acked > _PAIR_FRESH_S:
            self._exchange(0)
        while True:
            # Also when the pair did not come: while acks are missed, one batch goes out a talk.
            if not self._exchange(self._most):
                raise Failed("no ack")
            if max(state.acked, state.refused) >= self._journal.newest:
                return
            if time.ticks_diff(self._deadline, time.ticks_ms()) < 0:
                raise Failed("out of time")

    def _exchange(self, most: int) -> bool:
        """Send one report with at most so many records. Whether an answer to it came."""
        sent_at = clock.now()
        after = max(state.acked, self._journal.oldest - 1)
        sent = report.build(
            self._secret,
            self._buffer,
            self._head(sent_at, after),
            self._journal.read(max(after, state.refused)) if most else (),
            state.clock,
            most,
        )
        print("report after %d records %d bytes %d" % (after, sent.count, len(sent.message)))
        self._channel.send(sent.message)
        for message in self._channel.answers(_ACK_MS):
            answer = report.read_answer(self._secret, message, self._journal.id, sent_at, sent.mac)
            if answer is None:
                continue
            if "reject" in answer:
                self._rejected(answer["reject"], sent)
            else:
                self._acked(answer, sent_at)
            return True
        print("no ack")
        return False

    def _head(self, now: int, after: int) -> dict:
        head = {
            "journal": self._journal.id,
            "oldest": self._journal.oldest,
            "newest": self._journal.newest,
            "clock": state.clock,
            "at": now,
            "alarms": ["unpowered"] if state.alarms else [],
            "battery_mv": self._battery_mv,
            "open": span.so_far(now),
            "after": after,
        }
        if state.crashes >= crash.MOST:
            head["safe"] = True
        what = crash.last()
        if what:
            head["crash"] = what
        if state.pair_unix:
            head["pair"] = (state.pair_sent, state.pair_acked, state.pair_unix)
        return head

    def _acked(self, ack: dict, sent_at: int) -> None:
        print("acked %d" % ack["high"])
        # The gateway knows best, also when it was restored and knows less than it did: then what was once refused is
        # found again, by halves, rather than the good records before it being left out.
        if ack["high"] < state.acked:
            state.refused = 0
        state.acked = min(ack["high"], self._journal.newest)
        state.failures = 0
        crash.forget()
        self.settings = ack.get("settings", 0)
        self.commands = ack.get("commands", 0)
        self._most = min(2 * self._most, report.MAX_MESSAGE)
        clock.pair(sent_at, ack.get("unix") or 0)

    def _rejected(self, why: str, sent) -> None:
        """Find the record that cannot be read, by halves, and leave it out."""
        print("rejected: %s" % why)
        if not sent.count:
            raise Failed("rejected: %s" % why)
        if sent.count == 1:
            state.refused = sent.last
        self._most = max(1, sent.count // 2)
