"""What is counted at one moment, of what is out, open or in service then; it is of no month."""

from collections import Counter
from enum import StrEnum

from kitback.collect.kpi.counts import Cells
from kitback.collect.kpi.months import days
from kitback.collect.kpi.records import Cell, Records
from kitback.policy import Policy

Now = Counter[tuple[str, str, str, str]]
"""Commissioner, kind, pathway and name: what was counted."""


class Standing(StrEnum):
    """What is counted; idle flags by their days, whose number follows after a full stop."""

    DUE_BACK = "due_back"
    """Loans out that have a day to come back."""
    OVERDUE = "overdue"
    TO_REVIEW = "to_review"
    """Loans out that have a review to come, or missed."""
    OVERDUE_REVIEW = "overdue_review"
    IDLE_DAYS = "idle_days"
    EXAMINABLE = "examinable"
    """Pieces in service whose kind is thoroughly examined."""
    EXAMINED = "examined"


def stand(records: Records, policy: Policy, at: int) -> Now:
    """What is known now, judged at Unix second `at`."""
    cells, counted = Cells(records), Now()

    def add(cell: Cell, name: str, count: bool = True) -> None:
        if count:
            counted[*cell, name] += 1

    out = {each.asset_id: each for each in records.loans if each.to_s is None}
    for lent in out.values():
        if lent.from_s is not None:
            cell = cells.of(lent.asset_id, lent)
            add(cell, Standing.DUE_BACK, lent.due_s is not None)
            add(cell, Standing.OVERDUE, lent.due_s is not None and lent.due_s <= at)
            add(cell, Standing.TO_REVIEW, lent.review_s is not None)
            add(cell, Standing.OVERDUE_REVIEW, lent.review_s is not None and lent.review_s <= at)
    for flag in records.flags:
        if flag.closed_at is None:
            cell = cells.of_loan(flag.loan_ref, flag.asset_id)
            add(cell, f"{Standing.IDLE_DAYS}.{days(flag.since, max(at, flag.since))}")
    for owned in records.assets:
        if policy.kind[owned.kind].examine_every is not None and owned.scrapped_s is None:
            cell = cells.of(owned.asset_id, out.get(owned.asset_id))
            add(cell, Standing.EXAMINABLE)
            add(cell, Standing.EXAMINED, owned.exam_due_s is not None and owned.exam_due_s > at)
    return counted
