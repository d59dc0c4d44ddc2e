"""What a loan has counted for, to be kept when the loan itself is erased."""

import sqlalchemy as sa
from msgspec.structs import replace

from kitback.collect.kpi.counts import Cells, Count, measures
from kitback.collect.kpi.from_tables import of_loan
from kitback.collect.kpi.months import month
from kitback.collect.kpi.records import Counts, Records, Task
from kitback.policy import Policy


def contribution(conn: sa.Connection, policy: Policy, loan_ref: str, at: int) -> Counts:
    """What one loan has added to the counts of months, as known at Unix second `at`.

    Add it to the table `remains`, and erase the loan with its collections, its idle flags and what was done for its
    equipment at visits while it ran: then every figure that is of a month stays as it was. A visit at which something
    was done for others too stays theirs.
    """
    records = of_loan(conn, loan_ref)
    cells = Cells(records)
    mine = [each for each in records.tasks if _is_of(each, records, cells)]
    counted = measures(replace(records, tasks=mine), policy, at)
    others = {each.visit_id for each in records.tasks if each not in mine}
    for visit_id in others & {each.visit_id for each in mine}:
        first = min((each for each in mine if each.visit_id == visit_id), key=lambda each: (each.asset_id, each.task))
        counted[month(first.done_s or 0), *cells.of_moment(first.asset_id, first.done_s or 0), Count.VISITS] -= 1
    return +counted


def _is_of(task: Task, records: Records, cells: Cells) -> bool:
    (lent,) = records.loans
    return cells.lent_at(task.asset_id, task.done_s or 0) is lent
