"""A tag on paper: journal, clock, report schedule and the talk with the gateway, as docs/protocol.md has them.

It is a model, not the firmware, and leaves out commands, settings, crashes, and flash that fills up. The firmware
itself is run by `kitback demo`, and held by its own tests.
"""

import math
from collections import deque
from itertools import islice
from random import Random
from typing import Final, NamedTuple

import msgspec

from kitback import wire
from kitback.simulate.sensing import Noted, Sensed, Used
from kitback.simulate.truth import BATTERY_MV, MISSED, REPORT_EVERY_S, TICK_S, Place, Span, Truth

_DAY: Final = 86_400
_PAIR_OLD_S: Final = 25 * 3600
_RETRY_S: Final = 60
_FIRMWARE: Final = "paper"
_ROOM: Final = 3400
"""Bytes of records in one message; the rest of its 4,096 are for everything else."""
_WANDER_S: Final = 2
"""Over a day the counter runs ahead and falls behind by so much, beside its drift: the room warms up and cools down."""

_WELL: Final = (41_000, 1440, 900)
"""Of a day's health: bytes of heap, wakes, seconds awake. The same each day: nobody looks at them here."""

Message = tuple[str, bytes]


class _Record(NamedTuple):
    seq: int
    clock: int
    body: bytes


class PaperTag:
    """One loan's tag. Whoever runs it asks for a message at `report_at` and hands back the answer, until it is done."""

    def __init__(self, truth: Truth, places: dict[str, Place], seed: int, root: str, secret: bytes) -> None:
        """A tag that waits for its first power."""
        self.truth = truth
        self._places = places
        self._rng = Random(f"{seed}/tag/{truth.asset_id}")  # noqa: S311 - noise, not secrets
        self._secret = secret
        self.topic = wire.topic(root, truth.tag.tag_id, wire.UP_REPORT)
        self.answered_on = wire.topic(root, truth.tag.tag_id, wire.DOWN_ACK)
        self._journal_id = f"{self._rng.getrandbits(32):08x}-1"
        self._journal: deque[_Record] = deque()
        self._newest = 0
        self._high = 0
        self._clock = 0
        self._lives = iter(truth.tag.awake)
        self._failures = 0
        self._alarm_edges = iter(sorted(edge + 60 for each in truth.unpowered for edge in each))
        self._alarm = next(self._alarm_edges, None)
        self.report_at: int | None = None
        """When it wants to talk, at a whole tick; None: never again."""
        self._start()

    # --- its life -----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Power comes, for the first time or anew."""
        awake = next(self._lives, None)
        if awake is None:
            self.report_at = None
            return
        self._clock += 1
        self._unpowered = False  # as the last alarm that it noted says
        self._awake: Span = awake
        self._pair: wire.Pair | None = None
        self._sensed = Sensed(self.truth, self._places, awake, self._clock)
        self._notes = self._sensed.notes()
        self._coming = next(self._notes, None)
        self._told_to = awake.from_s
        self._failures = 0
        self.report_at = _tick(awake.from_s)
        self._pass_over()

    def _pass_over(self) -> None:
        """Talk no later than it lives; what it noted until its power went it keeps."""
        while self.report_at is not None and self.report_at >= self._awake.to_s:
            self._note_until(self._awake.to_s - 1)
            self._start()
            return

    def _counter(self, at: int) -> int:
        """Its counter at a true time."""
        ran = at - self._awake.from_s
        wander = _WANDER_S * (1 - math.cos(ran * 2 * math.pi / _DAY))
        return int(ran * (1 + self.truth.tag.drift_ppm / 1e6) + wander)

    def _note_until(self, now: int) -> None:
        """Journal all there was to note."""
        while self._coming is not None and self._coming.noted_s <= now:
            self._journal_one(self._coming)
            self._coming = next(self._notes, None)

    def _journal_one(self, noted: Noted | Used) -> None:
        at = self._counter(noted.at_s)
        what: str
        rest: tuple[object, ...]
        if isinstance(noted, Used):
            span = self._counter(noted.to_s) - at
            self._told_to = noted.to_s
            if not span:
                return
            what, rest = "use", (span, min(noted.in_use, span), noted.events)
        elif noted.what == "health":
            what, rest = "health", (self.battery_mv(noted.at_s), *_WELL)
        else:
            what, rest = noted.what, noted.rest
            if what == "alarm":
                self._unpowered = bool(rest[1])
        self._newest += 1
        body = msgspec.json.encode((what, self._newest, at, *rest))
        self._journal.append(_Record(self._newest, self._clock, body))

    def battery_mv(self, at: int) -> int:
        """Its supply as it reads it."""
        levels = self.truth.tag.battery
        before = max((each for each in levels if each.at_s <= at), default=levels[0])
        after = min((each for each in levels if each.at_s > at), default=None)
        mv = before.mv
        if after is not None and before.at_s <= at:
            mv += (after.mv - before.mv) * (at - before.at_s) // (after.at_s - before.at_s)
        return mv + self._rng.randint(-BATTERY_MV, BATTERY_MV)

    # --- the talk -----------------------------------------------------------------------------------------------------

    def reaches(self, now: int) -> bool:
        """Whether there is a network that lets it through."""
        return any(each.from_s <= now < each.to_s for each in self.truth.tag.network)

    def message(self, now: int) -> Message:
        """The next message of a talk at `now`: the oldest records that nobody has acknowledged."""
        self._note_until(now)
        at = self._counter(now)
        self._sent_at = at
        fresh = self._pair is not None and at - self._pair.acked <= _PAIR_OLD_S
        batch = self._batch() if fresh else []
        span = at - self._counter(self._told_to)
        in_use, events = self._sensed.open_span(self._told_to, now)
        report = wire.Envelope(
            v=1,
            fw=_FIRMWARE,
            journal=self._journal_id,
            oldest=self._journal[0].seq if self._journal else self._newest + 1,
            newest=self._newest,
            clock=self._clock,
            at=at,
            pair=self._pair,
            alarms=["unpowered"] if self._unpowered else [],
            battery_mv=self.battery_mv(now),
            open=wire.OpenUse(self._counter(self._told_to), span, min(in_use, span), events) if span > 0 else None,
            after=self._high,
            on=batch[0].clock if batch else self._clock,
            records=[msgspec.Raw(each.body) for each in batch],
        )
        self._all_told = fresh and len(batch) == len(self._journal)
        return self.topic, wire.seal(self._secret, wire.UP_REPORT, wire.encode(report))

    def _batch(self) -> list[_Record]:
        """The oldest records of one clock that fit into a message."""
        batch: list[_Record] = []
        size = 0
        for each in islice(self._journal, 200):
            size += len(each.body) + 1
            if batch and (size > _ROOM or each.clock != batch[0].clock):
                break
            batch.append(each)
        return batch

    def hear(self, payload: bytes, now: int) -> bool:
        """Take the answer in; whether the talk goes on."""
        ack = wire.answer_decoder.decode(wire.unseal(self._secret, wire.DOWN_ACK, payload))
        if ack.at != self._sent_at or ack.journal != self._journal_id:
            return self.fail(now)
        self._high = ack.high
        while self._journal and self._journal[0].seq <= ack.high:
            self._journal.popleft()
        if ack.unix is not None:
            self._pair = wire.Pair(ack.at, ack.at, ack.unix)
        if not self._all_told:
            return True
        self._failures = 0
        self._wait(now, self._every_s())
        return False

    def fail(self, now: int) -> bool:
        """No answer: try again later, twice as long each time, less up to a quarter by chance. Ends the talk."""
        self._failures += 1
        wait = min(_RETRY_S << min(self._failures - 1, 20), self._every_s())
        self._wait(now, wait - wait * self._rng.randrange(256) // 1024)
        return False

    def loses(self) -> bool:
        """Whether a message, or an answer, gets lost on its way."""
        return self._rng.random() < MISSED / 2

    def _every_s(self) -> int:
        return REPORT_EVERY_S[self.truth.kind]

    def _wait(self, now: int, seconds: int) -> None:
        """Sleep for seconds of its own counter, or until an alarm begins or ends."""
        at = now + max(1, int(seconds / (1 + self.truth.tag.drift_ppm / 1e6)))
        while self._alarm is not None and self._alarm <= now:
            self._alarm = next(self._alarm_edges, None)
        if self._alarm is not None and self._alarm < at:
            at, self._failures = self._alarm, 0
        self.report_at = max(_tick(at), now + TICK_S)
        self._pass_over()


def _tick(at: int) -> int:
    """The next whole tick."""
    return -(-at // TICK_S) * TICK_S
