"""What keeps people safe: lost power, recalls, services and thorough examinations.

Kitback is asset management and no alarm: the pump's own alarm is the control.
"""

from typing import Final

import sqlalchemy as sa

from kitback.policy import Period
from kitback.register.tables import judgement
from kitback.watch.case import Case
from kitback.watch.rules.rule import Action, Rule, asked
from kitback.watch.words import day, length, moment

_row = judgement.c


def check_within(case: Case, from_s: int) -> str:
    """By when the safety check is to be made, if it became one at `from_s`."""
    by_s = from_s + (case.kind.safety_check_within.seconds if case.kind.safety_check_within else 0)
    by = f"by {moment(by_s, case.now_s)}"
    when = by if case.now_s < by_s else f"now (it was to be made {by})"
    who = ", through the clinician only" if case.clinician_only else ""
    return f"Safety check {when}{who}: is it switched on and inflated?"


def _unpowered(case: Case) -> str:
    off_from = case.row.unpowered_from or 0
    off = f"{length(case.now_s - off_from)} (since {moment(off_from, case.now_s)})"
    return f"No mains power for {off} while someone was on it. {check_within(case, off_from)}"


def _recall(case: Case) -> str:
    text = f"Called back by safety notice {case.row.recall_ref} since {day(case.row.recalled_from or 0, case.now_s)}."
    if case.row.loan_ref is None:
        return f"{text} Do not lend it."
    if case.row.loan_from is None:
        return f"{text} Do not deliver it: send another."
    return f"{text} Replace it{', through the clinician only' if case.clinician_only else ''}, and take it out of use."


def _service(case: Case) -> Action:
    return Action.CLINICIAN if case.clinician_only else Action.SERVICE


def _due(case: Case, due_s: int) -> str:
    on = day(due_s, case.now_s)
    return f"is due by {on}" if case.now_s < due_s else f"was due on {on}, {length(case.now_s - due_s)} ago"


def _warned_or_due(case: Case, due_s: int | None, warning: Period) -> int | None:
    return due_s if due_s is None or due_s <= case.now_s else warning.before(due_s)


def _service_due(case: Case) -> str:
    text = f"Its service {_due(case, case.row.service_due_s or 0)}."
    if case.row.loan_from is None:
        return f"{text} Have it serviced before it is lent."
    return f"{text} {asked(case, 'Book a visit.')}"


def _thorough_exam_due(case: Case) -> str:
    due_s = case.row.exam_due_s or 0
    text = f"Its thorough examination {_due(case, due_s)}"
    if case.row.loan_from is None:
        return f"{text}. Have it examined before it is lent."
    if not case.row.used_by_paid_carers:
        why = ", by the service's own interval: LOLER does not apply while no paid carers use it"
    elif case.now_s < due_s:
        why = "; LOLER applies, for paid carers use it"
    else:
        why = "; LOLER applies, for paid carers use it, and should not before it is examined"
    return f"{text}{why}. {asked(case, 'Book the examiner.')}"


unpowered: Final = Rule(
    name="unpowered",
    when=lambda limit: sa.and_(_row.unpowered_from.is_not(None), _row.loan_from.is_not(None), limit.safety_check),
    since=lambda case: case.row.unpowered_from,
    sentence=_unpowered,
    action=lambda _: Action.SAFETY_CHECK,
    seen=("unpowered_from", "heard_at"),
    against=lambda case: ("kind", case.row.kind, "safety_check_within"),
    needs_whole=False,
)
recall: Final = Rule(
    name="recall",
    when=lambda limit: _row.recalled_from <= limit.now_s,
    since=lambda case: case.row.recalled_from,
    sentence=_recall,
    action=lambda _: Action.WITHDRAW,
    seen=("recall_ref", "recalled_from"),
    needs_whole=False,
    of_asset=True,
)
service_due: Final = Rule(
    name="service_due",
    when=lambda limit: _row.service_due_s <= limit.service_warned_s,
    since=lambda case: _warned_or_due(case, case.row.service_due_s, case.watch.service_warning),
    sentence=_service_due,
    action=_service,
    seen=("service_due_s",),
    against=lambda case: ("kind", case.row.kind, "service_every"),
    needs_whole=False,
    of_asset=True,
)
thorough_exam_due: Final = Rule(
    name="thorough_exam_due",
    when=lambda limit: _row.exam_due_s <= limit.exam_warned_s,
    since=lambda case: _warned_or_due(case, case.row.exam_due_s, case.watch.exam_warning),
    sentence=_thorough_exam_due,
    action=_service,
    seen=("exam_due_s", "used_by_paid_carers"),
    against=lambda case: ("kind", case.row.kind, "examine_every"),
    needs_whole=False,
    of_asset=True,
)
