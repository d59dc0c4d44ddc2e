"""Which equipment gets a label, and what is said of it."""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct

from kitback.register.tables import asset, judgement, place


class NoSuchEquipment(Exception):
    """Labels were asked for of what is not in the register; the message says what, and what to do."""


class Label(Struct, frozen=True):
    """What one label says."""

    asset_id: str
    model: str
    serial: str | None


def chosen(
    conn: sa.Connection, asset_ids: Sequence[str] = (), *, kind: str | None = None, store: str | None = None
) -> list[Label]:
    """What is named, in that order; or else all equipment but what was scrapped, by its numbers.

    Args:
        kind: only these.
        store: only what is at this place, by id or name, or within it: where staff put it, else where its tag was seen.

    Raises:
        NoSuchEquipment: something named is not in the register.
    """
    columns = sa.select(asset.c.asset_id, asset.c.model, asset.c.serial)
    if asset_ids:
        return [_named(conn, columns, each) for each in asset_ids]
    found = columns.where(asset.c.state != "scrapped").order_by(asset.c.asset_id)
    if kind is not None:
        found = found.where(asset.c.kind == kind)
    if store is not None:
        there = sa.func.coalesce(asset.c.store_id, judgement.c.place_id)
        found = found.join(judgement, judgement.c.asset_id == asset.c.asset_id)
        found = found.where(asset.c.state != "on_loan", there.in_(_within(conn, store)))
    return [Label(row.asset_id, row.model, row.serial) for row in conn.execute(found)]


def _named(conn: sa.Connection, columns: "sa.Select[tuple[str, str, str | None]]", asset_id: str) -> Label:
    row = conn.execute(columns.where(asset.c.asset_id == asset_id)).one_or_none()
    if row is None:
        raise NoSuchEquipment(f"there is no asset {asset_id}: add it first, or check the id")
    return Label(row.asset_id, row.model, row.serial)


def _within(conn: sa.Connection, store: str) -> "sa.Select[tuple[str]]":
    named = sa.or_(place.c.place_id == store, sa.func.lower(place.c.name) == store.lower())
    within = sa.select(place.c.place_id).where(named).cte("within", recursive=True)
    if conn.scalar(sa.select(within.c.place_id).limit(1)) is None:
        raise NoSuchEquipment(f'there is no place "{store}": give its id, or its name as the register has it')
    within = within.union(sa.select(place.c.place_id).where(place.c.within == within.c.place_id))
    return sa.select(within.c.place_id)
