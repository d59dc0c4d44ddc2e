"""KPIs: what the service promised and did, month by month, each figure with what it counts above and below the line."""

from kitback.collect.kpi.counts import measures
from kitback.collect.kpi.figures import Figure
from kitback.collect.kpi.from_audit import replay
from kitback.collect.kpi.from_tables import of_loan, read
from kitback.collect.kpi.records import Asset, Collection, Counts, Flag, Loan, Records, Task
from kitback.collect.kpi.remains import contribution
from kitback.collect.kpi.report import BY, By, Group, Wanted, report

__all__ = [
    "BY",
    "Asset",
    "By",
    "Collection",
    "Counts",
    "Figure",
    "Flag",
    "Group",
    "Loan",
    "Records",
    "Task",
    "Wanted",
    "contribution",
    "measures",
    "of_loan",
    "read",
    "replay",
    "report",
]
