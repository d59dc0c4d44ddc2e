"""What whereabouts tell: home already, or somewhere else than it was lent to. Location alone never proves non-use."""

from typing import Final

import sqlalchemy as sa

from kitback.register.tables import judgement, whereabouts
from kitback.watch.case import Case
from kitback.watch.rules.rule import Action, Rule, ask, asked
from kitback.watch.thresholds import Thresholds
from kitback.watch.words import day, length

_row = judgement.c
_ELSEWHERE: Final = {
    "unknown": "a place Kitback does not know",
    "care_home": "a care home",
    "hospital": "a hospital",
    "school": "a school",
    "loan_address": "another loan address",
}


def _back(_: Thresholds) -> sa.ColumnElement[bool]:
    # A tag that is fitted in the store is first heard there, and that is no return.
    was_elsewhere = sa.exists().where(whereabouts.c.asset_id == _row.asset_id, whereabouts.c.from_s < _row.place_from)
    return sa.and_(_row.place_from > _row.loan_from, _row.place_type == "store", was_elsewhere)


def _away(_: Thresholds) -> sa.ColumnElement[bool]:
    # An address whose anchors nobody has learned is unknown from the first day: that is no move.
    was_there = sa.exists().where(whereabouts.c.asset_id == _row.asset_id, whereabouts.c.place_id == _row.loan_place)
    return sa.and_(
        _row.place_from > _row.loan_from,
        _row.place_type.not_in(("store", "vehicle")),
        sa.or_(sa.and_(_row.place_id.is_(None), was_there), _row.place_id != _row.loan_place),
    )


def _there(case: Case) -> str:
    place_from = case.row.place_from or 0
    return f"since {day(place_from, case.now_s)} ({length(case.now_s - place_from)})"


def _seen_in_stores(case: Case) -> str:
    return f"On loan, but back in stores {_there(case)}. Check the shelf and book it in."


def _off_site(case: Case) -> str:
    where = _ELSEWHERE.get(case.row.place_type or "", "another place")
    use = ", and still in use" if case.used_lately else ""
    question = asked(case, "Ask where it is now, and correct the loan.")
    return f"Not where it was lent to {_there(case)}: at {where}{use}. {question}"


seen_in_stores: Final = Rule(
    name="seen_in_stores",
    when=_back,
    since=lambda case: case.row.place_from,
    sentence=_seen_in_stores,
    action=lambda _: Action.BOOK_IN,
    seen=("place_name", "place_from", "place_seen"),
    over=("idle", "overdue", "due_soon", "review_due", "off_site", "never_used"),
)
off_site: Final = Rule(
    name="off_site",
    when=_away,
    since=lambda case: case.row.place_from,
    sentence=_off_site,
    action=ask,
    seen=("place_name", "place_type", "place_from", "place_seen", "used_at"),
    waits_for_hold=True,
)
