"""Places as staff look them up: all that the register knows of each, read at one moment."""

import sqlalchemy as sa
from msgspec import Struct

from kitback.register import audit_log, places
from kitback.register.steps import the_row
from kitback.register.tables import anchor, place


class Place(Struct, frozen=True, kw_only=True):
    """A place of the service."""

    place_id: str
    type: str
    name: str
    within: str | None
    """The id of the place it is part of."""
    lat: float | None
    """Degrees north; None is not known, and of a loan address always so."""
    lon: float | None
    """Degrees east."""


class PlaceInFull(Struct, frozen=True, kw_only=True):
    """A place with all that belongs to it."""

    place: Place
    parts: list[Place]
    """The places directly within it, by their ids."""
    anchors: int
    """Radio landmarks known to be right there: without any, no tag is ever heard at it."""
    history: list[audit_log.Entry]


def list_places(
    conn: sa.Connection, *, type_: str | None = None, within: str | None = None, limit: int | None = None
) -> list[Place]:
    """All places, or those of a type or directly within another, by their ids; so many at most.

    Raises:
        IllegalMove: there is no place `within`.
    """
    if within is not None:
        the_row(conn, place, within, "place")
    chosen = [column == value for column, value in ((place.c.type, type_), (place.c.within, within)) if value]
    rows = conn.execute(sa.select(place).where(*chosen).order_by(place.c.place_id).limit(limit))
    return [Place(**row._mapping) for row in rows]


def show_place(conn: sa.Connection, place_id: str) -> PlaceInFull:
    """One place.

    Raises:
        IllegalMove: there is none of this id.
    """
    mine = the_row(conn, place, place_id, "place")
    anchors = sa.select(sa.func.count()).select_from(anchor).where(anchor.c.place_id == place_id)
    return PlaceInFull(
        place=Place(**mine._mapping),
        parts=list_places(conn, within=place_id),
        anchors=conn.scalar(anchors) or 0,
        history=audit_log.entries(conn, [f"{verb} {place_id}" for verb in places.STEPS]),
    )
