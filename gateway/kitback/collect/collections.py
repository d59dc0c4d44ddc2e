"""Collections as staff look them up: what is to come home, what has come and is not ready, and what became of it."""

from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.worklist import one_of
from kitback.policy import Policy
from kitback.register import audit_log, collections
from kitback.register.steps import the_row
from kitback.register.tables import asset, collection, judgement, loan, place, visit

STATUSES: Final = (
    *("requested", "booked", "collected", "decontaminated", "in_repair", "available", "scrapped", "cancelled"),
)
"""In the order in which a collection has them."""


class Collection(Struct, frozen=True, kw_only=True):
    """One trip home. Times are Unix seconds; None is not known, or none."""

    loan_ref: str
    asset_id: str
    kind: str
    model: str
    status: str
    pathway: str
    place_id: str
    lent_to: str
    """What staff call the place it is, or was, lent to."""
    commissioner: str | None
    requested_s: int | None
    collect_by_s: int | None
    late: bool
    """Whether it was not home by then, or is not."""
    visit_id: int | None
    visit_from_s: int | None
    visit_to_s: int | None
    failed_visits: int
    used_s: int | None
    """When it was used last since somebody asked for it: ask again before anybody comes. None: not used since."""
    drop_off: bool
    """Worth less than the policy's floor: ask for it to be brought, and send no van for it alone.

    Never at the end of life: how it comes home is agreed with the clinician.
    """
    how: str | None
    collected_s: int | None
    decontaminated_s: int | None
    inspected_s: int | None
    ended_s: int | None
    credit_pence: int | None
    cost_pence: int | None


class CollectionInFull(Struct, frozen=True, kw_only=True):
    """The collections of one loan, the latest last, and what was done about them."""

    collections: list[Collection]
    history: list[audit_log.Entry]


def listing(
    conn: sa.Connection,
    policy: Policy,
    now_s: int,
    *,
    status: str | None = None,
    place_id: str | None = None,
    limit: int | None = None,
) -> list[Collection]:
    """All that is under way, or has a status: what is to be fetched first, by the day it is to be home by.

    Raises:
        NoSuch: there is no such status.
    """
    one_of("status", status, list(STATUSES))
    chosen = [collection.c.ended_s.is_(None) if status is None else collection.c.status == status]
    if place_id is not None:
        chosen.append(loan.c.place_id == place_id)
    far = sa.case({each: number for number, each in enumerate(STATUSES)}, value=collection.c.status)
    by = sa.func.coalesce(collection.c.collect_by_s, collection.c.collected_s).asc().nulls_last()
    order = (far, by, collection.c.collection_id)
    rows = conn.execute(_SELECT.where(*chosen).order_by(*order).limit(limit))
    return [_item(row, policy, now_s) for row in rows]


def show(conn: sa.Connection, policy: Policy, loan_ref: str, now_s: int) -> CollectionInFull:
    """What there was of one loan, with its history.

    Raises:
        IllegalMove: there is no such loan.
    """
    the_row(conn, loan, loan_ref, "loan")
    rows = conn.execute(_SELECT.where(collection.c.loan_ref == loan_ref).order_by(collection.c.collection_id))
    return CollectionInFull(
        collections=[_item(row, policy, now_s) for row in rows],
        history=audit_log.entries(conn, [f"{verb} {loan_ref}" for verb in collections.STEPS]),
    )


_SELECT: Final = (
    sa.select(
        collection,
        *(asset.c.kind, asset.c.model, asset.c.value_pence, loan.c.pathway, loan.c.place_id),
        sa.func.coalesce(loan.c.commissioner, asset.c.commissioner).label("commissioner"),
        *(place.c.name.label("lent_to"), visit.c.from_s.label("visit_from_s"), visit.c.to_s.label("visit_to_s")),
        judgement.c.used_at,
    )
    .join_from(collection, loan, collection.c.loan_ref == loan.c.loan_ref)
    .join(asset, collection.c.asset_id == asset.c.asset_id)
    .join(judgement, collection.c.asset_id == judgement.c.asset_id)
    .join(place, loan.c.place_id == place.c.place_id)
    .join(visit, collection.c.visit_id == visit.c.visit_id, isouter=True)
)


def worth(policy: Policy, kind: str, own_pence: int | None) -> int:
    """What a new one costs, in pence: the asset's own value, else what the policy says of its kind."""
    return policy.kind[kind].value_pence if own_pence is None else own_pence


def _item(row: sa.Row[Any], policy: Policy, now_s: int) -> Collection:
    told = row._mapping
    waits = row.status in collections.ASKED_FOR
    at_home_s = row.collected_s if row.collected_s is not None else now_s
    clinician_only = row.pathway in policy.pathway and policy.pathway[row.pathway].clinician_only
    derived = {
        "late": row.collect_by_s is not None and row.status != "cancelled" and at_home_s > row.collect_by_s,
        "used_s": row.used_at if waits and row.used_at is not None and row.used_at > row.requested_s else None,
        "drop_off": waits
        and not clinician_only
        and worth(policy, row.kind, row.value_pence) < policy.watch.floor_pence,
    }
    facts: dict[str, Any] = {name: derived.get(name, told.get(name)) for name in Collection.__struct_fields__}
    return Collection(**facts)
