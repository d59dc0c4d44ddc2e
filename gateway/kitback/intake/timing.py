"""Gives a tag's records their time: what `tag_clock` says, for the clocks that the register knows of a tag.

Records of a clock that has a pair are placed at once. The others wait until the clock gets one, or until nothing more
can come from it and a later clock has one.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from kitback import wire
from kitback.intake import quarantine, tag_clock
from kitback.intake.tag_clock import Time, Window
from kitback.register.apply import Placed
from kitback.register.tables import waiting
from kitback.register.tag_states import ClockState, Point, TagState
from kitback.register.upsert import put

_NEVER: Final = 2**40

_WAITING = (
    sa.select(waiting.c.journal, waiting.c.clock, waiting.c.record)
    .where(waiting.c.tag_id == sa.bindparam("tag", type_=sa.String()))
    .order_by(waiting.c.clock, waiting.c.seq)
)


class Noted(Struct, frozen=True):
    """A record as it came: on a clock, without a time."""

    journal: str
    clock: int
    record: wire.Record


class Clocks:
    """The clocks of one tag while one of its reports is taken in."""

    def __init__(self, conn: sa.Connection, state: TagState, rate_ppb: int, not_after: int | None) -> None:
        """Take them up.

        Args:
            rate_ppb: the tag's last known rate.
            not_after: when the report arrived, nothing in it can be later; None if the gateway's clock is not trusted.
        """
        self._conn = conn
        self._state = state
        self._clocks = state.clocks
        self._not_after = _NEVER if not_after is None else not_after
        self.rate_ppb = rate_ppb

    def numbered_anew(self, journal: str, clock: int, point: Point) -> bool:
        """Whether a pair is news on a clock below a known one, or on that began again: then the tag was erased, and
        counts its clocks anew.

        The clocks of the old count go on below zero, so that what waits on them comes before the new count and is
        closed by it. What waits of the report's own journal is of the new count already.
        """
        now = self._state.now
        if clock >= max(self._clocks, default=clock) and (now is None or clock >= now.clock):
            known = self._pairs(clock)
            if not known or not tag_clock.began_again(known[-1], point):
                return False
        newest = max((each.pairs[-1].unix for each in self._clocks.values() if each.pairs), default=0)
        if point.unix <= newest + tag_clock.BEGAN_AGAIN:
            return False
        self._count_down(journal)
        return True

    def learn(self, clock: int, point: Point) -> None:
        """Take in a pair."""
        mine = self._known(clock)
        mine.pairs = tag_clock.add(mine.pairs, point)
        told = tag_clock.rate(mine.pairs)
        self.rate_ppb = self.rate_ppb if told is None else told

    def time(self, clock: int, counter: int) -> Time | None:
        """When a counter was, or None while its clock has no pair."""
        points = self._pairs(clock)
        return tag_clock.place((counter,), points, self.rate_ppb, self._not_after)[0] if points else None

    def place(
        self, journal: str, clock: int, records: Sequence[wire.Record], closed_before: int | None
    ) -> tuple[list[Placed], bool]:
        """Place what waited and what is fresh, as far as that can be done now; the rest waits on.

        Args:
            journal: the fresh records' journal.
            clock: the fresh records' clock.
            records: the fresh records, in order.
            closed_before: no more records will come of clocks below this one; None: not of any.

        Returns:
            The placed records in order, and whether none is left waiting.
        """
        if not self._state.waiting and (not records or self._pairs(clock)):
            return self._placed(clock, records), True
        waited = self._waited()
        placed: list[Placed] = []
        left: list[Noted] = []
        by_clock: dict[int, list[Noted]] = defaultdict(list)
        for noted in (*waited, *(Noted(journal, clock, record) for record in records)):
            by_clock[noted.clock].append(noted)
        for each, there in sorted(by_clock.items()):
            if self._pairs(each):
                placed += self._placed(each, [noted.record for noted in there])
            elif self._can_estimate(each, closed_before):
                placed += self._estimated(each, by_clock)
            else:
                left += there
        self._keep_waiting(waited, left)
        return placed, not left

    def forget(self, present: int) -> None:
        """Drop what only records before the present clock, or before the last few pairs on it, could have needed."""
        mine = self._clocks.get(present)
        if mine is None or not mine.pairs:
            return
        mine.pairs = mine.pairs[-tag_clock.KEPT :]
        if len(self._clocks) == 1:
            return
        for clock in [clock for clock in self._clocks if clock < present]:
            # How far it reached is a bound for its neighbours, until something on the present clock is one.
            if mine.ends is None and self._clocks[clock].ends is not None:
                self._clocks[clock].pairs = ()
            else:
                del self._clocks[clock]

    def _count_down(self, journal: str) -> None:
        """Number the clocks known so far up to -1, in their order, and what waits or is set aside on them in other
        journals."""
        kept = quarantine.clocks_of(self._conn, self._state.tag_id, journal)
        old = sorted(kept | self._clocks.keys())
        numbers = {clock: below for below, clock in enumerate(old, -len(old))}
        if kept:
            quarantine.number_clocks(self._conn, self._state.tag_id, journal, numbers)
        self._state.clocks = self._clocks = {numbers[clock]: each for clock, each in self._clocks.items()}
        if self._state.waiting:
            others = sa.and_(waiting.c.tag_id == self._state.tag_id, waiting.c.journal != journal)
            # At once: one by one, a new number could be another's old one.
            below = sa.case(numbers, value=waiting.c.clock, else_=waiting.c.clock)
            self._conn.execute(sa.update(waiting).where(others).values(clock=below))

    def _known(self, clock: int) -> ClockState:
        """A clock, which is known from now on."""
        known = self._clocks.get(clock)
        if known is None:
            known = self._clocks[clock] = ClockState()
        return known

    def _pairs(self, clock: int) -> Sequence[Point]:
        known = self._clocks.get(clock)
        return known.pairs if known else ()

    def _placed(self, clock: int, records: Sequence[wire.Record]) -> list[Placed]:
        """Place records of a clock that has pairs."""
        counters = [counter for record in records for counter in (record.at, _end(record))]
        times = iter(tag_clock.place(counters, self._pairs(clock), self.rate_ppb, self._not_after))
        placed = [
            Placed(record, begins.unix, ends.unix, begins.quality)
            for record, begins, ends in zip(records, times, times, strict=True)
        ]
        self._reach(clock, placed)
        return placed

    def _reach(self, clock: int, placed: Sequence[Placed]) -> None:
        """A clock reached as far as what was placed on it."""
        if placed:
            mine = self._known(clock)
            mine.ends = max([mine.ends or 0, *[each.to_s for each in placed]])

    def _can_estimate(self, clock: int, closed_before: int | None) -> bool:
        """Whether a clock without pairs has all its records, and a later one to close its window."""
        closed = closed_before is not None and clock < closed_before
        return closed and any(each.pairs for later, each in self._clocks.items() if later > clock)

    def _estimated(self, clock: int, by_clock: dict[int, list[Noted]]) -> list[Placed]:
        length = {each: max(_end(noted.record) for noted in by_clock[each]) for each in by_clock}
        paired = min(later for later, each in self._clocks.items() if later > clock and each.pairs)
        between = sum(length[each] for each in by_clock if clock < each < paired)
        first = tag_clock.place((0,), self._pairs(paired), self.rate_ppb, self._not_after)[0]
        opens = self._reached(clock)
        # A gateway whose clock was ahead may have placed what came before after what comes now.
        window = Window(None if opens is None else min(opens, self._not_after), first.unix - between)
        placed = []
        for noted in by_clock[clock]:
            begins = tag_clock.estimate(noted.record.at, length[clock], window)
            ends = tag_clock.estimate(_end(noted.record), length[clock], window)
            placed.append(Placed(noted.record, begins.unix, ends.unix, begins.quality))
        self._reach(clock, placed)
        return placed

    def _reached(self, clock: int) -> int | None:
        """The latest second known on an earlier clock."""
        earlier = [each for number, each in self._clocks.items() if number < clock]
        pairs = [each.pairs[-1].unix for each in earlier if each.pairs]
        ends = [each.ends for each in earlier if each.ends is not None]
        return max((*pairs, *ends), default=None)

    def _waited(self) -> list[Noted]:
        if not self._state.waiting:
            return []
        rows = self._conn.execute(_WAITING, {"tag": self._state.tag_id})
        return [Noted(row.journal, row.clock, wire.record_decoder.decode(row.record)) for row in rows]

    def _keep_waiting(self, waited: Sequence[Noted], left: Sequence[Noted]) -> None:
        """Keep what is left; what waited on one clock waits on whole, or is done whole."""
        for noted in left:
            self._known(noted.clock)  # so that every clock of which something waits is known
        tag_id = self._state.tag_id
        done = {noted.clock for noted in waited} - {noted.clock for noted in left}
        if done:
            self._conn.execute(sa.delete(waiting).where(waiting.c.tag_id == tag_id, waiting.c.clock.in_(done)))
        known = {id(noted) for noted in waited}
        rows = [
            {
                "tag_id": tag_id,
                "journal": noted.journal,
                "seq": noted.record.seq,
                "clock": noted.clock,
                "at": noted.record.at,
                "record": wire.encode(noted.record),
            }
            for noted in left
            if id(noted) not in known
        ]
        put(self._conn, waiting, rows)
        self._state.waiting = len(left)


def _end(record: wire.Record) -> int:
    """Counter at the end of what a record tells."""
    return record.at + record.span if isinstance(record, wire.Use) else record.at
