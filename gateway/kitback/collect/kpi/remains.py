"""What a loan has counted for, to be kept when the loan itself is erased."""

import sqlalchemy as sa
from msgspec.structs import replace

from kitback.collect.kpi.counts import Cells, measures
from kitback.collect.kpi.from_tables import of_loan
from kitback.collect.kpi.records import Counts, Records
from kitback.policy import Policy


def contribution(conn: sa.Connection, policy: Policy, loan_ref: str, at: int) -> Counts:
    """What one loan has added to the counts of months, as known at Unix second `at`.

    Add it to the table `remains`, and erase the loan with its collections, its idle flags and what was done for its
    equipment at visits while it ran: then every figure that is of a month stays as it was, whatever it is apart by. A
    count may be below nothing: a visit that was this loan's journey becomes that of another who was visited as well.
    """
    records = of_loan(conn, loan_ref)
    counted = measures(records, policy, at)
    counted.subtract(measures(_without(records, loan_ref), policy, at))
    return Counts({name: count for name, count in counted.items() if count})


def _without(records: Records, loan_ref: str) -> Records:
    cells = Cells(records)
    mine = next((each for each in records.loans if each.loan_ref == loan_ref), None)
    return replace(
        records,
        loans=[each for each in records.loans if each is not mine],
        collections=[],
        flags=[],
        tasks=[each for each in records.tasks if cells.lent_at(each.asset_id, each.done_s or 0) is not mine],
    )
