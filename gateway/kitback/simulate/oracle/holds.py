"""Stays in hospital for which staff put a loan on hold."""

from collections.abc import Iterator
from typing import NamedTuple

from kitback.policy import Period
from kitback.simulate.oracle.case import Case, spans
from kitback.simulate.oracle.london import later
from kitback.simulate.truth import Spans, joined


class Hold(NamedTuple):
    """One hold."""

    admitted_s: int
    told_s: int
    home_s: int | None
    """Since when the service user is home again; None if the hold ran out before anybody told so."""
    over_s: int
    """When the register takes it as over."""


def holds(case: Case) -> Iterator[Hold]:
    """A hold runs from when it was told, and out after so many days from the admission."""
    ends = case.told("hold_ended")
    for told in case.told("held"):
        runs_out_s = later(told.said_s, case.policy.watch.hospital_hold)
        ended = next((end for end in ends if told.at_s <= end.at_s < runs_out_s), None)
        if ended:
            yield Hold(told.said_s, told.at_s, ended.said_s, ended.at_s)
        else:
            yield Hold(told.said_s, told.at_s, None, runs_out_s)


def held(case: Case) -> Spans:
    """While it is on hold."""
    return joined(span for hold in holds(case) for span in spans((hold.told_s, hold.over_s)))


def counts(case: Case, from_s: int, period: Period) -> int:
    """When equipment unused since `from_s` has been so for a period, not counting days in hospital.

    They do not count for a service user who came home; of one who did not, they do as soon as the hold has run out.
    """
    at_s = later(from_s, period)
    for hold in holds(case):
        if hold.told_s <= at_s and from_s < hold.over_s:
            at_s = max(at_s, hold.over_s, from_s if hold.home_s is None else later(hold.home_s, period))
    return at_s
