"""What the clocks of a loan tell: its delivery, its return, its reviews."""

from typing import Final

import sqlalchemy as sa

from kitback.policy import Key
from kitback.register.tables import judgement
from kitback.watch.case import Case
from kitback.watch.rules.rule import Action, Rule, ask, asked
from kitback.watch.words import day, length, moment

_row = judgement.c


def _loan_period(case: Case) -> Key:
    return ("pathway", case.row.pathway or "", "loan_period")


def _deliver_within(case: Case) -> Key:
    return ("pathway", case.row.pathway or "", "delivery_speed")


def _in_use(case: Case) -> bool:
    return case.used_lately and not case.silent


def _review_or_ask(case: Case) -> Action:
    return Action.REVIEW if _in_use(case) and not case.clinician_only else ask(case)


def _not_delivered(case: Case) -> str:
    by_s = case.row.deliver_by_s or 0
    by = moment(by_s, case.now_s)
    if case.late:
        text = f"Not delivered: it was to be there by {by}, {length(case.now_s - by_s)} ago."
    elif by_s <= case.now_s:
        text = f"It was to be there by {by}; whether it is cannot be known yet, for Kitback was not listening."
    else:
        text = f"Not delivered yet, and it is to be there by {by}."
    if case.clinician_only:
        return f"{text} Chase the driver, not the home: speak to the clinician."
    return f"{text} Chase the delivery, or note when it was made."


def _overdue(case: Case) -> str:
    if case.silent:
        use, question = "and its tag tells nothing of its use", "Ask whether it can come home."
    elif case.used_lately:
        use, question = "but still in use", "Review the loan or change it to long term. Do not collect."
    else:
        use, question = f"and not used for {length(case.unused_s)}", "Ask whether it can come home."
    return f"Due back {_due(case)} {use}. {asked(case, question)}"


def _due_soon(case: Case) -> str:
    if _in_use(case):
        use, question = ", and in use", "Review the loan before then, or change it to long term."
    else:
        use, question = "", "Ask whether it can come home then."
    return f"Due back {_due(case)}{use}. {asked(case, question)}"


def _due(case: Case) -> str:
    due_s = case.row.due_s or 0
    on = day(due_s, case.now_s)
    period = case.pathway and case.pathway.loan_period
    if period and period.after(case.row.loan_from or 0) == due_s:
        return f"{period.words()} after it was lent (on {on})"
    return f"on {on}"


def _review_due(case: Case) -> str:
    lent, review_s = case.row.loan_from or 0, case.row.review_s or 0
    text = f"To be reviewed since {day(review_s, case.now_s)}, {length(review_s - lent)} after it was lent."
    return f"{text} {asked(case, 'Review the loan, and note the review.')}"


not_delivered: Final = Rule(
    name="not_delivered",
    when=lambda limit: sa.and_(_row.loan_from.is_(None), _row.deliver_risk_s <= limit.now_s),
    opens=lambda limit: limit.told_of(_row.deliver_risk_s),
    since=lambda case: case.row.deliver_by_s if case.late else case.row.deliver_risk_s,
    sentence=_not_delivered,
    action=lambda _: Action.CHASE_DELIVERY,
    seen=("prescribed_s", "deliver_risk_s", "deliver_by_s", "heard_at", "place_type"),
    against=_deliver_within,
    needs_whole=False,
)
overdue: Final = Rule(
    name="overdue",
    when=lambda limit: sa.and_(_row.loan_from.is_not(None), _row.due_s <= limit.now_s),
    opens=lambda limit: limit.feed_is_fresh,
    since=lambda case: case.row.due_s,
    sentence=_overdue,
    action=_review_or_ask,
    seen=("loan_from", "due_s", "used_at", "complete_to"),
    against=_loan_period,
    over=("due_soon", "review_due"),
    needs_whole=False,
    asks_of_loan=True,
)
due_soon: Final = Rule(
    name="due_soon",
    when=lambda limit: sa.and_(_row.loan_from.is_not(None), _row.due_soon_s <= limit.now_s),
    opens=lambda limit: limit.feed_is_fresh,
    since=lambda case: case.row.due_soon_s,
    sentence=_due_soon,
    action=_review_or_ask,
    seen=("loan_from", "due_soon_s", "due_s", "used_at", "complete_to"),
    against=lambda _: ("watch", "due_soon"),
    needs_whole=False,
    asks_of_loan=True,
)
review_due: Final = Rule(
    name="review_due",
    when=lambda limit: sa.and_(_row.loan_from.is_not(None), _row.review_s <= limit.now_s),
    since=lambda case: case.row.review_s,
    sentence=_review_due,
    action=lambda case: Action.CLINICIAN if case.clinician_only else Action.REVIEW,
    seen=("loan_from", "review_s"),
    against=lambda case: ("pathway", case.row.pathway or "", "review"),
    needs_whole=False,
    asks_of_loan=True,
)
