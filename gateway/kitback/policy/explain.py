"""Which clocks apply to a loan, when each falls, and the arithmetic in words. The moments are the policy's own."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct

from kitback.policy.calendar import bank_holiday, is_working_day
from kitback.policy.model import Kind, Pathway
from kitback.policy.period import LONDON, Period
from kitback.policy.policy import Entry, Key, Policy

_NOT_PRESCRIBED = "Nobody noted when it was prescribed."
_NOT_DELIVERED = "It has not been delivered."


class Facts(Struct, frozen=True, kw_only=True):
    """What the register knows of a loan and its equipment; times in Unix seconds, None where nothing is known."""

    kind: str
    pathway: str
    setting: str
    speed: str | None
    """The delivery speed chosen for the loan; None is the pathway's."""
    prescribed_s: int | None
    delivered_s: int | None
    due_own_s: int | None
    """When it is due back, if that was agreed for this loan; None is the pathway's."""
    reviewed_s: int | None
    serviced_s: int | None
    examined_s: int | None


class Reckoned(Struct, frozen=True):
    """One clock of a loan."""

    clock: str
    """Its name; of those that the register keeps, the name of the column without `_s`."""
    at_s: int | None
    """When it falls; None when it has no date, or none yet."""
    words: str
    """How that comes about, or why there is no date."""
    rests_on: dict[str, Entry]
    """The lines of the policy that it follows from, by their keys."""


def explain(policy: Policy, loan: Facts, now_s: int) -> Iterator[Reckoned]:
    """Every clock of a loan, from its prescription to its collection, then those of its equipment.

    Raises:
        PolicyError: the policy has no such pathway, setting, delivery speed or kind.
    """
    clocks = policy.clocks(loan.pathway, loan.setting, loan.speed, loan.prescribed_s, loan.delivered_s)
    case = _Case(policy, loan, policy.pathway[loan.pathway], policy.kind[loan.kind])
    yield _response(case, clocks.team_response_s)
    yield from _delivery(case, clocks.deliver_risk_s, clocks.deliver_by_s)
    yield _review(case)
    yield from _due(case, clocks.due_s)
    yield _collection(case, now_s)
    yield _upkeep(case, "service_due", "service_every", case.kind.service_every, "serviced", loan.serviced_s)
    examined = ("examine_every", case.kind.examine_every, "thoroughly examined", loan.examined_s)
    yield _upkeep(case, "exam_due", *examined)
    yield from _lengths(case)


class _Case(Struct, frozen=True):
    """A loan, and what the policy says of its like."""

    policy: Policy
    loan: Facts
    pathway: Pathway
    kind: Kind

    def of_pathway(self, field: str) -> Key:
        return ("pathway", self.loan.pathway, field)

    def of_kind(self, field: str) -> Key:
        return ("kind", self.loan.kind, field)

    def reckoned(self, clock: str, at_s: int | None, words: str, *rests_on: Key) -> Reckoned:
        return Reckoned(clock, at_s, words, {".".join(key): self.policy.entries[key] for key in rests_on})


def _response(case: _Case, at_s: int | None) -> Reckoned:
    period, hours, referred_s = case.pathway.team_response, case.pathway.hours, case.loan.prescribed_s
    rests_on = case.of_pathway("team_response")
    if period is None:
        return case.reckoned("team_response", None, f"None is promised for {case.pathway.name}.", rests_on)
    if referred_s is None:
        return case.reckoned("team_response", None, _NOT_PRESCRIBED, rests_on)
    if hours is None:
        words = f"{_sum(period, 'it was prescribed', referred_s)} The team is on duty day and night."
        return case.reckoned("team_response", at_s, words, rests_on, case.of_pathway("hours"))
    words, counted_from, on_s = "", "it was prescribed", hours.opening(referred_s)
    if on_s != referred_s:
        words = f"It was prescribed at {moment(referred_s)}, while the team was off duty. "
        counted_from = "it came on"
    duty = f"The team is on duty {hours.words()}, every day."
    if period.hours:
        words += f"{period.words()} on duty after {counted_from} ({moment(on_s)}). {duty}"
    else:
        words += f"{_sum(period, counted_from, on_s)} {duty}"
    return case.reckoned("team_response", at_s, words, rests_on, case.of_pathway("hours"))


def _delivery(case: _Case, risk_s: int | None, by_s: int | None) -> Iterator[Reckoned]:
    prescribed_s, delivered_s = case.loan.prescribed_s, case.loan.delivered_s
    name = case.loan.speed or case.pathway.delivery_speed
    speed = case.policy.delivery_speed[name]
    rests_on: list[Key] = [("delivery_speed", name, "within")]
    if case.loan.speed is None:
        rests_on.insert(0, case.of_pathway("delivery_speed"))
    if prescribed_s is None:
        yield case.reckoned("deliver_by", None, _NOT_PRESCRIBED, *rests_on)
        return
    warning = f"{speed.warn_before.words()} before the delivery is due."
    yield case.reckoned("deliver_risk", risk_s, warning, ("delivery_speed", name, "warn_before"))
    whose = "chosen for this loan" if case.loan.speed else f"as {case.pathway.name} has it"
    words = f"{speed.name}, {whose}: {_sum(speed.within, 'it was prescribed', prescribed_s)}"
    if delivered_s is not None:
        words += f" It was delivered at {moment(delivered_s)}."
    yield case.reckoned("deliver_by", by_s, words, *rests_on)


def _review(case: _Case) -> Reckoned:
    delivered_s, reviewed_s = case.loan.delivered_s, case.loan.reviewed_s
    first, again = case.of_pathway("review"), case.of_pathway("review_again")
    if delivered_s is None:
        return case.reckoned("review", None, _NOT_DELIVERED, first)
    at_s = case.policy.next_review(case.loan.pathway, delivered_s, reviewed_s)
    words = _sum(case.pathway.review, "it was delivered", delivered_s)
    whose = " It is the clinician's." if case.pathway.clinician_only else ""
    if reviewed_s is None:
        return case.reckoned("review", at_s, f"{words}{whose}", first)
    held = f"It was reviewed at {moment(reviewed_s)}"
    if not case.policy.review_counts(case.loan.pathway, delivered_s, reviewed_s):
        words = f"{held}, too early to count for the first review: {words}{whose}"
        return case.reckoned("review", at_s, words, first, ("watch", "due_soon"))
    if case.pathway.review_again is None:
        return case.reckoned("review", None, f"{held}; no other follows.", again)
    return case.reckoned("review", at_s, f"{_sum(case.pathway.review_again, 'the review', reviewed_s)}{whose}", again)


def _due(case: _Case, due_s: int | None) -> Iterator[Reckoned]:
    delivered_s, period = case.loan.delivered_s, case.pathway.loan_period
    rests_on = [case.of_pathway("loan_period")]
    if delivered_s is None:
        yield case.reckoned("due", None, _NOT_DELIVERED, *rests_on)
        return
    if case.loan.due_own_s is not None:
        due_s, words, rests_on = case.loan.due_own_s, "Agreed for this loan.", []
    elif period is not None and due_s is not None:
        words = _sum(period, "it was delivered", delivered_s)
    else:
        yield case.reckoned("due", None, f"A loan for {case.pathway.name} has no end.", *rests_on)
        return
    soon_s, notice = case.policy.due_soon(delivered_s, due_s), case.policy.watch.due_soon
    before = f"{notice.words()} before it is due back"
    before += "." if soon_s == notice.before(due_s) else " would be more than half of the loan, so halfway."
    yield case.reckoned("due_soon", soon_s, before, ("watch", "due_soon"))
    yield case.reckoned("due", due_s, words, *rests_on)


def _collection(case: _Case, now_s: int) -> Reckoned:
    rests_on = case.of_pathway("collect_within_working_days")
    days, by_s = case.pathway.collect_within_working_days, case.policy.collect_by(case.loan.pathway, now_s)
    if days is None or by_s is None:
        return case.reckoned("collect_by", None, "When the clinician or the family says so, at their pace.", rests_on)
    off = "; ".join(_days_off(now_s, by_s))
    example = f"Asked for now, by the end of {_day(_london(by_s))}" + (f", not counting {off}." if off else ".")
    words = f"{days} working days after somebody asks for the collection. {example}"
    return case.reckoned("collect_by", None, words, rests_on)


def _upkeep(case: _Case, clock: str, field: str, every: Period | None, done: str, done_s: int | None) -> Reckoned:
    rests_on = case.of_kind(field)
    if every is None:
        return case.reckoned(clock, None, f"A {case.kind.name} needs none.", rests_on)
    if done_s is None:
        return case.reckoned(clock, None, f"Nobody noted when it was last {done}.", rests_on)
    return case.reckoned(clock, every.after(done_s), _sum(every, f"it was {done}", done_s), rests_on)


def _lengths(case: _Case) -> Iterator[Reckoned]:
    setting, kind = case.loan.setting, case.kind
    where = {"home": "At home", "care_home": "In a care home"}.get(setting, f"In a {setting}, as at home")
    clinicians = case.pathway.clinician_only
    question = "a matter for the clinician: nothing automated asks" if clinicians else "worth a question"
    idle = f"{where}: {kind.idle(setting).words()} without use is {question}."
    yield case.reckoned("idle", None, idle, case.of_kind("idle_care_home" if setting == "care_home" else "idle_home"))
    silent = f"A tag that was not heard for {kind.silent_after.words()} is silent."
    yield case.reckoned("silent", None, silent, case.of_kind("silent_after"))
    within = kind.safety_check_within
    check = f"a safety check, within {within.words()}" if within else "a question, not a safety check"
    yield case.reckoned("safety_check", None, f"Silence or lost power is {check}.", case.of_kind("safety_check_within"))


def moment(unix_s: int) -> str:
    """`16:10 on Friday 20 November 2026`, in London."""
    return f"{_london(unix_s):%H:%M} on {_day(_london(unix_s))}"


def _sum(period: Period, what: str, from_s: int) -> str:
    """The period, what it is counted from, and what the clocks' going forward or back does to it."""
    begin, end = _london(from_s), _london(period.after(from_s))
    text = f"{period.words()} after {what} ({moment(from_s)})"
    text += ", day and night." if period.hours else ", to the same time of day."
    if begin.utcoffset() != end.utcoffset():
        ahead = (end.utcoffset() or timedelta()) > (begin.utcoffset() or timedelta())
        text += f" The clocks go {'forward' if ahead else 'back'} in between"
        if period.hours:
            text += f", so {begin:%H:%M} becomes {end:%H:%M}."
        else:
            text += f", so {(period.after(from_s) - from_s) // 3600} hours pass."
    return text


def _days_off(from_s: int, to_s: int) -> Iterator[str]:
    """Weekends and bank holidays after one day and up to another."""
    day, last = _london(from_s).date(), _london(to_s).date()
    while (day := day + timedelta(days=1)) <= last:
        if not is_working_day(day):
            holiday = bank_holiday(day)
            yield f"{_day(day)} ({holiday})" if holiday else _day(day)


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


def _london(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, LONDON)
