"""KPIs: what the service promised and did, month by month, each figure with what it counts above and below the line."""

from kitback.collect.kpi import words
from kitback.collect.kpi.asking import Answer, answer, of_request
from kitback.collect.kpi.counts import measures
from kitback.collect.kpi.figures import Figure
from kitback.collect.kpi.from_audit import replay
from kitback.collect.kpi.from_tables import read
from kitback.collect.kpi.records import Asset, Collection, Counts, Flag, Loan, Records, Task
from kitback.collect.kpi.remains import contribution
from kitback.collect.kpi.report import BY, By, Group, Wanted, report

__all__ = [
    "BY",
    "Answer",
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
    "answer",
    "contribution",
    "measures",
    "of_request",
    "read",
    "replay",
    "report",
    "words",
]
