"""Gives a tag's records their time: the register's side of `tag_clock`.

Records of a clock that has a pair are placed at once. The others wait until the clock gets one, or until nothing more
can come from it and a later clock has one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from kitback import wire
from kitback.intake import tag_clock
from kitback.intake.tag_clock import Point, Time, Window
from kitback.register.apply import Placed
from kitback.register.tables import tag_clock as clock_table
from kitback.register.tables import tag_pair, waiting
from kitback.register.upsert import put

_NEVER: Final = 2**40

_TAG = sa.bindparam("tag", type_=sa.String())
_PAIRS = (
    sa.select(tag_pair.c.clock, tag_pair.c.counter, tag_pair.c.unix)
    .where(tag_pair.c.tag_id == _TAG)
    .order_by(tag_pair.c.clock, tag_pair.c.counter)
)
_ENDS = sa.select(clock_table.c.clock, clock_table.c.ends_s).where(clock_table.c.tag_id == _TAG)
_WAITING = (
    sa.select(waiting.c.journal, waiting.c.clock, waiting.c.record)
    .where(waiting.c.tag_id == _TAG)
    .order_by(waiting.c.clock, waiting.c.seq)
)


@dataclass(frozen=True, slots=True)
class Noted:
    """A record as it came: on a clock, without a time."""

    journal: str
    clock: int
    record: wire.Record

    @property
    def ends(self) -> int:
        """Counter at the end of what the record tells."""
        return self.record.at + (self.record.span if isinstance(self.record, wire.Use) else 0)


class Clocks:
    """The clocks of one tag while one of its reports is taken in."""

    def __init__(self, conn: sa.Connection, tag_id: str, rate_ppb: int, not_after: int | None) -> None:
        """Read them from the register.

        Args:
            rate_ppb: the tag's last known rate.
            not_after: when the report arrived, nothing in it can be later; None if the gateway's clock is not trusted.
        """
        self._conn = conn
        self._tag_id = tag_id
        self._not_after = _NEVER if not_after is None else not_after
        self.rate_ppb = rate_ppb
        self._points: dict[int, tuple[Point, ...]] = defaultdict(tuple)
        for row in conn.execute(_PAIRS, {"tag": tag_id}):
            self._points[row.clock] += (Point(row.counter, row.unix),)
        self._ends: dict[int, int] = {row.clock: row.ends_s for row in conn.execute(_ENDS, {"tag": tag_id})}

    def numbered_anew(self, point: Point) -> bool:
        """Whether a pair on a clock below the present one is news: then the tag was erased and counts its clocks anew.

        What was known of the clocks of the old count is dropped.
        """
        newest = max((points[-1].unix for points in self._points.values() if points), default=0)
        if point.unix <= newest + tag_clock.BEGAN_AGAIN:
            return False
        for clock in list(self._points):
            self._keep(clock, ())
        self._ends.clear()
        self._conn.execute(sa.delete(clock_table).where(clock_table.c.tag_id == self._tag_id))
        return True

    def learn(self, clock: int, point: Point) -> None:
        """Take in a pair."""
        self._keep(clock, tag_clock.add(self._points[clock], point))
        told = tag_clock.rate(self._points[clock])
        self.rate_ppb = self.rate_ppb if told is None else told

    def time(self, clock: int, counter: int) -> Time | None:
        """When a counter was, or None while its clock has no pair."""
        points = self._points[clock]
        return tag_clock.place(counter, points, self.rate_ppb, self._not_after) if points else None

    def place(self, fresh: Sequence[Noted], closed_before: int | None) -> tuple[list[Placed], bool]:
        """Place what waited and what is fresh, as far as that can be done now; the rest waits on.

        Args:
            fresh: a batch's records, in order.
            closed_before: no more records will come of clocks below this one; None: not of any.

        Returns:
            The placed records in order, and whether none is left waiting.
        """
        waited = self._waited()
        placed: list[Placed] = []
        left: list[Noted] = []
        by_clock: dict[int, list[Noted]] = defaultdict(list)
        for noted in (*waited, *fresh):
            by_clock[noted.clock].append(noted)
        for clock, there in sorted(by_clock.items()):
            if self._points[clock]:
                now = [self._placed(each) for each in there]
            elif self._can_estimate(clock, closed_before):
                now = self._estimated(clock, by_clock)
            else:
                left += there
                continue
            placed += now
            self._ends[clock] = max(self._ends.get(clock, 0), *(each.to_s for each in now))
        self._store(waited, left, {noted.clock for noted in (*waited, *fresh)} - {noted.clock for noted in left})
        return placed, not left

    def forget(self, present: int) -> None:
        """Drop what only records before the present clock, or before the last few pairs on it, could have needed."""
        if not self._points[present]:
            return
        self._keep(present, self._points[present][-tag_clock.KEPT :])
        for clock in [clock for clock in self._points if clock < present]:
            self._keep(clock, ())
        if present in self._ends and min(self._ends) < present:
            self._ends = {clock: ends for clock, ends in self._ends.items() if clock >= present}
            self._conn.execute(
                sa.delete(clock_table).where(clock_table.c.tag_id == self._tag_id, clock_table.c.clock < present)
            )

    def _placed(self, noted: Noted) -> Placed:
        points = self._points[noted.clock]
        begins = tag_clock.place(noted.record.at, points, self.rate_ppb, self._not_after)
        ends = tag_clock.place(noted.ends, points, self.rate_ppb, self._not_after)
        return Placed(noted.record, begins.unix, ends.unix, begins.quality)

    def _can_estimate(self, clock: int, closed_before: int | None) -> bool:
        """Whether a clock without pairs has all its records, and a later one to close its window."""
        closed = closed_before is not None and clock < closed_before
        return closed and any(points for later, points in self._points.items() if later > clock)

    def _estimated(self, clock: int, by_clock: dict[int, list[Noted]]) -> list[Placed]:
        length = {each: max(noted.ends for noted in by_clock[each]) for each in by_clock}
        paired = min(later for later, points in self._points.items() if later > clock and points)
        between = sum(length[each] for each in by_clock if clock < each < paired)
        first = tag_clock.place(0, self._points[paired], self.rate_ppb, self._not_after)
        window = Window(self._reached(clock), first.unix - between)
        placed = []
        for noted in by_clock[clock]:
            begins = tag_clock.estimate(noted.record.at, length[clock], window)
            ends = tag_clock.estimate(noted.ends, length[clock], window)
            placed.append(Placed(noted.record, begins.unix, ends.unix, begins.quality))
        return placed

    def _reached(self, clock: int) -> int | None:
        """The latest second known on an earlier clock."""
        pairs = (points[-1].unix for earlier, points in self._points.items() if earlier < clock and points)
        ends = (ends for earlier, ends in self._ends.items() if earlier < clock)
        return max((*pairs, *ends), default=None)

    def _waited(self) -> list[Noted]:
        rows = self._conn.execute(_WAITING, {"tag": self._tag_id})
        return [Noted(row.journal, row.clock, wire.record_decoder.decode(row.record)) for row in rows]

    def _store(self, waited: Iterable[Noted], left: Iterable[Noted], done: set[int]) -> None:
        if done:
            ends = [{"tag_id": self._tag_id, "clock": clock, "ends_s": self._ends[clock]} for clock in sorted(done)]
            put(self._conn, clock_table, ends)
            if any(noted.clock in done for noted in waited):
                self._conn.execute(
                    sa.delete(waiting).where(waiting.c.tag_id == self._tag_id, waiting.c.clock.in_(done))
                )
        known = {id(noted) for noted in waited}
        rows = [
            {
                "tag_id": self._tag_id,
                "journal": noted.journal,
                "seq": noted.record.seq,
                "clock": noted.clock,
                "at": noted.record.at,
                "record": wire.encode(noted.record),
            }
            for noted in left
            if id(noted) not in known
        ]
        if rows:
            self._conn.execute(sa.insert(waiting), rows)

    def _keep(self, clock: int, points: tuple[Point, ...]) -> None:
        """Make these the pairs of a clock."""
        before, after = set(self._points[clock]), set(points)
        self._points[clock] = points
        if dropped := before - after:
            self._conn.execute(
                sa.delete(tag_pair).where(
                    tag_pair.c.tag_id == self._tag_id,
                    tag_pair.c.clock == clock,
                    tag_pair.c.counter.in_([point.counter for point in dropped]),
                )
            )
        if added := after - before:
            self._conn.execute(
                sa.insert(tag_pair),
                [
                    {"tag_id": self._tag_id, "clock": clock, "counter": point.counter, "unix": point.unix}
                    for point in sorted(added)
                ],
            )
