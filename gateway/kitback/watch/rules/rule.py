"""What a rule is: an SQL predicate over `judgement`, and what is to be said of its candidates."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from kitback.policy import Key
from kitback.watch.case import Case
from kitback.watch.thresholds import Thresholds


class Action(StrEnum):
    """What a flag asks of staff, the most pressing first."""

    SAFETY_CHECK = "safety_check"
    WITHDRAW = "withdraw"
    CHASE_DELIVERY = "chase_delivery"
    BOOK_IN = "book_in"
    ASK = "ask"
    REVIEW = "review"
    CLINICIAN = "clinician"
    SERVICE = "service"
    CORRECT = "correct"
    CHECK_TAG = "check_tag"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One thing worth staff's attention."""

    name: str
    when: Callable[[Thresholds], sa.ColumnElement[bool]]
    opens: Callable[[Thresholds], sa.ColumnElement[bool]] | None = None
    """What must hold besides for a flag to open; one that is open stands without it."""
    since: Callable[[Case], int | None]
    """Unix seconds at which what the rule sees began; never None for what `when` selects."""
    keeps_since: bool = False
    """Whether nobody knows when it began: then a flag keeps the beginning that it was raised with."""
    sentence: Callable[[Case], str]
    """What was seen, as a clerk would say it. No place, loan or person is named: it is also written to the history."""
    after_stray_use: Callable[[Case, int, int], str] | None = None
    """What a flag says that began at a time, after use on so many days that it is not steady. None: it is over then."""
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
    of_asset: bool = False
    """Whether it tells of the asset, whoever has it: its flag lives on when a loan begins or ends."""
    asks_of_loan: bool = False
    """Whether all it asks is if the loan is still needed: once it is to be fetched, that is answered."""
    waits_for_hold: bool = False
    """Whether a loan that is held (a stay in hospital) raises no flag, and its open one is held as well."""


def ask(case: Case) -> Action:
    """A question to whoever has it, but for what is the clinician's alone."""
    return Action.CLINICIAN if case.clinician_only else Action.ASK


def asked(case: Case, question: str) -> str:
    """A question, but for what is the clinician's alone."""
    return "Nothing automated: speak to the clinician." if case.clinician_only else question
