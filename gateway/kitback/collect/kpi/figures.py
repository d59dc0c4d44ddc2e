"""The KPIs: each a formula over what was counted, with what is above the line and what is below it, in words."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from kitback.collect.kpi.counts import FAILED_VISIT, FIRST_TIME, Count
from kitback.collect.kpi.moment import Standing
from kitback.policy import Policy

PERCENT, POUNDS, KG = "%", "£", "kg"


class Figure(Struct, frozen=True, kw_only=True):
    """One KPI's value, and how it came about. A figure whose denominator is 0 has none."""

    name: str
    of: str
    """The part it is of, such as a delivery speed; empty for the whole."""
    value: float | None
    unit: str
    """`%`, `days`, `£`, `kg` of carbon dioxide, or what is counted."""
    numerator: float | None
    """A median has none: it is the middle of the things below the line."""
    denominator: float
    numerator_counts: str
    """In words, what the numerator counts; of a median, what it is the middle of."""
    denominator_counts: str


class Counted:
    """What was counted of one group, kept apart by kind: factors of the policy go by it."""

    def __init__(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Take kinds, names and counts."""
        self._by_kind: Counter[tuple[str, str]] = Counter()
        for kind, name, count in counts:
            self._by_kind[kind, name] += count

    def total(self, name: str) -> int:
        """How many there are of a name, of all kinds."""
        return sum(count for (_, each), count in self._by_kind.items() if each == name)

    def by_kind(self, name: str) -> dict[str, int]:
        """How many there are of a name, of each kind."""
        return {kind: count for (kind, each), count in self._by_kind.items() if each == name}

    def parts(self, name: str) -> Counter[str]:
        """How many there are of each part of a name."""
        found: Counter[str] = Counter()
        for (_, each), count in self._by_kind.items():
            whole, dot, part = each.partition(".")
            if whole == name and dot:
                found[part] += count
        return found


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI."""

    name: str
    unit: str
    numerator_counts: str
    denominator_counts: str
    numerator: Callable[[Counted, Policy], float | None]
    denominator: Callable[[Counted], float]
    of: str = ""
    middle: str | None = None
    """It is the median of what this name counts by its parts."""

    def figure(self, counted: Counted, policy: Policy) -> Figure:
        """Its value for a group."""
        above, below = self.numerator(counted, policy), self.denominator(counted)
        return Figure(
            name=self.name,
            of=self.of,
            value=self._value(counted, above, below),
            unit=self.unit,
            numerator=above,
            denominator=below,
            numerator_counts=self.numerator_counts,
            denominator_counts=self.denominator_counts,
        )

    def _value(self, counted: Counted, above: float | None, below: float) -> float | None:
        if below == 0:
            return None
        if above is None:
            return _median(counted.parts(self.middle or ""))
        return round(100 * above / below, 1) if self.unit == PERCENT else above


def _count(name: str) -> Callable[[Counted], float]:
    return lambda counted: counted.total(name)


def _parts(name: str, part: str | None = None) -> Callable[[Counted], float]:
    if part is None:
        return lambda counted: counted.parts(name).total()
    return lambda counted: counted.parts(name)[part]


def _kpi(
    name: str,
    unit: str,
    above: tuple[str, Callable[[Counted], float]],
    below: tuple[str, Callable[[Counted], float]],
    of: str = "",
) -> Kpi:
    take = above[1]
    return Kpi(name, unit, above[0], below[0], lambda counted, _: take(counted), below[1], of)


def _of_median(name: str, counts: str, middle_of: str, of_how_many: str) -> Kpi:
    return Kpi(name, "days", middle_of, of_how_many, lambda *_: None, _parts(counts), middle=counts)


def _median(days: Counter[str]) -> float:
    in_order = sorted(int(each) for each, count in days.items() for _ in range(count))
    half, odd = divmod(len(in_order), 2)
    return in_order[half] if odd else (in_order[half - 1] + in_order[half]) / 2


def _pence(counted: Counted) -> int:
    return counted.total(Count.CREDIT_PENCE) - counted.total(Count.COST_PENCE)


def _carbon(counted: Counted, policy: Policy) -> float:
    """Kilograms: what making new ones would have cost less what reuse costs, and a journey for each a van fetched."""
    saved_g = sum(
        count * policy.kind[kind].new_co2_kg * policy.collection.reuse_saves_pct * 10
        for kind, count in counted.by_kind(Count.AVAILABLE).items()
    )
    return (saved_g - counted.total(Count.BY_VAN) * _journey_g(policy)) / 1000


def _journey_g(policy: Policy) -> int:
    return policy.collection.journey_km * policy.collection.van_co2_g_per_km


def _journeys(counted: Counted) -> int:
    return counted.total(Count.JOBS) - counted.total(Count.VISITS)


def _in_time(of: str, part: str | None, words: str) -> Kpi:
    return _kpi(
        "delivery_on_time_pct",
        PERCENT,
        (f"of these delivered by then{words}", _parts(Count.DELIVERED_IN_TIME, part)),
        (f"deliveries that were promised for the month{words}", _parts(Count.DELIVERIES_DUE, part)),
        of,
    )


_COLLECTED_IN_TIME: Final = "of these collected by then"
_COLLECTIONS_DUE: Final = "collections whose last working day was in the month, and"

_BEFORE_SPEEDS: Final = _in_time("", None, "")
_OF_A_MONTH: Final = (
    _kpi(
        "collection_on_time_pct",
        PERCENT,
        (_COLLECTED_IN_TIME, _parts(Count.COLLECTED_IN_TIME, FIRST_TIME)),
        (f"{_COLLECTIONS_DUE} for which no visit failed", _parts(Count.COLLECTIONS_DUE, FIRST_TIME)),
    ),
    _kpi(
        "collection_on_time_pct",
        PERCENT,
        (_COLLECTED_IN_TIME, _parts(Count.COLLECTED_IN_TIME, FAILED_VISIT)),
        (f"{_COLLECTIONS_DUE} for which a visit failed", _parts(Count.COLLECTIONS_DUE, FAILED_VISIT)),
        FAILED_VISIT,
    ),
    _kpi(
        "failed_visits",
        "visits",
        ("visits for these that failed", _count(Count.FAILED_VISITS)),
        ("collections whose last working day was in the month", _parts(Count.COLLECTIONS_DUE)),
    ),
    _kpi(
        "return_rate_pct",
        PERCENT,
        ("of these returned since", _count(Count.RETURNED)),
        ("items issued (delivered) in the month", _count(Count.ISSUED)),
    ),
    _kpi(
        "reuse_rate_pct",
        PERCENT,
        ("of these made available again since", _count(Count.REUSED)),
        ("items collected in the month, however they came back", _count(Count.COLLECTED)),
    ),
    _kpi(
        "stock_availability_pct",
        PERCENT,
        ("of these met from stock", _count(Count.FROM_STOCK)),
        ("lines ordered (prescribed) in the month", _count(Count.ORDERED)),
    ),
    _of_median(
        "turnaround_days_median",
        Count.TURNAROUND_DAYS,
        "days from the one on which an item came back to the one on which it was available again",
        "items made available again in the month",
    ),
    _kpi(
        "flag_precision_pct",
        PERCENT,
        ("of these confirmed", _count(Count.CONFIRMED)),
        ("idle flags raised in the month that staff have confirmed or denied", _count(Count.ACTIONED)),
    ),
    _kpi(
        "value_returned_gbp",
        POUNDS,
        ("pounds credited for them", lambda counted: counted.total(Count.CREDIT_PENCE) / 100),
        ("items made available again in the month", _count(Count.AVAILABLE)),
    ),
    _kpi(
        "homecoming_cost_gbp",
        POUNDS,
        ("pounds to fetch and clean them", lambda counted: counted.total(Count.COST_PENCE) / 100),
        ("items made available again or scrapped in the month", _count(Count.ENDED)),
    ),
    _kpi(
        "cost_avoided_gbp",
        POUNDS,
        ("pounds credited for them, less the pounds to fetch and clean them", lambda counted: _pence(counted) / 100),
        ("items made available again or scrapped in the month", _count(Count.ENDED)),
    ),
    Kpi(
        "carbon_avoided_kg",
        KG,
        "kilograms of carbon dioxide that reuse saved over new ones, less a journey for each that a van fetched",
        "items made available again or scrapped in the month",
        _carbon,
        _count(Count.ENDED),
    ),
    _kpi(
        "journeys_saved",
        "journeys",
        ("of these done at a visit that was made anyway", _journeys),
        ("jobs done at visits in the month", _count(Count.JOBS)),
    ),
    Kpi(
        "journeys_saved_carbon_kg",
        KG,
        "kilograms of carbon dioxide of these",
        "journeys saved in the month by doing several jobs at one visit",
        lambda counted, policy: _journeys(counted) * _journey_g(policy) / 1000,
        _journeys,
    ),
)
OF_A_MOMENT: Final = (
    _kpi(
        "loans_overdue",
        "loans",
        ("of these past their day", _count(Standing.OVERDUE)),
        ("loans out that have a day to come back", _count(Standing.DUE_BACK)),
    ),
    _kpi(
        "loans_overdue_review",
        "loans",
        ("of these past it", _count(Standing.OVERDUE_REVIEW)),
        ("loans out that have a day for their review", _count(Standing.TO_REVIEW)),
    ),
    _of_median(
        "idle_days_median",
        Standing.IDLE_DAYS,
        "days since what an idle flag says began",
        "idle flags that are not closed, those that are put off or held among them",
    ),
    _kpi(
        "thorough_exam_in_date_pct",
        PERCENT,
        ("of these thoroughly examined and in date", _count(Standing.EXAMINED)),
        ("items not scrapped whose kind is thoroughly examined", _count(Standing.EXAMINABLE)),
    ),
)
"""They are of now, and of no month."""


def of_a_month(policy: Policy) -> Iterator[Kpi]:
    """Those that are of a month, in the order in which they are shown."""
    yield _BEFORE_SPEEDS
    for speed, agreed in policy.delivery_speed.items():
        yield _in_time(speed, speed, f", {agreed.name}")
    yield from _OF_A_MONTH
