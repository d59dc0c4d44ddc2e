"""What each rule says, as a clerk would: what was seen, for how long, and what to do about it.

No place, loan or person is named, because sentences are also written to the history. Nothing here prompts contact with
a home on a pathway that is the clinician's alone.
"""

from kitback.watch.case import Case
from kitback.watch.words import day, length, moment

_OLD_NEWS_S = 86400
"""What the tag last told of is dated in the sentence when it is older than this."""


def idle(case: Case) -> str:
    """In use once, then no more."""
    unused, since = length(case.unused_s), day(case.row.used_at or 0, case.now_s)
    return f"Not used for {unused} (since {since}){_known_to(case)}. {_ask(case, 'Ask whether it is still needed.')}"


def never_used(case: Case) -> str:
    """Not in use once, as far back as anyone can tell."""
    began = "it was lent" if case.watched_from == case.row.loan_from else "its tag was fitted"
    since = f"{began} {length(case.unused_s)} ago (on {day(case.watched_from, case.now_s)})"
    return f"Not used once since {since}{_known_to(case)}. {_ask(case, 'Ask whether it is still needed.')}"


def overdue(case: Case) -> str:
    """Past its loan period; in use, that is a review and never a collection."""
    if case.silent:
        use, question = "and its tag tells nothing of its use", "Ask whether it can come home."
    elif case.used_lately:
        use, question = "but still in use", "Review the loan or change it to long term. Do not collect."
    else:
        use, question = f"and not used for {length(case.unused_s)}", "Ask whether it can come home."
    return f"Due back {_due(case)} {use}. {_ask(case, question)}"


def silent(case: Case) -> str:
    """Heard before, but not for longer than it may be quiet."""
    heard_at = case.row.heard_at or 0
    text = f"Nothing heard from its tag for {length(case.now_s - heard_at)} (since {moment(heard_at, case.now_s)})."
    if case.battery_low:
        text += " Its battery was low before it fell silent."
    if case.kind.safety_check_within:
        return f"{text} {_safety_check(case)}"
    return f"{text} Whether it is used is not known. {_ask(case, 'Have the tag looked at on the next visit.')}"


def never_heard(case: Case) -> str:
    """Fitted, and not heard since."""
    fitted_at = case.row.fitted_at or 0
    fitted = f"{length(case.now_s - fitted_at)} ago (on {day(fitted_at, case.now_s)})"
    question = _ask(case, "Have the tag looked at on the next visit.")
    return f"Its tag has not been heard once since it was fitted {fitted}. Whether it is used is not known. {question}"


def unpowered(case: Case) -> str:
    """Without mains while someone was on it."""
    off_from = case.row.unpowered_from or 0
    off = f"{length(case.now_s - off_from)} (since {moment(off_from, case.now_s)})"
    return f"No mains power for {off} while someone was on it. {_safety_check(case)}"


def seen_in_stores(case: Case) -> str:
    """Home already, while the register still says on loan."""
    return f"On loan, but back in stores {_there(case)}. Check the shelf and book it in."


def off_site(case: Case) -> str:
    """Somewhere else than it was lent to."""
    where = {
        "unknown": "a place Kitback does not know",
        "care_home": "a care home",
        "hospital": "a hospital",
        "school": "a school",
        "loan_address": "another loan address",
    }.get(case.row.place_type or "", "another place")
    use = ", and still in use" if case.used_lately else ""
    question = _ask(case, "Ask where it is now, and correct the loan.")
    return f"Not where it was lent to {_there(case)}: at {where}{use}. {question}"


def _ask(case: Case, question: str) -> str:
    return "Nothing automated: speak to the clinician." if case.clinician_only else question


def _safety_check(case: Case) -> str:
    if case.clinician_only:
        return "Safety check, through the clinician only: is it switched on and inflated?"
    within = case.kind.safety_check_within
    return f"Safety check{f' within {within.words()}' if within else ''}: is it switched on and inflated?"


def _known_to(case: Case) -> str:
    told = case.row.complete_to or 0
    if case.now_s - told <= _OLD_NEWS_S:
        return ""
    return f", as far as its tag has told (to {day(told, case.now_s)})"


def _due(case: Case) -> str:
    due_s = case.row.due_s or 0
    on = day(due_s, case.now_s)
    period = case.pathway and case.pathway.loan_period
    if period and period.after(case.row.loan_from) == due_s:
        return f"{period.words()} after it was lent (on {on})"
    return f"on {on}"


def _there(case: Case) -> str:
    place_from = case.row.place_from or 0
    return f"since {day(place_from, case.now_s)} ({length(case.now_s - place_from)})"
