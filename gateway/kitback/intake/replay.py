"""Takes in after all what is in quarantine and whose cause is mended: a tag enrolled since, a newer schema.

What is taken in leaves the quarantine in the same transaction, so it is taken in once, however often it is asked for.
What is refused again stays, and says why. What a report said of its tag's state is past: only its records count.

A report comes back as a message `replayed`, and a record as one of `records.replayed`, so that the laws still hold:
received + replayed = accepted + quarantined, and of records applied + duplicate + early + quarantined. In its journal's
account a record moves from `quarantined` to `applied`, beyond `high`.
"""

import hashlib
import logging
from collections import Counter
from typing import Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from kitback import wire
from kitback.clock import Clock, now_s, plausible
from kitback.intake import quarantine
from kitback.intake.opening import Refused, open_message
from kitback.intake.quarantine import WORDS, Kept
from kitback.intake.taking import Arrival, Taking
from kitback.intake.timing import Clocks
from kitback.register import Register, RegisterError, audit_log, counters, outbox, standings, tag_states
from kitback.register.apply import Applying, Locate, Placed
from kitback.register.standings import Fittings
from kitback.register.tag_states import ClockState, Journal, Now, Point, TagState

log = logging.getLogger(__name__)

_HISTORY: Final = "history"


class Outcome(Struct, frozen=True):
    """What came of one thing."""

    quarantine_id: int
    taken: bool
    """Whether it was taken in, and is no longer in quarantine."""
    words: str


class _No(Exception):
    """It cannot be taken in; the words say why."""


class Replay:
    """Takes in what is in quarantine."""

    def __init__(self, register: Register, clock: Clock, locate: Locate, who: str) -> None:
        """Replay into one register, on behalf of somebody."""
        self._register = register
        self._clock = clock
        self._locate = locate
        self._who = who

    def one(self, quarantine_id: int) -> Outcome:
        """Take one thing in, if that can be done now.

        Raises:
            RegisterError: the database failed, or the outbox is full; nothing has changed.
        """
        try:
            with self._register.write() as conn:
                outbox.require_room(conn)
                outcome = Outcome(quarantine_id, True, self._take_in(conn, quarantine_id))
                self._note(conn, outcome)
                return outcome
        except RegisterError:
            raise
        except Refused as again:
            reason, words = again.reason, f"{WORDS[again.reason]}: {again.detail}"
        except _No as no:
            reason, words = None, str(no)
        except Exception as error:
            log.exception("failed on %d in quarantine", quarantine_id)
            reason, words = "failed", f"{WORDS['failed']} ({type(error).__name__})"
        outcome = Outcome(quarantine_id, False, words)
        with self._register.write() as conn:
            if reason is not None:
                quarantine.refuse_again(conn, quarantine_id, reason, words)
            self._note(conn, outcome)
        return outcome

    def _note(self, conn: sa.Connection, outcome: Outcome) -> None:
        what = f"quarantine.replay {outcome.quarantine_id}"
        detail: dict[str, str | int | None] = {"taken": int(outcome.taken), "words": outcome.words}
        audit_log.note(conn, now_s(self._clock), self._who, what, after=detail)

    def _take_in(self, conn: sa.Connection, quarantine_id: int) -> str:
        """Take something off the list and in; returns in words what came of it."""
        tag_id = quarantine.tag_of(conn, quarantine_id)
        # The tag is held before its row is: the intake, beside this on PostgreSQL, comes by them in this order.
        states = tag_states.load(conn, {tag_id})
        fittings = standings.load(conn, {tag_id})
        kept = quarantine.take_off(conn, quarantine_id)
        if kept is None:
            raise _No("it is not in quarantine, or no longer")
        if kept.reason == _HISTORY:
            outbox.append(conn, [kept.payload.removesuffix(b"\n")], now_s(self._clock))
            return "on its way to InfluxDB again"
        if tag_id not in states:
            raise _No("no such tag is enrolled" if tag_id else "its topic names no tag")
        past = _Past(conn, kept, states[tag_id], fittings.get(tag_id, ()))
        words = past.record() if kept.journal else past.report()
        past.applying.finish(conn, self._locate)
        tag_states.store(conn, states.values())
        standings.store(conn, (each.asset for every in fittings.values() for each in every))
        outbox.append(conn, past.applying.lines, now_s(self._clock))
        counters.add(conn, past.counts)
        return words


class _Past:
    """One thing from the quarantine, as it is taken in."""

    def __init__(self, conn: sa.Connection, kept: Kept, state: TagState, fittings: Fittings) -> None:
        self.applying = Applying()
        self.counts: Counter[str] = Counter()
        self._conn = conn
        self._kept = kept
        self._state = state
        self._fittings = fittings

    def report(self) -> str:
        """Take in what a whole report brings, but not how it says that things stand now, unless nothing else is known.

        Returns:
            What came of it, in words.
        """
        kept, state, counts = self._kept, self._state, self.counts
        if hashlib.sha256(kept.payload).hexdigest() != kept.digest:
            raise _No("only its beginning was kept: the tag sends what was in it in smaller pieces")
        opened = open_message(kept.tag_id, state.secret, kept.payload)
        known = set(state.clocks)
        taking = Taking(self._conn, Arrival(kept.first_at, plausible(kept.first_at)), self.applying, counts)
        taken = taking.take_records(opened, state, self._fittings)
        if state.now is None:
            taking.stand(opened.report, state, self._fittings, taken)
        else:
            state.now.rate_ppb = taken.clocks.rate_ppb
        _forget_future(state, known)
        if counts["records.early"]:
            raise _No("records before it are still to come")
        applied, duplicate = counts["records.applied"], counts["records.duplicate"]
        if duplicate and not applied and _has_forgotten(state.journals[opened.report.journal]):
            raise _No("its records were there already, or are among lost ones that the register no longer knows singly")
        counts["replayed"] += 1
        return f"taken in: {applied} records applied, {duplicate} were there already"

    def record(self) -> str:
        """Apply a single record; returns what came of it, in words."""
        kept, state = self._kept, self._state
        try:
            record: wire.Record = wire.record_decoder.decode(kept.payload)
        except msgspec.DecodeError as error:
            raise Refused("bad_record", str(error)) from error
        if record.seq != kept.seq:
            raise _No(f"it says it is number {record.seq}, but stood at number {kept.seq or 'unknown'}")
        account = tag_states.journal(self._conn, state, kept.journal)
        if account is None or account.quarantined == 0 or kept.seq > account.high or state.now is None:
            raise _No("the register knows nothing of it: it is older than the record, and the tag sends it again")
        self.applying.apply(kept.tag_id, self._fittings, _placed(self._conn, kept, state, state.now, record))
        account.quarantined -= 1
        account.applied += 1
        self.counts.update({"records.replayed": 1, "records.applied": 1})
        return "applied"


def _forget_future(state: TagState, known: set[int]) -> None:
    """Drop pairs of clocks that the tag has yet to reach: they are of an old count, from before the tag was erased."""
    for clock in set(state.clocks) - known:
        if state.now and clock > state.now.clock and state.clocks[clock].pairs:
            del state.clocks[clock]


def _has_forgotten(account: Journal) -> bool:
    """Whether more was lost than the gaps say that are still known."""
    return account.lost > sum(gap.size for gap in account.gaps)


def _placed(conn: sa.Connection, kept: Kept, state: TagState, now: Now, record: wire.Record) -> list[Placed]:
    """The record with its time; none if it has to wait for one, as others on its clock do."""
    if kept.clock is None:
        raise _No("it was set aside by an older Kitback, which did not keep what gives it its time")
    if kept.counter is not None and kept.unix is not None:
        # Its own report told the time. The clock's number may mean another by now: a tag that is erased counts anew.
        state = TagState(state.tag_id, b"", clocks={kept.clock: ClockState((Point(kept.counter, kept.unix),))})
    clocks = Clocks(conn, state, now.rate_ppb, kept.first_at if plausible(kept.first_at) else None)
    return clocks.place(kept.journal, kept.clock, [record], now.clock if now.whole else None)[0]
