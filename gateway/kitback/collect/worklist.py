"""The worklist: the open flags, the most pressing first."""

import json
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from kitback.register.tables import asset, flag, loan, meta, place
from kitback.watch import Action
from kitback.watch.words import iso

TITLES = {
    Action.SAFETY_CHECK: "Safety check",
    Action.BOOK_IN: "Book in",
    Action.ASK: "Ask",
    Action.REVIEW: "Review loan",
    Action.CLINICIAN: "Clinician only",
    Action.CHECK_TAG: "Check tag",
}
"""What a flag asks for, in words."""
_PRESSING = list(Action)


class WorklistItem(Struct, frozen=True, kw_only=True):
    """One open flag, ready to be shown. Times are UTC in ISO 8601."""

    asset_id: str
    loan_ref: str
    kind: str
    """bed, hoist or mattress."""
    model: str
    pathway: str
    lent_to: str
    """What staff call the place it was lent to."""
    reason: str
    """The rule's name."""
    action: Action
    """What the flag asks for."""
    title: str
    """The action in words."""
    sentence: str
    since: str
    """When what the rule sees began."""
    raised_at: str
    evidence: dict[str, Any]
    """`seen`: the facts; `compared_with`: the policy's entry, its value and its origin, or null."""


def worklist(conn: sa.Connection) -> list[WorklistItem]:
    """All open flags: by what they ask for, safety first; among equals the longest-standing first."""
    rows = conn.execute(
        sa.select(flag, loan.c.pathway, asset.c.model, place.c.name.label("lent_to"))
        .join_from(flag, loan, flag.c.loan_ref == loan.c.loan_ref)
        .join(asset, flag.c.asset_id == asset.c.asset_id)
        .join(place, loan.c.place_id == place.c.place_id)
        .where(flag.c.closed_at.is_(None))
    )
    return sorted((_item(row) for row in rows), key=_pressing)


def is_virtual(conn: sa.Connection) -> bool:
    """Whether the register is a demonstration's: its tags are virtual, its loans made up."""
    return conn.scalar(sa.select(meta.c.value).where(meta.c.name == "virtual")) is not None


def _item(row: sa.Row[Any]) -> WorklistItem:
    evidence = json.loads(row.evidence)
    action = Action(evidence.pop("action"))
    return WorklistItem(
        asset_id=row.asset_id,
        loan_ref=row.loan_ref,
        kind=row.kind,
        model=row.model,
        pathway=row.pathway,
        lent_to=row.lent_to,
        reason=row.rule,
        action=action,
        title=TITLES[action],
        sentence=row.sentence,
        since=iso(row.since),
        raised_at=iso(row.raised_at),
        evidence=evidence,
    )


def _pressing(item: WorklistItem) -> tuple[int, str, str, str]:
    return _PRESSING.index(item.action), item.since, item.asset_id, item.reason
