"""What a tag tells of itself: silent, never heard, its battery low. Silence is not idleness."""

from typing import Final

import sqlalchemy as sa

from kitback.policy import Key
from kitback.register.tables import judgement
from kitback.watch.case import Case
from kitback.watch.rules.rule import Action, Rule, asked
from kitback.watch.rules.safety import check_within
from kitback.watch.words import day, length, moment

_row = judgement.c


def _silent_after(case: Case) -> Key:
    return ("kind", case.row.kind, "silent_after")


def _check_tag(case: Case) -> Action:
    return Action.CLINICIAN if case.clinician_only else Action.CHECK_TAG


def _safety_check_or_tag(case: Case) -> Action:
    return Action.SAFETY_CHECK if case.kind.safety_check_within else _check_tag(case)


def _silent(case: Case) -> str:
    heard_at = case.row.heard_at or 0
    text = f"Nothing heard from its tag for {length(case.now_s - heard_at)} (since {moment(heard_at, case.now_s)})."
    if case.battery_low:
        text += " Its battery was low before it fell silent."
    if case.kind.safety_check_within:
        silent_s = max(heard_at, case.row.loan_from or 0) + case.kind.silent_after.seconds
        return f"{text} {check_within(case, silent_s)}"
    return f"{text} Whether it is used is not known. {asked(case, 'Have the tag looked at on the next visit.')}"


def _never_heard(case: Case) -> str:
    fitted_at = case.row.fitted_at or 0
    fitted = f"{length(case.now_s - fitted_at)} ago (on {day(fitted_at, case.now_s)})"
    question = asked(case, "Have the tag looked at on the next visit.")
    return f"Its tag has not been heard once since it was fitted {fitted}. Whether it is used is not known. {question}"


def _battery_low(case: Case) -> str:
    volts = f"{(case.row.battery_mv or 0) / 1000:.1f} V"
    if case.row.loan_ref is None:
        return f"The battery of its tag is low ({volts}). Change it before it is lent."
    return f"The battery of its tag is low ({volts}). {asked(case, 'Have it changed on the next visit.')}"


silent: Final = Rule(
    name="silent",
    # Not from before the loan: in the store a pump is unplugged, and its tag asleep.
    when=lambda limit: limit.silent(_row.heard_at, _row.loan_from),
    opens=lambda limit: limit.listened,
    since=lambda case: case.row.heard_at,
    sentence=_silent,
    action=_safety_check_or_tag,
    seen=("heard_at", "complete_to", "battery_mv"),
    against=_silent_after,
    suspends=("idle", "never_used", "off_site"),
    needs_whole=False,
)
never_heard: Final = Rule(
    name="never_heard",
    when=lambda limit: sa.and_(_row.heard_at.is_(None), limit.silent(_row.loan_from, _row.fitted_at)),
    opens=lambda limit: limit.listened,
    since=lambda case: case.row.fitted_at,
    sentence=_never_heard,
    action=_check_tag,
    seen=("fitted_at", "loan_from"),
    against=_silent_after,
    over=("silent", "idle", "never_used"),
    needs_whole=False,
)
battery_low: Final = Rule(
    name="battery_low",
    when=lambda limit: limit.battery_stays_low,
    opens=lambda limit: limit.battery_low,
    since=lambda case: case.row.heard_at,
    keeps_since=True,
    sentence=_battery_low,
    action=_check_tag,
    seen=("battery_mv", "heard_at"),
    against=lambda case: ("kind", case.row.kind, "low_battery_mv"),
    needs_whole=False,
    of_asset=True,
)
