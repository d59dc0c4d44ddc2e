"""What is counted of each month: numbers that can be added, over loans and over years.

What happened counts for the month in which it happened, or was due; what came of it counts for that month as well,
whenever it came. So a rate is always of the very things that its denominator counts.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from typing import Final

from kitback.collect.kpi.months import days, month
from kitback.collect.kpi.records import Cell, Collection, Counts, Flag, Loan, Records, Task
from kitback.policy import VAN, Policy
from kitback.watch.life import RIGHT, WRONG


class Count(StrEnum):
    """What is counted; some in parts, whose names follow after a full stop."""

    DELIVERIES_DUE = "deliveries_due"
    """In the month for which it was promised; by delivery speed."""
    DELIVERED_IN_TIME = "delivered_in_time"
    COLLECTIONS_DUE = "collections_due"
    """In the month of their last working day; by whether a visit failed."""
    COLLECTED_IN_TIME = "collected_in_time"
    FAILED_VISITS = "failed_visits"
    ISSUED = "issued"
    """In the month of the delivery."""
    RETURNED = "returned"
    COLLECTED = "collected"
    """In the month in which it came back."""
    REUSED = "reused"
    ORDERED = "ordered"
    """In the month of the prescription."""
    FROM_STOCK = "from_stock"
    ENDED = "ended"
    """Trips home, in the month in which the piece was available again or scrapped; so are the next five."""
    AVAILABLE = "available"
    CREDIT_PENCE = "credit_pence"
    COST_PENCE = "cost_pence"
    BY_VAN = "by_van"
    TURNAROUND_DAYS = "turnaround_days"
    """Pieces available again, by the days since they came back."""
    JOBS = "jobs"
    """Done at visits, in the month in which they were."""
    VISITS = "visits"
    ACTIONED = "actioned"
    """Idle flags that staff confirmed or denied, in the month in which they were raised."""
    CONFIRMED = "confirmed"

    def of(self, part: str | int) -> str:
        """The name of a part of it."""
        return f"{self}.{part}"


FIRST_TIME: Final = "first_time"
FAILED_VISIT: Final = "failed_visit"
"""Collections for which no visit failed, and those for which one did."""


def measures(records: Records, policy: Policy, at: int) -> Counts:
    """Everything that counts for a month, as known at Unix second `at`, with what is left of erased loans.

    No month is another when a loan is erased: its `contribution` is kept, and added.
    """
    counted = Counts(records.erased)
    for (moment_s, cell), name, count in _all(records, Cells(records), policy, at):
        if count:
            counted[month(moment_s), *cell, name] += count
    return counted


class Cells:
    """Whose each record is."""

    def __init__(self, records: Records) -> None:
        self._assets = {each.asset_id: each for each in records.assets}
        self._loans = {each.loan_ref: each for each in records.loans}
        self._lent: dict[str, list[Loan]] = {}
        for each in records.loans:
            self._lent.setdefault(each.asset_id, []).append(each)

    def of(self, asset_id: str, lent: Loan | None) -> Cell:
        """Who pays for a loan, or owns what is on none; its kind; its pathway."""
        owned = self._assets[asset_id]
        commissioner = (lent and lent.commissioner) or owned.commissioner
        return commissioner or "", owned.kind, lent.pathway if lent else ""

    def of_loan(self, loan_ref: str | None, asset_id: str) -> Cell:
        """The same, by a loan's reference."""
        return self.of(asset_id, self._loans.get(loan_ref or ""))

    def of_moment(self, asset_id: str, at: int) -> Cell:
        """The same, of a piece of equipment when something was done to it."""
        return self.of(asset_id, self.lent_at(asset_id, at))

    def lent_at(self, asset_id: str, at: int) -> Loan | None:
        """The loan that a piece of equipment was out on, or reserved for; at its very end a loan was still there."""
        return next((each for each in self._lent.get(asset_id, ()) if _runs(each, at)), None)

    def known(self, asset_id: str) -> bool:
        """Whether it is among the records at all."""
        return asset_id in self._assets


_Counted = Iterator[tuple[tuple[int, Cell], str, int]]
"""A moment of the month and whose it is, what is counted, and how many."""


def _all(records: Records, cells: Cells, policy: Policy, at: int) -> _Counted:
    for lent in records.loans:
        yield from _of_loan(lent, cells.of(lent.asset_id, lent), policy, at)
    for trip in records.collections:
        yield from _of_collection(trip, cells.of_loan(trip.loan_ref, trip.asset_id), at)
    for flag in records.flags:
        yield from _of_flag(flag, cells.of_loan(flag.loan_ref, flag.asset_id))
    yield from _of_visits(records.tasks, cells)


def _of_loan(lent: Loan, cell: Cell, policy: Policy, at: int) -> _Counted:
    if lent.prescribed_s is not None:
        yield (lent.prescribed_s, cell), Count.ORDERED, 1
        yield (lent.prescribed_s, cell), Count.FROM_STOCK, int(not lent.special)
    if lent.deliver_by_s is not None and _was_due(lent.deliver_by_s, lent.from_s, lent.to_s, at):
        speed = _speed(lent, policy)
        yield (lent.deliver_by_s, cell), Count.DELIVERIES_DUE.of(speed), 1
        in_time = lent.from_s is not None and lent.from_s <= lent.deliver_by_s
        yield (lent.deliver_by_s, cell), Count.DELIVERED_IN_TIME.of(speed), int(in_time)
    if lent.from_s is not None:
        yield (lent.from_s, cell), Count.ISSUED, 1
        yield (lent.from_s, cell), Count.RETURNED, int(lent.to_s is not None)


def _of_collection(trip: Collection, cell: Cell, at: int) -> _Counted:
    if trip.collect_by_s is not None and _was_due(trip.collect_by_s, trip.collected_s, trip.ended_s, at):
        by, part = (trip.collect_by_s, cell), FAILED_VISIT if trip.failed_visits else FIRST_TIME
        yield by, Count.COLLECTIONS_DUE.of(part), 1
        in_time = trip.collected_s is not None and trip.collected_s <= trip.collect_by_s
        yield by, Count.COLLECTED_IN_TIME.of(part), int(in_time)
        yield by, Count.FAILED_VISITS, trip.failed_visits
    if trip.collected_s is None:
        return
    yield (trip.collected_s, cell), Count.COLLECTED, 1
    yield (trip.collected_s, cell), Count.REUSED, int(trip.status == "available")
    if trip.ended_s is not None:
        ended = (trip.ended_s, cell)
        yield ended, Count.ENDED, 1
        yield ended, Count.CREDIT_PENCE, trip.credit_pence or 0
        yield ended, Count.COST_PENCE, trip.cost_pence or 0
        yield ended, Count.BY_VAN, int(trip.how == VAN)
        if trip.status == "available":
            yield ended, Count.AVAILABLE, 1
            yield ended, Count.TURNAROUND_DAYS.of(days(trip.collected_s, trip.ended_s)), 1


def _of_flag(flag: Flag, cell: Cell) -> _Counted:
    yield (flag.raised_at, cell), Count.ACTIONED, int(flag.outcome in (*RIGHT, *WRONG))
    yield (flag.raised_at, cell), Count.CONFIRMED, int(flag.outcome in RIGHT)


def _of_visits(tasks: list[Task], cells: Cells) -> _Counted:
    """A visit is one journey, and its first job's; all others done there saved one."""
    in_order = sorted(tasks, key=lambda each: (each.visit_id, each.asset_id, each.task))
    for _, done in groupby(in_order, key=lambda each: each.visit_id):
        for number, job in enumerate(done):
            if job.done_s is not None and cells.known(job.asset_id):
                key = job.done_s, cells.of_moment(job.asset_id, job.done_s)
                yield key, Count.JOBS, 1
                yield key, Count.VISITS, int(number == 0)


def _was_due(by_s: int, done_s: int | None, given_up_s: int | None, at: int) -> bool:
    """Whether something that was promised is decided, and was not called off before its time."""
    if done_s is not None:
        return True
    return by_s <= at and (given_up_s is None or given_up_s > by_s)


def _speed(lent: Loan, policy: Policy) -> str:
    """Its delivery speed; a pathway that the policy does not know any more has none."""
    pathway = policy.pathway.get(lent.pathway)
    return lent.speed or (pathway.delivery_speed if pathway else "")


def _runs(lent: Loan, at: int) -> bool:
    """Whether a loan, from its prescription on, was there at a moment; at its very end it was."""
    begun = (each for each in (lent.prescribed_s, lent.from_s) if each is not None)
    return min(begun) <= at and (lent.to_s is None or at <= lent.to_s)
