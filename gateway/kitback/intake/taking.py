"""Takes one genuine report into the register: order, time, use and present state, within the caller's savepoint."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from kitback import wire
from kitback.intake import order, quarantine
from kitback.intake.opening import Damaged, Opened, Refused
from kitback.intake.order import Verdict
from kitback.intake.tag_clock import Point
from kitback.intake.timing import Clocks, Noted
from kitback.register import alarms, apply, journals, present
from kitback.register.apply import Fitting, Locate
from kitback.register.journals import Journal
from kitback.register.present import Present

_ROUND_TRIP: Final = 60
"""The longest believable round trip in seconds; tags wait for one."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a report came."""

    unix: int
    trusted: bool
    """Whether the gateway's clock was right: then nothing in the report can be later."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a report."""

    high: int
    """All records up to here are accounted for."""
    lines: list[bytes]
    counts: Counter[str]


def take_report(conn: sa.Connection, opened: Opened, arrival: Arrival, locate: Locate) -> Taken:
    """Take a report in.

    Raises:
        Refused: its sequence numbers cannot be believed.
    """
    tag_id, report = opened.tag_id, opened.report
    journal = journals.read(conn, tag_id, report.journal)
    unseen = 0
    if journal is None:
        unseen = report.oldest - 1
        journal = Journal(base=unseen, high=unseen, newest=report.newest)
    if order.too_far(journal.high, report.oldest, report.newest):
        detail = f"high {journal.high}, oldest {report.oldest}, newest {report.newest}"
        raise Refused("sequence_jump", detail, tag_id, opened.secret)

    written_off = journals.lost(conn, tag_id, report.journal)
    numbers = [seq for seq, _ in opened.batch]
    verdict = order.judge(journal.high, written_off, report.oldest, report.after, numbers)
    batch = [opened.batch[position] for position in verdict.taken]
    sound = [record for _, record in batch if not isinstance(record, Damaged)]
    _set_aside(conn, opened, verdict, arrival)
    counts = _book(journal, report.newest, verdict, len(sound))
    # Overwritten before this register first heard of the journal, or taken in by another register.
    counts["records.before_first_sight"] = unseen
    journals.write(conn, tag_id, report.journal, journal)
    journals.write_lost(conn, tag_id, report.journal, written_off, verdict.lost, arrival.unix)

    before = present.read(conn, tag_id)
    clocks = Clocks(conn, tag_id, before.rate_ppb if before else 0, arrival.unix if arrival.trusted else None)
    if report.pair and _believable(report.pair, report.at, arrival):
        point = Point((report.pair.sent + report.pair.acked) // 2, report.pair.unix)
        if before and report.clock < before.clock and clocks.numbered_anew(point):
            before = None
        clocks.learn(report.clock, point)
    have_all = not verdict.early and journal.high >= journal.newest
    placed, none_wait = clocks.place(
        [Noted(report.journal, report.on, record) for record in sound], _closed_before(report, verdict, have_all)
    )
    fitted = apply.fittings(conn, tag_id)
    lines = apply.apply(conn, tag_id, fitted, placed, locate)
    _stand(conn, opened, clocks, fitted, before, have_all and none_wait, arrival)
    return Taken(verdict.high, lines, counts)


def _set_aside(conn: sa.Connection, opened: Opened, verdict: Verdict, arrival: Arrival) -> None:
    """Put the damaged records of the batch into quarantine, unless they are there already or will come again."""
    if verdict.early:
        return
    numbered = [opened.batch[position] for position in verdict.taken]
    for seq, record in (*numbered, *((None, record) for record in opened.unnumbered)):
        if isinstance(record, Damaged):
            quarantine.keep_record(
                conn, opened.tag_id, opened.report.journal, seq, record.detail, record.raw, arrival.unix
            )


def _book(journal: Journal, newest: int, verdict: Verdict, applied: int) -> Counter[str]:
    """Enter a verdict into the journal's account; returns the same for the service's counters."""
    lost = sum(len(each) for each in verdict.lost)
    counts = Counter(
        {
            "accepted": 1,
            "early": int(verdict.early),
            "records.applied": applied,
            "records.quarantined": len(verdict.taken) - applied,
            "records.duplicate": verdict.duplicates,
            "records.lost": lost - journal.lost + verdict.found,
            "records.found": verdict.found,
        }
    )
    journal.high = verdict.high
    journal.newest = max(journal.newest, newest)
    journal.applied += applied
    journal.quarantined += len(verdict.taken) - applied
    journal.duplicate += verdict.duplicates
    journal.lost = lost
    return counts


def _believable(pair: wire.Pair, at: int, arrival: Arrival) -> bool:
    in_order = pair.sent <= pair.acked <= at and pair.acked - pair.sent <= _ROUND_TRIP
    return in_order and (not arrival.trusted or pair.unix <= arrival.unix)


def _closed_before(report: wire.Report | wire.Envelope, verdict: Verdict, have_all: bool) -> int | None:
    """The clock below which nothing more can come: records come in order, a batch closes the clocks before its own."""
    if have_all:
        return report.clock
    return report.on if report.records and not verdict.early else None


def _stand(
    conn: sa.Connection,
    opened: Opened,
    clocks: Clocks,
    fitted: Sequence[Fitting],
    before: Present | None,
    complete: bool,
    arrival: Arrival,
) -> None:
    """Note how the tag and its asset stand now, unless a later report has said so already."""
    report = opened.report
    on = apply.fitted_at(fitted, arrival.unix)
    at = clocks.time(report.clock, report.at)
    # What waited in the broker while the tag went to another asset says nothing of that one.
    asset_id = on.asset_id if on and (at is None or at.unix >= on.from_s) else None
    if before and before.journal == report.journal and (report.clock, report.at) < (before.clock, before.at):
        late = replace(before, heard_at=arrival.unix, rate_ppb=clocks.rate_ppb, whole=complete)
        present.note(conn, opened.tag_id, late, asset_id)
        return
    complete_to = before.complete_to if before else None
    if complete and at:
        complete_to = max(complete_to or 0, at.unix)
        clocks.forget(report.clock)
    now = Present(
        heard_at=arrival.unix,
        journal=report.journal,
        clock=report.clock,
        at=report.at,
        rate_ppb=clocks.rate_ppb,
        complete_to=complete_to,
        whole=complete,
        fw=report.fw,
        battery_mv=report.battery_mv,
    )
    present.note(conn, opened.tag_id, now, asset_id)
    if asset_id is not None:
        alarms.stand(conn, asset_id, "unpowered" in report.alarms, at.unix if at else arrival.unix)
        if report.open and (report.open.in_use or report.open.events):
            used = clocks.time(report.clock, report.open.at + report.open.span)
            if used:
                apply.note_use(conn, asset_id, used.unix)
