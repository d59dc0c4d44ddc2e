"""Which figures somebody asks for, from what they typed; and the answer for programs."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from kitback.collect.kpi import months
from kitback.collect.kpi.report import BY, By, Group, Wanted
from kitback.collect.worklist import NoSuch, one_of
from kitback.policy import Policy
from kitback.watch.words import iso

_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
ALL: Final = "all"


class Answer(Struct, frozen=True, kw_only=True):
    """Figures, for programs."""

    at: str
    """When they were counted, in UTC: those that are of no month are of this moment."""
    groups: list[Group]


def answer(groups: list[Group], at: int) -> Answer:
    """Figures that were counted at Unix second `at`."""
    return Answer(at=iso(at), groups=groups)


def of_request(
    policy: Policy,
    now_s: int,
    month: str | None,
    by: Sequence[str],
    *,
    commissioner: str | None,
    kind: str | None,
    pathway: str | None,
) -> Wanted:
    """What somebody asks for.

    Args:
        month: as `2026-10`, or `all`; None: the present one.

    Raises:
        NoSuch: the month is none, or what the figures are to be apart by, the kind or the pathway is not known.
    """
    if month not in (None, ALL) and not _MONTH.fullmatch(month or ""):
        raise NoSuch(f'"{month}" is no month: write it as 2026-10, or "{ALL}" for every month', "month")
    one_of("kind", kind, list(policy.kind))
    one_of("pathway", pathway, list(policy.pathway))
    for each in by:
        one_of("grouping", each, list(BY))
    apart: tuple[By, ...] = tuple(each for each in BY if each in by)
    chosen = None if month == ALL else month or months.month(now_s)
    return Wanted(month=chosen, by=apart, commissioner=commissioner, kind=kind, pathway=pathway)
