"""What KPIs are made of: rows of the register, with the columns that count, whichever source they are from."""

from collections import Counter
from typing import Final

from msgspec import Struct

Cell = tuple[str, str, str]
"""Commissioner, kind and pathway; empty where there is none."""
Counts = Counter[tuple[str, str, str, str, str]]
"""Month, commissioner, kind, pathway and name: what was counted, as the table `remains` has it."""

IDLE: Final = ("idle", "never_used")
"""The rules whose flags are idle flags: of one piece only one of the two is open at a time."""


class Asset(Struct, frozen=True):
    """As the table `asset`."""

    asset_id: str
    kind: str
    commissioner: str | None = None
    exam_due_s: int | None = None
    scrapped_s: int | None = None


class Loan(Struct, frozen=True):
    """As the table `loan`."""

    loan_ref: str
    asset_id: str
    pathway: str
    commissioner: str | None = None
    prescribed_s: int | None = None
    speed: str | None = None
    special: bool = False
    deliver_by_s: int | None = None
    from_s: int | None = None
    due_s: int | None = None
    review_s: int | None = None
    to_s: int | None = None


class Collection(Struct, frozen=True):
    """As the table `collection`."""

    loan_ref: str
    asset_id: str
    status: str
    collect_by_s: int | None = None
    failed_visits: int = 0
    how: str | None = None
    collected_s: int | None = None
    ended_s: int | None = None
    credit_pence: int | None = None
    cost_pence: int | None = None


class Flag(Struct, frozen=True):
    """As the table `flag`, of an idle flag."""

    flag_id: int
    asset_id: str
    rule: str
    since: int
    raised_at: int
    loan_ref: str | None = None
    outcome: str | None = None
    closed_at: int | None = None


class Task(Struct, frozen=True):
    """As the table `visit_task`, of one that was done."""

    visit_id: int
    asset_id: str
    task: str
    status: str
    done_s: int | None = None


class Records(Struct, frozen=True):
    """All that is counted."""

    assets: list[Asset]
    loans: list[Loan]
    collections: list[Collection]
    """In the order in which they began."""
    flags: list[Flag]
    tasks: list[Task]
    erased: Counts
    """What is left of loans that were erased."""
