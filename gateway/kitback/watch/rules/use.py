"""What use tells: equipment that is not used, or is used though the register has it on no loan.

What is said about use counts up to the last moment the tag has told of, so that silence is not idleness.
"""

from typing import Final

import sqlalchemy as sa

from kitback.policy import Key
from kitback.register.tables import judgement
from kitback.watch import use_days
from kitback.watch.case import Case, free_since
from kitback.watch.rules.rule import Action, Rule, ask, asked
from kitback.watch.thresholds import Thresholds
from kitback.watch.words import day, length

_OLD_NEWS_S: Final = 86400
"""What the tag last told of is dated in the sentence when it is older than this."""
_STILL_NEEDED: Final = "Ask whether it is still needed."
_row = judgement.c


def _threshold(case: Case) -> Key:
    return ("kind", case.row.kind, "idle_care_home" if case.row.setting == "care_home" else "idle_home")


def _known_to(case: Case) -> str:
    told = case.row.complete_to or 0
    if case.now_s - told <= _OLD_NEWS_S:
        return ""
    return f", as far as its tag has told (to {day(told, case.now_s)})"


def _began(case: Case) -> str:
    return "it was lent" if case.watched_from == case.row.loan_from else "its tag was fitted"


def _idle(case: Case) -> str:
    unused, since = length(case.unused_s), day(case.row.used_at or 0, case.now_s)
    return f"Not used for {unused} (since {since}){_known_to(case)}. {asked(case, _STILL_NEEDED)}"


def _hardly_used(case: Case, since: int, days: int) -> str:
    return f"Used {_on_days(case, days)} since {day(since, case.now_s)}{_known_to(case)}. {asked(case, _STILL_NEEDED)}"


def _on_days(case: Case, days: int) -> str:
    last = day(case.row.used_at or 0, case.now_s)
    return f"on {last} only" if days == 1 else f"on {days} days only, last on {last},"


def _never_used(case: Case) -> str:
    since = f"{_began(case)} {length(case.unused_s)} ago (on {day(case.watched_from, case.now_s)})"
    return f"Not used once since {since}{_known_to(case)}. {asked(case, _STILL_NEEDED)}"


def _hardly_used_ever(case: Case, since: int, days: int) -> str:
    began = f"{_began(case)} (on {day(since, case.now_s)})"
    return f"Used {_on_days(case, days)} since {began}{_known_to(case)}. {asked(case, _STILL_NEEDED)}"


def _never_used_when(limit: Thresholds) -> sa.ColumnElement[bool]:
    return sa.and_(
        _row.used_at.is_(None),
        limit.idle(_row.complete_to - _row.loan_from, _row.complete_to - _row.fitted_at),
    )


def _home_long_enough(limit: Thresholds) -> sa.ColumnElement[bool]:
    # Days in hospital are no idleness of somebody who came home. What was asked before stands.
    return sa.or_(_row.home_from.is_(None), limit.idle(_row.complete_to - _row.home_from))


def _used_free(limit: Thresholds) -> sa.ColumnElement[bool]:
    # One day is no evidence: somebody tried it out, or it was in use until the van came.
    days = use_days.over(_row.asset_id, free_since, _row.used_at)
    return sa.and_(
        _row.loan_ref.is_(None),
        _row.used_at > free_since,
        sa.func.coalesce(_row.place_type, "unknown").not_in(("store", "vehicle")),
        days >= limit.steady_use_days,
    )


def _in_use_not_on_loan(case: Case) -> str:
    row, now_s = case.row, case.now_s
    first, last = day(row.used_free_from or 0, now_s), day(row.used_at or 0, now_s)
    return (
        f"In use since {first}, last on {last}, though the register has it on no loan. "
        "Find out where it went, and put the loan right."
    )


never_used: Final = Rule(
    name="never_used",
    when=_never_used_when,
    opens=_home_long_enough,
    since=lambda case: case.watched_from,
    sentence=_never_used,
    after_stray_use=_hardly_used_ever,
    action=ask,
    seen=("loan_from", "fitted_at", "home_from", "used_at", "complete_to"),
    against=_threshold,
    over=("idle",),
    asks_of_loan=True,
    waits_for_hold=True,
)
idle: Final = Rule(
    name="idle",
    when=lambda limit: sa.and_(_row.loan_from.is_not(None), limit.idle(_row.complete_to - _row.used_at)),
    opens=_home_long_enough,
    since=lambda case: case.row.used_at,
    sentence=_idle,
    after_stray_use=_hardly_used,
    action=ask,
    seen=("used_at", "home_from", "complete_to"),
    against=_threshold,
    asks_of_loan=True,
    waits_for_hold=True,
)
in_use_not_on_loan: Final = Rule(
    name="in_use_not_on_loan",
    when=_used_free,
    since=lambda case: case.row.used_free_from,
    sentence=_in_use_not_on_loan,
    action=lambda _: Action.CORRECT,
    seen=("free_from", "used_free_from", "used_at", "place_type"),
    against=lambda _: ("watch", "steady_use_days"),
    over=("not_back",),
)
