"""Figures as people read them."""

from calendar import month_name
from typing import Final

from kitback.collect.kpi.figures import KG, PERCENT, POUNDS, Figure
from kitback.collect.kpi.report import Group
from kitback.policy import Policy

NONE: Final = "-"
"""The value of what has none, because there is nothing below the line."""
_TITLES: Final = {
    "delivery_on_time_pct": "Delivered on time",
    "collection_on_time_pct": "Collected on time",
    "failed_visits": "Visits that failed",
    "return_rate_pct": "Returned",
    "reuse_rate_pct": "Reused",
    "stock_availability_pct": "Met from stock",
    "turnaround_days_median": "From back to available again",
    "flag_precision_pct": "Idle flags that were right",
    "value_returned_gbp": "Value returned",
    "homecoming_cost_gbp": "Cost of coming home",
    "cost_avoided_gbp": "Cost avoided",
    "carbon_avoided_kg": "Carbon avoided",
    "journeys_saved": "Journeys saved",
    "journeys_saved_carbon_kg": "Carbon of journeys saved",
    "loans_overdue": "Loans overdue",
    "loans_overdue_review": "Loans overdue for review",
    "idle_days_median": "Idle for",
    "thorough_exam_in_date_pct": "Thorough examinations in date",
}


def month(of: str) -> str:
    """`October 2026`."""
    year, number = of.split("-")
    return f"{month_name[int(number)]} {year}"


def heading(group: Group, policy: Policy) -> str:
    """`October 2026, hoist`; without a month `Now, hoist`."""
    of = (whose(by, name, policy) for by, name in group.of.items())
    return ", ".join((month(group.month) if group.month else "Now", *of))


def whose(by: str, name: str, policy: Policy) -> str:
    """A commissioner, kind or pathway, as staff call it."""
    if by == "kind" and name in policy.kind:
        return policy.kind[name].name
    if by == "pathway":
        return policy.pathway[name].name if name in policy.pathway else name or "on no loan"
    return name or f"no {by}"


def title(figure: Figure, policy: Policy) -> str:
    """`Delivered on time, Delivery Speed 1`."""
    if not figure.of:
        return _TITLES[figure.name]
    speed = policy.delivery_speed.get(figure.of)
    return f"{_TITLES[figure.name]}, {speed.name if speed else figure.of.replace('_', ' ')}"


def value(figure: Figure) -> str:
    """`73.3 %`, `£1,624.00`, `525.7 kg`, `2 days`."""
    if figure.value is None:
        return NONE
    if figure.unit == POUNDS:
        return f"{'-' if figure.value < 0 else ''}£{abs(figure.value):,.2f}"
    if figure.unit in (PERCENT, KG):
        return f"{figure.value:,.1f} {figure.unit}"
    unit = figure.unit.removesuffix("s") if figure.value == 1 else figure.unit
    return f"{figure.value:,g} {unit}"


def made_of(figure: Figure) -> str:
    """What is below the line, and what of it is above, each on a line."""
    below = f"{figure.denominator:,g} {figure.denominator_counts}"
    if figure.numerator is None:
        return f"{below}\nthe middle of the {figure.numerator_counts}"
    above = f"{figure.numerator:,.2f}" if figure.unit in (POUNDS, KG) else f"{figure.numerator:,g}"
    return f"{below}\n{above} {figure.numerator_counts}"
