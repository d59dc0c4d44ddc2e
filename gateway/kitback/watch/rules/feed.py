"""Where the provider's feed and a tag contradict each other: delivered but not moved, returned but still out.

What staff entered they saw. A feed tells what somebody typed elsewhere, often of a whole van: the tag knows better.
"""

from typing import Final

import sqlalchemy as sa

from kitback.register.tables import judgement, loan
from kitback.watch.case import Case
from kitback.watch.rules.rule import Action, Rule
from kitback.watch.thresholds import Thresholds
from kitback.watch.words import day, moment

_row = judgement.c
_NO_HOME: Final = ("store", "vehicle")


def _stays(limit: Thresholds) -> sa.ColumnElement[bool]:
    told = sa.exists().where(loan.c.loan_ref == _row.loan_ref, loan.c.delivered_by == "feed")
    return sa.and_(
        _row.fed_by.is_not(None),
        _row.place_from <= _row.loan_from,
        _row.place_seen >= _row.loan_from + limit.contradicted_after_s,
        _row.place_id.is_not(None),
        _row.place_id != _row.loan_place,
        _row.place_type != "vehicle",
        told,
    )


def _still_there(limit: Thresholds) -> sa.ColumnElement[bool]:
    lent_there = sa.exists().where(
        loan.c.asset_id == _row.asset_id,
        loan.c.to_s == _row.free_from,
        loan.c.place_id == _row.place_id,
        loan.c.fed_by.is_not(None),
    )
    return sa.and_(
        _row.loan_ref.is_(None),
        _row.place_seen >= _row.free_from + limit.contradicted_after_s,
        _row.place_type.not_in(_NO_HOME),
        lent_there,
    )


def _heard(case: Case) -> str:
    return f"heard there at {moment(case.row.place_seen or 0, case.now_s)}"


def _not_moved(case: Case) -> str:
    told = f"The provider's feed says it was delivered on {day(case.row.loan_from or 0, case.now_s)}"
    if case.row.place_type == "store":
        return (
            f"{told}, but it is still in stores ({_heard(case)}). Check the shelf; deliver it, or put the loan right."
        )
    question = "Speak to the driver, not the home." if case.clinician_only else "Ask the driver what was delivered."
    return f"{told}, but it has not moved from where it was before ({_heard(case)}). {question} Put the loan right."


def _not_back(case: Case) -> str:
    return (
        f"The provider's feed says it came back on {day(case.row.free_from or 0, case.now_s)}, but it is still where "
        f"it was lent to ({_heard(case)}). Find out from the driver, and put the loan right."
    )


not_moved: Final = Rule(
    name="not_moved",
    when=_stays,
    since=lambda case: case.row.loan_from,
    sentence=_not_moved,
    action=lambda _: Action.CORRECT,
    seen=("loan_from", "place_name", "place_type", "place_from", "place_seen"),
    against=lambda _: ("feed", "contradicted_after"),
    over=("idle", "overdue", "due_soon", "review_due", "never_used"),
)
not_back: Final = Rule(
    name="not_back",
    when=_still_there,
    since=lambda case: case.row.free_from,
    sentence=_not_back,
    action=lambda _: Action.CORRECT,
    seen=("free_from", "place_name", "place_type", "place_seen"),
    against=lambda _: ("feed", "contradicted_after"),
)
