"""Takes one genuine report in: order, time, use and present state, in memory but for the rare things."""

from collections import Counter
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from kitback import wire
from kitback.intake import order, quarantine
from kitback.intake.opening import Damaged, Opened, Refused
from kitback.intake.order import Verdict
from kitback.intake.timing import Clocks
from kitback.register import tag_states
from kitback.register.apply import Applying
from kitback.register.standings import Fittings, on_at
from kitback.register.tag_states import Journal, Now, Point, TagState

_ROUND_TRIP: Final = 60
"""The longest believable round trip in seconds; tags wait for one."""


class Arrival(Struct, frozen=True):
    """When reports came."""

    unix: int
    trusted: bool
    """Whether the gateway's clock was right: then nothing in a report can be later."""


class Taken(Struct, frozen=True):
    """What taking in a report's records came to."""

    high: int
    """The sequence number up to which everything is accounted for."""
    clocks: Clocks
    before: Now | None
    """How the tag stood, if that was in the same count of clocks."""
    complete: bool
    """Whether nothing of what it has to tell is outstanding."""


class Taking:
    """Takes reports in, one after the other, within one transaction."""

    def __init__(self, conn: sa.Connection, arrival: Arrival, applying: Applying, counts: Counter[str]) -> None:
        self._conn = conn
        self._arrival = arrival
        self._not_after = arrival.unix if arrival.trusted else None
        self._applying = applying
        self._counts = counts

    def take(self, opened: Opened, state: TagState, fittings: Fittings) -> int:
        """Take a report in; returns the sequence number up to which everything is accounted for.

        Raises:
            Refused: its sequence numbers cannot be believed. Nothing was taken in.
        """
        taken = self.take_records(opened, state, fittings)
        self.stand(opened.report, state, fittings, taken)
        return taken.high

    def take_records(self, opened: Opened, state: TagState, fittings: Fittings) -> Taken:
        """As `take`, but for how things stand now: `stand` is to follow."""
        report = opened.report
        journal, unseen = self._journal(opened, state)
        verdict = order.judge(journal.high, journal.gaps, report.oldest, report.after, opened.seqs)
        sound = self._sound(opened, verdict)
        self._counts["accepted"] += 1
        self._counts["records.received"] += len(opened.seqs) + len(opened.unnumbered)
        if verdict.early:
            self._counts["records.early"] += len(opened.seqs) + len(opened.unnumbered)
        elif opened.unnumbered:
            self._counts["records.quarantined"] += len(opened.unnumbered)
        # Overwritten before this register first heard of the journal, or taken in by another register.
        if unseen:
            self._counts["records.before_first_sight"] += unseen
        self._book(journal, report.newest, verdict, len(sound))

        before = state.now
        clocks = Clocks(self._conn, state, before.rate_ppb if before else 0, self._not_after)
        if report.pair and self._believable(report.pair, report.at):
            point = Point((report.pair.sent + report.pair.acked) // 2, report.pair.unix)
            if clocks.numbered_anew(report.journal, report.clock, point):
                before = None
            clocks.learn(report.clock, point)
        have_all = not verdict.early and journal.high >= journal.newest
        placed, none_wait = clocks.place(report.journal, report.on, sound, _closed_before(report, verdict, have_all))
        self._applying.apply(opened.tag_id, fittings, placed)
        return Taken(verdict.high, clocks, before, have_all and none_wait)

    def _sound(self, opened: Opened, verdict: Verdict) -> list[wire.Record]:
        """The records of a batch that count and are sound; the damaged ones are set aside."""
        if isinstance(opened.report, wire.Report) and len(verdict.taken) == len(opened.report.records):
            return opened.report.records  # nearly always all of them
        counting = [opened.records[position] for position in verdict.taken]
        sound = [record for record in counting if not isinstance(record, Damaged)]
        if len(sound) < len(counting) or opened.unnumbered:
            self._set_aside(opened, verdict)
        return sound

    def _journal(self, opened: Opened, state: TagState) -> tuple[Journal, int]:
        """The account of the report's journal; for a new one also how many records went by before it was seen."""
        report = opened.report
        known = tag_states.journal(self._conn, state, report.journal)
        unseen = report.oldest - 1
        journal = known or Journal(base=unseen, high=unseen, newest=report.newest)
        if order.too_far(journal.high, report.oldest, report.newest):
            detail = f"high {journal.high}, oldest {report.oldest}, newest {report.newest}"
            raise Refused("sequence_jump", detail, opened.tag_id, opened.secret)
        state.journals[report.journal] = journal
        return journal, 0 if known else unseen

    def _set_aside(self, opened: Opened, verdict: Verdict) -> None:
        """Put the damaged records of the batch into quarantine, unless they are there already or will come again."""
        if verdict.early:
            return
        report = opened.report
        told = report.pair if report.on == report.clock else None
        point = Point((told.sent + told.acked) // 2, told.unix) if told and self._believable(told, report.at) else None
        numbered = [(opened.seqs[position], opened.records[position]) for position in verdict.taken]
        for seq, record in (*numbered, *((None, record) for record in opened.unnumbered)):
            if isinstance(record, Damaged):
                kept = quarantine.keep_record(
                    self._conn,
                    opened.tag_id,
                    report.journal,
                    seq,
                    record.detail,
                    record.raw,
                    self._arrival.unix,
                    report.on,
                    point,
                )
                self._counts[quarantine.DROPPED] += not kept

    def _book(self, journal: Journal, newest: int, verdict: Verdict, applied: int) -> None:
        """Enter a verdict into the journal's account, and the same into the service's counters."""
        counts = self._counts
        journal.high = verdict.high
        journal.gaps = verdict.gaps
        journal.newest = max(journal.newest, newest)
        journal.applied += applied
        counts["records.applied"] += applied
        if quarantined := len(verdict.taken) - applied:
            journal.quarantined += quarantined
            counts["records.quarantined"] += quarantined
        if verdict.duplicates:
            journal.duplicate += verdict.duplicates
            counts["records.duplicate"] += verdict.duplicates
        if verdict.written_off or verdict.found:
            journal.lost += verdict.written_off - verdict.found
            counts["records.lost"] += verdict.written_off
            counts["records.found"] += verdict.found
        if verdict.early:
            counts["early"] += 1

    def _believable(self, pair: wire.Pair, at: int) -> bool:
        in_order = pair.sent <= pair.acked <= at and pair.acked - pair.sent <= _ROUND_TRIP
        return in_order and (not self._arrival.trusted or pair.unix <= self._arrival.unix)

    def stand(self, report: wire.Report | wire.Envelope, state: TagState, fittings: Fittings, taken: Taken) -> None:
        """Note how the tag and its asset stand now, unless a later report has said so already."""
        clocks, before, complete = taken.clocks, taken.before, taken.complete
        arrival = self._arrival.unix
        on = on_at(fittings, arrival)
        at = clocks.time(report.clock, report.at)
        # What waited in the broker while the tag went to another asset says nothing of that one.
        asset = on.asset if on and (at is None or at.unix >= on.from_s) else None
        if before and before.journal == report.journal and (report.clock, report.at) < (before.clock, before.at):
            before.heard_at, before.rate_ppb, before.whole = arrival, clocks.rate_ppb, complete
            if asset:
                asset.hear(arrival, before.complete_to, complete, before.battery_mv)
            return
        complete_to = before.complete_to if before else None
        if complete and at:
            complete_to = max(complete_to or 0, at.unix)
            clocks.forget(report.clock)
        if complete_to is not None and self._not_after is not None:
            # A gateway whose clock was ahead may have said so.
            complete_to = min(complete_to, self._not_after)
        state.now = Now(
            heard_at=arrival,
            journal=report.journal,
            clock=report.clock,
            at=report.at,
            rate_ppb=clocks.rate_ppb,
            complete_to=complete_to,
            whole=complete,
            fw=report.fw,
            battery_mv=report.battery_mv,
        )
        if asset:
            asset.hear(arrival, complete_to, complete, report.battery_mv)
            asset.stand("unpowered" in report.alarms, at.unix if at else arrival)
            if report.open and (report.open.in_use or report.open.events):
                used = clocks.time(report.clock, report.open.at + report.open.span)
                if used:
                    asset.use(used.unix)


def _closed_before(report: wire.Report | wire.Envelope, verdict: Verdict, have_all: bool) -> int | None:
    """The clock below which nothing more can come: records come in order, a batch closes the clocks before its own."""
    if have_all:
        return report.clock
    return report.on if report.records and not verdict.early else None
