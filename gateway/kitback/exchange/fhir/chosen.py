"""Which rows of the register go out as FHIR, a thousand at a time: a register may be larger than memory."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.exchange.fhir.resources import MAKERS, Names, Resource
from kitback.register.steps import the_row
from kitback.register.tables import asset, collection, loan, meta, place

_AT_ONCE: Final = 1_000


class Chosen(Struct, frozen=True):
    """What is wanted; nothing given: everything. At most one is given."""

    loan_ref: str | None = None
    """One loan with its equipment and its collections."""
    asset_id: str | None = None
    """One piece of equipment with all its loans."""
    since_s: int | None = None
    """Only loans that ran then or later, or whose equipment was on its way home then or later, with that equipment."""


def resources(conn: sa.Connection, chosen: Chosen, names: Names) -> Iterator[tuple[str, Iterator[Resource]]]:
    """The resources, type by type, each in the order of its numbers: each of the iterators has to be used up before
    the next.

    Raises:
        IllegalMove: the loan or asset is not in the register.
    """
    if chosen.loan_ref is not None:
        the_row(conn, loan, chosen.loan_ref, "loan")
    if chosen.asset_id is not None:
        the_row(conn, asset, chosen.asset_id, "asset")
    for kind, statement in _statements(chosen).items():
        rows = conn.execute(statement.execution_options(yield_per=_AT_ONCE))
        yield kind, (MAKERS[kind](row, names) for row in rows)


def identity(conn: sa.Connection) -> str:
    """What tells this register's numbers from other services', if nobody says better: new when the register is new."""
    return f"urn:kitback:{conn.scalar(sa.select(meta.c.value).where(meta.c.name == 'epoch'))}"


def _statements(chosen: Chosen) -> dict[str, sa.Select[Any]]:
    loans = _loans(chosen)
    lent = sa.select(loan).where(loans).order_by(loan.c.loan_ref)
    prescribed = lent.where(loan.c.prescribed_s.is_not(None))
    mine = sa.select(loan.c.loan_ref).where(loans)
    return {
        "Device": sa.select(asset, place.c.name.label("store_name"))
        .join_from(asset, place, asset.c.store_id == place.c.place_id, isouter=True)
        .where(_assets(chosen, loans))
        .order_by(asset.c.asset_id),
        "DeviceRequest": prescribed,
        # A delivery is known of each prescription, and of each loan that was never prescribed here.
        "SupplyDelivery": lent,
        "DeviceUseStatement": lent.where(loan.c.from_s.is_not(None)),
        "Task": sa.select(collection).where(collection.c.loan_ref.in_(mine)).order_by(collection.c.collection_id),
    }


def _loans(chosen: Chosen) -> sa.ColumnElement[bool]:
    if chosen.loan_ref is not None:
        return loan.c.loan_ref == chosen.loan_ref
    if chosen.asset_id is not None:
        return loan.c.asset_id == chosen.asset_id
    if chosen.since_s is not None:
        since = chosen.since_s
        coming = sa.or_(collection.c.ended_s.is_(None), collection.c.ended_s >= since)
        home = sa.select(collection.c.loan_ref).where(coming)
        return sa.or_(loan.c.to_s.is_(None), loan.c.to_s >= since, loan.c.loan_ref.in_(home))
    return sa.true()


def _assets(chosen: Chosen, loans: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    if chosen.asset_id is not None:
        return asset.c.asset_id == chosen.asset_id
    if chosen == Chosen():
        return sa.true()
    return asset.c.asset_id.in_(sa.select(loan.c.asset_id).where(loans))
