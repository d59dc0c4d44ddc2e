"""The life of a flag: which moves there are, who may make them, what they need and what they do.

`MOVES` is the whole of it; docs/flags.md shows it to people. Staff move a flag by `move`, the judge by `move_own`. Both
leave one line in the audit log, with what changed as it was and as it is, so that the log read again gives the present.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import Policy
from kitback.register import IllegalMove, audit_log, collections, lines, outbox, tables
from kitback.register.tables import flag, loan
from kitback.watch.rules import Action
from kitback.watch.words import stamp

WATCH: Final = "watch"
"""The judge's name in the audit log."""


class Status(StrEnum):
    """Where a flag is in its life."""

    OPEN = "open"
    CONTACTED = "contacted"
    CONFIRMED = "confirmed"
    STILL_NEEDED = "still_needed"
    HELD = "held"
    SNOOZED = "snoozed"
    COLLECTION = "collection"
    CLOSED = "closed"

    @property
    def words(self) -> str:
        """As staff say it."""
        return self.value.replace("_", " ")


MUTED: Final = (Status.STILL_NEEDED, Status.HELD, Status.SNOOZED)
"""Nothing to do for the time being."""


class Outcome(StrEnum):
    """What came of a flag."""

    NOT_NEEDED = "not_needed"
    AS_SAID = "as_said"
    MOVED = "moved"
    STILL_IN_USE = "still_in_use"
    STILL_NEEDED = "still_needed"
    WRONG_FLAG = "wrong_flag"
    COULD_NOT_REACH = "could_not_reach"
    ENDED = "ended"

    @property
    def words(self) -> str:
        """As staff say it."""
        return _WORDS[self]


_WORDS: Final = {
    Outcome.NOT_NEEDED: "not needed any more",
    Outcome.AS_SAID: "it was as the flag said",
    Outcome.MOVED: "it has moved",
    Outcome.STILL_IN_USE: "still in use",
    Outcome.STILL_NEEDED: "not used just now, but still needed",
    Outcome.WRONG_FLAG: "it was not as the flag said",
    Outcome.COULD_NOT_REACH: "nobody could be reached",
    Outcome.ENDED: "over by itself",
}
RIGHT: Final = (Outcome.NOT_NEEDED, Outcome.AS_SAID, Outcome.MOVED)
"""Staff confirmed the flag."""
WRONG: Final = (Outcome.STILL_IN_USE, Outcome.STILL_NEEDED, Outcome.WRONG_FLAG)
"""Staff did not. The rest says nothing of whether a flag was right."""


class Need(StrEnum):
    """What a move has to be told."""

    WHY = "why"
    UNTIL = "until"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One row of the table: a step from any of some states to another."""

    name: str
    """The verb: of the command, and of the audit log."""
    frm: tuple[Status, ...]
    to: Status
    does: str
    """In words, for the table."""
    by_watch: bool = False
    """Whether it is the judge's own; otherwise it is staff's."""
    suits: frozenset[Action] = frozenset(Action)
    """The kinds of action that it makes sense for."""
    needs: tuple[Need, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    """What may be said to have come of it; the first is meant when nothing is said, unless it `needs` an outcome."""
    nears_home: bool = False
    """Whether somebody is asked, or comes to the door: at the end of life only on a clinician's word."""


_EVERY = frozenset(Action)
_ASKS = frozenset({Action.ASK, Action.CLINICIAN})
_TALKS = _ASKS | {Action.REVIEW}
_URGENT = frozenset({Action.SAFETY_CHECK, Action.WITHDRAW})

MOVES: Final = (
    Move(
        name="contact",
        frm=(Status.OPEN, Status.CONTACTED, Status.SNOOZED),
        to=Status.CONTACTED,
        does="notes that somebody asked, or tried to",
        outcomes=(Outcome.COULD_NOT_REACH,),
        nears_home=True,
    ),
    Move(
        name="confirm",
        frm=(Status.CONTACTED,),
        to=Status.CONFIRMED,
        does="notes that who was asked says so too",
        suits=_ASKS,
        outcomes=(Outcome.NOT_NEEDED, Outcome.AS_SAID, Outcome.MOVED),
    ),
    Move(
        name="confirm",
        frm=(Status.OPEN, Status.CONTACTED),
        to=Status.CONFIRMED,
        does="notes that it is so: staff may have seen it themselves",
        suits=_EVERY - _ASKS,
        outcomes=(Outcome.AS_SAID, Outcome.NOT_NEEDED, Outcome.MOVED),
    ),
    Move(
        name="still-needed",
        frm=(Status.OPEN, Status.CONTACTED, Status.CONFIRMED, Status.SNOOZED, Status.COLLECTION),
        to=Status.STILL_NEEDED,
        does="mutes it until its evidence changes, the loan's next review, or `watch.still_needed` has passed, "
        "whichever comes first",
        suits=_TALKS,
        outcomes=(Outcome.STILL_NEEDED, Outcome.STILL_IN_USE),
    ),
    Move(
        name="snooze",
        frm=(Status.OPEN, Status.CONTACTED),
        to=Status.SNOOZED,
        does="mutes it until then, at most `watch.snooze_at_most`, or until its evidence changes",
        suits=_EVERY - _URGENT,
        needs=(Need.WHY, Need.UNTIL),
    ),
    Move(
        name="collect",
        frm=(Status.CONFIRMED,),
        to=Status.COLLECTION,
        does="asks for it to be fetched: its collection is requested",
        suits=_ASKS,
        needs=(Need.WHY,),
        nears_home=True,
    ),
    Move(
        name="close",
        frm=tuple(each for each in Status if each is not Status.CLOSED),
        to=Status.CLOSED,
        does="is the end of it: the same evidence raises no other flag",
        needs=(Need.OUTCOME,),
        outcomes=(*RIGHT, *WRONG, Outcome.COULD_NOT_REACH),
    ),
    Move(
        name="reopen",
        frm=tuple(each for each in Status if each not in (Status.OPEN, Status.HELD)),
        to=Status.OPEN,
        does="takes back what was decided",
        needs=(Need.WHY,),
    ),
    Move(
        name="hold",
        frm=(Status.OPEN, Status.CONTACTED, Status.SNOOZED),
        to=Status.HELD,
        does="while the loan is held (a stay in hospital), for flags about use and whereabouts",
        by_watch=True,
    ),
    Move(
        name="resume",
        frm=(Status.HELD,),
        to=Status.OPEN,
        does="when the hold is over",
        by_watch=True,
    ),
    Move(
        name="bring-back",
        frm=(Status.STILL_NEEDED, Status.SNOOZED, Status.COLLECTION),
        to=Status.OPEN,
        does="when its mute is over or its evidence has changed; from collection, when that was called off, or it asks "
        "for something else now",
        by_watch=True,
    ),
    Move(
        name="end",
        frm=tuple(each for each in Status if each is not Status.CLOSED),
        to=Status.CLOSED,
        does="when what it saw is over, and a collection with its loan; what staff said came of it stays",
        by_watch=True,
        outcomes=(Outcome.ENDED,),
    ),
)
"""Every move there is."""
STEPS: Final = ("flag.raise", "flag.follow", *sorted({f"flag.{each.name}" for each in MOVES}))
"""What the audit log calls what happens to a flag."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What moves change of a flag: the columns of `flag` by their names."""

    status: Status = Status.OPEN
    status_s: int | None = None
    muted_until: int | None = None
    basis_s: int | None = None
    outcome: Outcome | None = None
    closed_at: int | None = None

    @classmethod
    def of(cls, row: Any) -> "Standing":
        """Of a row of `flag`."""
        return cls(
            status=Status(row.status),
            status_s=row.status_s,
            muted_until=row.muted_until,
            basis_s=row.basis_s,
            outcome=None if row.outcome is None else Outcome(row.outcome),
            closed_at=row.closed_at,
        )


@dataclass(frozen=True, slots=True)
class Own:
    """One move of the judge's own."""

    flag_id: int
    standing: Standing
    to: Status
    why: str


def find(frm: Status, to: Status, action: Action, *, by_watch: bool = False) -> Move | None:
    """The move from one state to another, of a flag that asks for `action`; None: there is none."""
    fits = (each for each in MOVES if frm in each.frm and each.to == to and each.by_watch == by_watch)
    return next((each for each in fits if action in each.suits), None)


def allowed(frm: Status, action: Action) -> list[str]:
    """What staff may do with a flag, by name."""
    return [each.name for each in MOVES if not each.by_watch and frm in each.frm and action in each.suits]


def move(
    conn: sa.Connection,
    flag_id: int,
    to: Status,
    at: int,
    who: str,
    why: str | None,
    *,
    policy: Policy,
    until: int | None = None,
    outcome: Outcome | None = None,
) -> None:
    """Do with a flag what staff decided, at Unix second `at`.

    Args:
        until: when a snooze ends.
        outcome: what came of it.

    Raises:
        IllegalMove: there is no such flag, the table has no such move for it, or something is missing; nothing changed.
    """
    row = conn.execute(
        sa.select(flag, loan.c.pathway, loan.c.review_s)
        .join_from(flag, loan, flag.c.loan_ref == loan.c.loan_ref, isouter=True)
        .where(flag.c.flag_id == flag_id)
    ).one_or_none()
    if row is None:
        raise IllegalMove(f"there is no flag {flag_id}: `kitback flags list` has their numbers")
    before, action = Standing.of(row), Action(json.loads(row.evidence)["action"])
    step = find(before.status, to, action)
    if step is None:
        raise IllegalMove(_refused(flag_id, before.status, to, action))
    clinician_only = row.pathway in policy.pathway and policy.pathway[row.pathway].clinician_only
    _check_given(step, flag_id, why, until, clinician_only)
    _check_time(flag_id, at, row.raised_at, before)
    if before.closed_at is not None:
        _refuse_another(conn, row)
    after = Standing(
        status=to,
        status_s=at,
        muted_until=_muted_until(to, at, until, row.review_s, policy),
        basis_s=row.since if to in (Status.STILL_NEEDED, Status.SNOOZED, Status.CLOSED) else None,
        outcome=_outcome(step, flag_id, before, outcome),
        closed_at=at if to is Status.CLOSED else None,
    )
    _fetch_or_not(conn, policy, row.loan_ref, before, after, at, who, why)
    conn.execute(sa.update(flag).where(flag.c.flag_id == flag_id), asdict(after))
    audit_log.note(conn, at, who, f"flag.{step.name} {flag_id}", why=why, **_changes(before, after))
    if Status.CLOSED in (before.status, to):
        _tell(conn, row, to is not Status.CLOSED, at)


def move_own(conn: sa.Connection, moves: Sequence[Own], at: int) -> None:
    """Make the judge's own moves at `at`; the caller sees to it that the table has them, and tells the history."""
    if not moves:
        return
    changed = [(each, _after_own(each, at)) for each in moves]
    conn.execute(
        sa.update(flag).where(flag.c.flag_id == sa.bindparam("id")),
        [{"id": each.flag_id, **asdict(after)} for each, after in changed],
    )
    audit_log.note_all(
        conn,
        at,
        WATCH,
        (
            audit_log.Noted(f"flag.{_own_name(each)} {each.flag_id}", each.why, **_changes(each.standing, after))
            for each, after in changed
        ),
    )


def history(conn: sa.Connection, flag_id: int) -> list[audit_log.Entry]:
    """What the audit log has on a flag, the oldest first."""
    return audit_log.entries(conn, {f"flag.{each.name} {flag_id}" for each in MOVES})


def _own_name(own: Own) -> str:
    return next(each.name for each in MOVES if each.by_watch and own.standing.status in each.frm and each.to is own.to)


def _after_own(own: Own, at: int) -> Standing:
    if own.to is not Status.CLOSED:
        return Standing(status=own.to, status_s=at)
    return Standing(status=own.to, status_s=at, outcome=own.standing.outcome or Outcome.ENDED, closed_at=at)


def _changes(before: Standing, after: Standing) -> dict[str, dict[str, str | int | None]]:
    """What is not as it was, for the audit log."""
    old, new = asdict(before), asdict(after)
    names = [name for name in old if old[name] != new[name]]
    return {"before": {name: old[name] for name in names}, "after": {name: new[name] for name in names}}


def _refused(flag_id: int, frm: Status, to: Status, action: Action) -> str:
    is_now = f"flag {flag_id} is {frm.words}"
    if any(frm in each.frm and each.to is to and not each.by_watch for each in MOVES):
        return f"{is_now}, and {_NOT_FOR[to].format(action=action.replace('_', ' '))}"
    if frm is Status.HELD:
        return f"{is_now}, because its loan is: end the hold first, or close the flag"
    if frm in (Status.OPEN, Status.CONTACTED) and to is Status.COLLECTION and action in _ASKS:
        return f"{is_now}: nothing is fetched before somebody was asked (contact), and says that it can go (confirm)"
    if frm is Status.OPEN and to is Status.CONFIRMED:
        return f"{is_now}: note first that somebody was asked (contact)"
    return f"{is_now}, and cannot be {to.words} from there; what can be done: {', '.join(allowed(frm, action))}"


_NOT_FOR: Final = {
    Status.STILL_NEEDED: "asks for {action}: that it is still needed is no answer to it",
    Status.SNOOZED: "asks for {action}: that is not put off",
    Status.COLLECTION: "asks for {action}: that is never a reason to fetch it",
    Status.CONFIRMED: "asks for {action}: note first that somebody was asked (contact)",
}


def _check_given(step: Move, flag_id: int, why: str | None, until: int | None, clinician_only: bool) -> None:
    if clinician_only and step.nears_home and not why:
        raise IllegalMove(
            f"flag {flag_id} is about a loan at the end of life: nothing nears the home but on a clinician's word; "
            "say whose, and what they said, as the reason"
        )
    if Need.WHY in step.needs and not why:
        raise IllegalMove(f"to {step.name} flag {flag_id} needs a reason: say why")
    if Need.UNTIL in step.needs and until is None:
        raise IllegalMove(f"to {step.name} flag {flag_id} needs an end: say until when")
    if until is not None and Need.UNTIL not in step.needs:
        raise IllegalMove(f"to {step.name} flag {flag_id} takes no end: leave it out")


def _check_time(flag_id: int, at: int, raised_at: int, before: Standing) -> None:
    latest = raised_at if before.status_s is None else before.status_s
    if at < latest:
        raise IllegalMove(f"flag {flag_id} is {before.status.words} since {stamp(latest)}: give a time after that")


def _refuse_another(conn: sa.Connection, row: Any) -> None:
    another = conn.scalar(
        sa.select(flag.c.flag_id).where(
            flag.c.asset_id == row.asset_id, flag.c.rule == row.rule, flag.c.closed_at.is_(None)
        )
    )
    if another is not None:
        raise IllegalMove(f"flag {row.flag_id} stays closed: flag {another} says the same of {row.asset_id} by now")


def _muted_until(to: Status, at: int, until: int | None, review_s: int | None, policy: Policy) -> int | None:
    if to is Status.STILL_NEEDED:
        longest = policy.watch.still_needed.after(at)
        return min(longest, review_s) if review_s is not None and review_s > at else longest
    if to is not Status.SNOOZED or until is None:
        return None
    longest = policy.watch.snooze_at_most.after(at)
    if not at < until <= longest:
        raise IllegalMove(
            f"a snooze ends after {stamp(at)}, and within {policy.watch.snooze_at_most.words()}, by {stamp(longest)}"
        )
    return until


def _outcome(step: Move, flag_id: int, before: Standing, given: Outcome | None) -> Outcome | None:
    if given is not None and given not in step.outcomes:
        may = f"give one of {', '.join(step.outcomes)}" if step.outcomes else "leave it out"
        raise IllegalMove(f"to {step.name} flag {flag_id} cannot have come to {given.value}: {may}")
    match step.to:
        case Status.CONTACTED:
            return given
        case Status.CONFIRMED | Status.STILL_NEEDED:
            return given or step.outcomes[0]
        case Status.COLLECTION:
            return before.outcome
        case Status.CLOSED:
            if given or before.outcome:
                return given or before.outcome
            raise IllegalMove(f"to {step.name} flag {flag_id} needs an outcome: give one of {', '.join(step.outcomes)}")
        case _:
            return None


def _fetch_or_not(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str | None,
    before: Standing,
    after: Standing,
    at: int,
    who: str,
    why: str | None,
) -> None:
    """What is to be fetched has a collection; what is needed, or was not as its flag said, has none any more."""
    if loan_ref is None:
        return
    asked = collections.asked_for(conn, loan_ref) is not None
    if after.status is Status.COLLECTION and not asked:
        collections.request(conn, policy, loan_ref, at, who=who, why=why)
    taken_back = before.status is Status.COLLECTION and after.status is Status.OPEN
    if asked and (taken_back or after.outcome in WRONG):
        collections.cancel(conn, loan_ref, at, who=who, why=why)


def _tell(conn: sa.Connection, row: Any, is_open: bool, at: int) -> None:
    """Tell the history of a flag that staff closed or opened again.

    A step may be dated back: its line is not, or what the judge told since would pass for the latest word.
    """
    latest = sa.select(tables.outbox.c.made_at).order_by(tables.outbox.c.outbox_id.desc()).limit(1)
    told_s = max(at, conn.scalar(latest) or at)
    # The judge's lines count up from 0 within a second: these come after them.
    line = lines.flag_line(row.asset_id, row.rule, row.kind, is_open, row.since, row.sentence, told_s, seq=-row.flag_id)
    outbox.append(conn, [line], told_s)
