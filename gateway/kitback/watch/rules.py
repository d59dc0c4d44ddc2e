"""The rules: what each one looks for, since when, what it asks of staff, and which others it overrules.

A rule is an SQL predicate over `judgement`; everything else is asked of its candidates only. Idle means *ask*, never
*fetch*. What a rule says about use counts up to the last moment the tag has told of, so that silence is not idleness.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from kitback.policy import Key
from kitback.register.tables import judgement, whereabouts
from kitback.watch import sentences
from kitback.watch.case import Case
from kitback.watch.thresholds import Thresholds


class Action(StrEnum):
    """What a flag asks of staff, the most pressing first."""

    SAFETY_CHECK = "safety_check"
    BOOK_IN = "book_in"
    ASK = "ask"
    REVIEW = "review"
    CLINICIAN = "clinician"
    CHECK_TAG = "check_tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing worth staff's attention."""

    name: str
    when: Callable[[Thresholds], sa.ColumnElement[bool]]
    opens: Callable[[Thresholds], sa.ColumnElement[bool]] = lambda _: sa.true()
    """What must hold besides for a flag to open; one that is open stands without it."""
    since: Callable[[Case], int | None]
    """Unix seconds at which what the rule sees began; never None for what `when` selects."""
    sentence: Callable[[Case], str]
    """What was seen, as a clerk would say it. No place, loan or person is named: it is also written to the history."""
    action: Callable[[Case], Action]
    seen: tuple[str, ...]
    """The facts of `Row` that are the evidence."""
    against: Callable[[Case], Key] | None = None
    """The policy's entry that the facts were compared with."""
    over: tuple[str, ...] = ()
    """Rules that have nothing to say about an asset this rule sees."""
    suspends: tuple[str, ...] = ()
    """Rules that may not open a flag on an asset this rule sees: there is no evidence. Their open flags stay."""
    needs_whole: bool = True
    """Whether half of an upload is no evidence, neither to open nor to close."""


_row = judgement.c


def _idle_threshold(case: Case) -> Key:
    return ("kind", case.row.kind, "idle_care_home" if case.row.setting == "care_home" else "idle_home")


def _silent_after(case: Case) -> Key:
    return ("kind", case.row.kind, "silent_after")


def _loan_period(case: Case) -> Key:
    return ("pathway", case.row.pathway, "loan_period")


def _ask(case: Case) -> Action:
    return Action.CLINICIAN if case.clinician_only else Action.ASK


def _check_tag(case: Case) -> Action:
    return Action.CLINICIAN if case.clinician_only else Action.CHECK_TAG


def _review_or_ask(case: Case) -> Action:
    return Action.REVIEW if case.used_lately and not case.silent and not case.clinician_only else _ask(case)


def _safety_check_or_tag(case: Case) -> Action:
    return Action.SAFETY_CHECK if case.kind.safety_check_within else _check_tag(case)


def _away(_: Thresholds) -> sa.ColumnElement[bool]:
    # An address whose anchors nobody has learned is unknown from the first day: that is no move.
    was_there = sa.exists().where(whereabouts.c.asset_id == _row.asset_id, whereabouts.c.place_id == _row.loan_place)
    return sa.and_(
        _row.place_from > _row.loan_from,
        _row.place_type.not_in(("store", "vehicle")),
        sa.or_(sa.and_(_row.place_id.is_(None), was_there), _row.place_id != _row.loan_place),
    )


def _came_from_elsewhere() -> sa.ColumnElement[bool]:
    """Whether it was anywhere before: a tag that is fitted in the store is first heard there, and that is no return."""
    return sa.exists().where(whereabouts.c.asset_id == _row.asset_id, whereabouts.c.from_s < _row.place_from)


RULES: tuple[Rule, ...] = (
    Rule(
        name="unpowered",
        when=lambda limit: sa.and_(_row.unpowered_from.is_not(None), limit.safety_check),
        since=lambda case: case.row.unpowered_from,
        sentence=sentences.unpowered,
        action=lambda _: Action.SAFETY_CHECK,
        seen=("unpowered_from", "heard_at"),
        needs_whole=False,
    ),
    Rule(
        name="silent",
        # Not from before the loan: in the store a pump is unplugged, and its tag asleep.
        when=lambda limit: limit.silent(_row.heard_at, _row.loan_from),
        opens=lambda limit: limit.listened,
        since=lambda case: case.row.heard_at,
        sentence=sentences.silent,
        action=_safety_check_or_tag,
        seen=("heard_at", "complete_to", "battery_mv"),
        against=_silent_after,
        suspends=("idle", "never_used", "off_site"),
        needs_whole=False,
    ),
    Rule(
        name="seen_in_stores",
        when=lambda _: sa.and_(_row.place_type == "store", _row.place_from > _row.loan_from, _came_from_elsewhere()),
        since=lambda case: case.row.place_from,
        sentence=sentences.seen_in_stores,
        action=lambda _: Action.BOOK_IN,
        seen=("place_name", "place_from", "place_seen"),
        over=("idle", "overdue", "off_site", "never_used"),
    ),
    Rule(
        name="overdue",
        when=lambda limit: _row.due_s <= limit.now_s,
        since=lambda case: case.row.due_s,
        sentence=sentences.overdue,
        action=_review_or_ask,
        seen=("loan_from", "due_s", "used_at", "complete_to"),
        against=_loan_period,
        needs_whole=False,
    ),
    Rule(
        name="off_site",
        when=_away,
        since=lambda case: case.row.place_from,
        sentence=sentences.off_site,
        action=_ask,
        seen=("place_name", "place_type", "place_from", "place_seen", "used_at"),
    ),
    Rule(
        name="never_used",
        when=lambda limit: sa.and_(
            _row.used_at.is_(None),
            _row.complete_to - _row.loan_from >= limit.idle,
            _row.complete_to - _row.fitted_at >= limit.idle,
        ),
        since=lambda case: case.watched_from,
        sentence=sentences.never_used,
        action=_ask,
        seen=("loan_from", "fitted_at", "complete_to"),
        against=_idle_threshold,
        over=("idle",),
    ),
    Rule(
        name="idle",
        when=lambda limit: _row.complete_to - _row.used_at >= limit.idle,
        since=lambda case: case.row.used_at,
        sentence=sentences.idle,
        action=_ask,
        seen=("used_at", "complete_to"),
        against=_idle_threshold,
    ),
    Rule(
        name="never_heard",
        when=lambda limit: sa.and_(_row.heard_at.is_(None), limit.silent(_row.loan_from, _row.fitted_at)),
        opens=lambda limit: limit.listened,
        since=lambda case: case.row.fitted_at,
        sentence=sentences.never_heard,
        action=_check_tag,
        seen=("fitted_at", "loan_from"),
        against=_silent_after,
        over=("silent", "idle", "never_used"),
        needs_whole=False,
    ),
)
"""Every rule, in the order in which staff would want to hear of them."""
