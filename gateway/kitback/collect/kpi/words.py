"""Figures as people read them."""

from calendar import month_name
from typing import Final

from kitback.collect.kpi.figures import KG, PERCENT, POUNDS, Figure
from kitback.collect.kpi.report import Group
from kitback.policy import Policy

NONE: Final = "-"
"""The value of what has none, because there is nothing below the line."""


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
