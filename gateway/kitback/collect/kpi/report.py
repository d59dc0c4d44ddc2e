"""The KPIs of months and of now, by commissioner, kind or pathway, or of those that are wanted."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from kitback.collect.kpi.counts import measures
from kitback.collect.kpi.figures import OF_A_MOMENT, Counted, Figure, Kpi, of_a_month
from kitback.collect.kpi.moment import stand
from kitback.collect.kpi.records import Cell, Records
from kitback.collect.worklist import one_of
from kitback.policy import Policy

By = Literal["commissioner", "kind", "pathway"]
BY: Final[tuple[By, ...]] = ("commissioner", "kind", "pathway")
"""What figures can be apart by, in the order of a `Cell`."""
NOBODY: Final = ""
"""The commissioner of what none pays for, and the pathway of what is on no loan."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which figures are wanted; None: of every."""

    month: str | None = None
    """As `2026-10`."""
    by: tuple[By, ...] = ()
    commissioner: str | None = None
    kind: str | None = None
    pathway: str | None = None


class Group(Struct, frozen=True, kw_only=True):
    """The figures of one month, or of now, and of one commissioner, kind or pathway, if they are wanted apart."""

    month: str | None
    """Null: of now."""
    of: dict[By, str]
    """Whose they are, as far as they are apart; empty text is none."""
    figures: list[Figure]


_NOW: Final = ""
"""In the place of a month."""
_Counts = Iterable[tuple[str, Cell, str, int]]
_Grouped = list[tuple[str, dict[By, str], Counted]]


def report(records: Records, policy: Policy, at: int, wanted: Wanted) -> list[Group]:
    """The figures of each month, the earliest first, then those of now; at least one group of each.

    Raises:
        NoSuch: the commissioner is not among the records.
    """
    one_of("commissioner", wanted.commissioner, _commissioners(records))
    months = [(month, (c, k, p), name, n) for (month, c, k, p, name), n in measures(records, policy, at).items()]
    now = [(_NOW, (c, k, p), name, n) for (c, k, p, name), n in stand(records, policy, at).items()]
    of_months = [each for each in months if wanted.month in (None, each[0])]
    return [
        *(_group(*each, policy, list(of_a_month(policy))) for each in _groups(of_months, wanted, wanted.month)),
        *(_group(*each, policy, OF_A_MOMENT) for each in _groups(now, wanted, _NOW)),
    ]


def _commissioners(records: Records) -> list[str]:
    named = {each.commissioner for each in records.loans} | {each.commissioner for each in records.assets}
    named |= {key[1] for key in records.erased}
    return sorted(each for each in named if each)


def _groups(counts: _Counts, wanted: Wanted, always: str | None) -> _Grouped:
    """Counts by month and by what is wanted apart; unless something is, there is a group of `always`, empty or not."""
    only = (wanted.commissioner, wanted.kind, wanted.pathway)
    apart = [BY.index(each) for each in wanted.by]
    found: dict[tuple[str, tuple[str, ...]], list[tuple[str, str, int]]] = defaultdict(list)
    if always is not None and not apart:
        found[always, ()] = []
    for month, cell, name, count in counts:
        if all(want in (None, got) for want, got in zip(only, cell, strict=True)):
            found[month, tuple(cell[each] for each in apart)].append((cell[1], name, count))
    return [
        (month, dict(zip(wanted.by, whose, strict=True)), Counted(found[month, whose]))
        for month, whose in sorted(found)
    ]


def _group(month: str, of: dict[By, str], counted: Counted, policy: Policy, kpis: Sequence[Kpi]) -> Group:
    return Group(month=month or None, of=of, figures=[each.figure(counted, policy) for each in kpis])
