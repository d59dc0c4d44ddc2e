"""The stores: the nearest first to the place that somebody asks for, and how tags are heard in them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.distance import kilometres
from kitback.collect.worklist import NoSuch
from kitback.register.places import Point
from kitback.register.tables import anchor, place


class Near(Struct, frozen=True, kw_only=True):
    """Where distances are counted from."""

    place_id: str
    name: str


class Store(Struct, frozen=True, kw_only=True):
    """A store of the service."""

    store_id: str
    name: str
    km: float | None
    """In a straight line, to a tenth; null when nobody asked how far, or when its point is not known."""
    heard_as: str
    """Id of the place where a tag in it is heard: the outermost around it, short of the service."""
    surveyed: bool
    """Whether any radio landmark in it is known. Without one a tag in it is heard nowhere that Kitback knows."""


def stores(conn: sa.Connection, near: str | None) -> tuple[Near | None, list[Store]]:
    """All stores: the nearest first, then those whose point is not known; without `near` by name.

    Args:
        near: a place's id or its name, in capitals or not. A part of a place is where the place is, unless it has a
            point of its own.

    Raises:
        NoSuch: there is no such place, several have the name, or its point is not known.
    """
    mine, point = (None, None) if near is None else _found(conn, near)
    rows = {row.place_id: row for row in conn.execute(sa.select(place).where(place.c.type.in_(("store", "zone"))))}
    surveyed = _surveyed(conn, rows)
    found = [
        Store(
            store_id=row.place_id,
            name=row.name,
            km=_km(point, row),
            heard_as=_outermost(conn, row),
            surveyed=row.place_id in surveyed,
        )
        for row in rows.values()
        if row.type == "store"
    ]
    return mine, sorted(found, key=lambda each: (each.km is None, each.km, each.name, each.store_id))


def _surveyed(conn: sa.Connection, stores_and_zones: Mapping[str, sa.Row[Any]]) -> set[str]:
    """The stores in which an anchor is known, or in a part of which."""
    found = set()
    for place_id in conn.scalars(sa.select(anchor.c.place_id).distinct()):
        around = stores_and_zones.get(place_id)
        while around is not None and around.type == "zone":
            around = stores_and_zones.get(around.within)
        if around is not None:
            found.add(around.place_id)
    return found


def _outermost(conn: sa.Connection, row: sa.Row[Any]) -> str:
    """A store may stand on the grounds of a hospital."""
    while row.within is not None:
        around = conn.execute(sa.select(place).where(place.c.place_id == row.within)).one()
        if around.type == "service":
            break
        row = around
    return str(row.place_id)


def starts(conn: sa.Connection) -> list[Near]:
    """Hospitals and stores that distances can be counted from, by name; hospitals first: they discharge."""
    there = (place.c.type.in_(("hospital", "store")), place.c.lat.is_not(None))
    rows = conn.execute(sa.select(place).where(*there).order_by(place.c.type, place.c.name, place.c.place_id))
    return [Near(place_id=row.place_id, name=row.name) for row in rows]


def _found(conn: sa.Connection, near: str) -> tuple[Near, Point]:
    named = sa.or_(place.c.place_id == near, sa.func.lower(place.c.name) == near.lower())
    rows = conn.execute(sa.select(place).where(named)).all()
    rows = [row for row in rows if row.place_id == near] or rows
    if not rows:
        raise NoSuch(f'there is no place "{near}": give its id, or its name as the register has it', "place")
    if len(rows) > 1:
        ids = ", ".join(sorted(row.place_id for row in rows)[:5])
        raise NoSuch(f'{len(rows)} places are called "{near}": give the id of one, as {ids}', "place")
    mine = around = rows[0]
    while around.type == "zone" and around.lat is None and around.within is not None:
        around = conn.execute(sa.select(place).where(place.c.place_id == around.within)).one()
    if around.lat is None:
        remedy = (
            "where a home is on the map is not kept: give the hospital, or a store near it"
            if around.type == "loan_address"
            else f"enter it with `kitback places point {around.place_id}`"
        )
        raise NoSuch(f"nobody knows how far it is from {mine.name}: {remedy}", "place")
    return Near(place_id=mine.place_id, name=mine.name), Point(around.lat, around.lon)


def _km(point: Point | None, row: sa.Row[Any]) -> float | None:
    if point is None or row.lat is None:
        return None
    return round(kilometres(point, Point(row.lat, row.lon)), 1)
