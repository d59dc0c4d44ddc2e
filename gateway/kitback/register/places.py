"""Places of the service, and the anchors that are known to be at them."""

from math import isfinite
from typing import NamedTuple

import sqlalchemy as sa

from kitback.register import audit_log
from kitback.register.steps import IllegalMove, change, enter, one_of, refuse_existing, refuse_silence, the_row
from kitback.register.tables import anchor, place
from kitback.register.upsert import put

PLACE_TYPES = ("service", "store", "care_home", "hospital", "school", "vehicle", "loan_address", "zone")

STEPS = ("place.add", "place.point")
"""What the audit log calls them."""


class Point(NamedTuple):
    """Where a place is on the map, in degrees."""

    lat: float
    """North of the equator; south is negative."""
    lon: float
    """East of Greenwich; west is negative."""


def add_place(
    conn: sa.Connection,
    place_id: str,
    within: str | None,
    type_: str,
    name: str,
    at: int,
    *,
    point: Point | None = None,
    who: str = "system",
    why: str | None = None,
) -> None:
    """A place of the service: a store, a care home, a loan address, with the place it is part of.

    Args:
        point: where it is on the map; never of a loan address.

    Raises:
        IllegalMove: it is there already, it has no name, the place around it is not there, or its point cannot be kept.
    """
    refuse_existing(conn, place, place_id, "place")
    one_of("place type", type_, PLACE_TYPES)
    refuse_silence("the place's name", name)
    if within is not None:
        the_row(conn, place, within, "place")
    values: dict[str, str | float | None] = {"place_id": place_id, "within": within, "type": type_, "name": name}
    if point is not None:
        _check_point(conn, place_id, type_, within, point)
        values |= point._asdict()
    enter(conn, place, values, at, who, f"place.add {place_id}", why)


def set_point(
    conn: sa.Connection, place_id: str, point: Point, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """Say where a place is on the map: distances are counted from there.

    Raises:
        IllegalMove: there is no such place, it is a loan address or part of one, the point is none on earth, or it is
            known to be there already.
    """
    mine = the_row(conn, place, place_id, "place")
    _check_point(conn, place_id, mine.type, mine.within, point)
    if (mine.lat, mine.lon) == (point.lat, point.lon):
        raise IllegalMove(f"place {place_id} is at {point.lat}, {point.lon} already: check the id")
    change(conn, place, mine, point._asdict(), at, who, f"place.point {place_id}", why)


def add_anchor(
    conn: sa.Connection, anchor_hash: str, place_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """Say that an anchor, known by its hash under the gateway's pepper, is at a place; it may have been elsewhere.

    Raises:
        IllegalMove: there is no such place.
    """
    the_row(conn, place, place_id, "place")
    put(conn, anchor, [{"anchor": anchor_hash, "place_id": place_id}])
    audit_log.note(conn, at, who, f"anchor.add {place_id}", why=why, after={})


def check_loan_place(conn: sa.Connection, place_id: str) -> None:
    """Refuse a place that nothing can be lent to.

    Raises:
        IllegalMove: there is none, or it is but a part of one.
    """
    if the_row(conn, place, place_id, "place").type == "zone":
        raise IllegalMove(f"{place_id} is a zone: lend to the place it is part of")


def check_store(conn: sa.Connection, place_id: str) -> None:
    """Refuse a place that is no store.

    Raises:
        IllegalMove: there is none, or it is another kind of place.
    """
    found = the_row(conn, place, place_id, "place")
    if found.type != "store":
        raise IllegalMove(
            f"{place_id} ({found.name}) is no store: give the id of a store, `kitback places list` has them"
        )


def _check_point(conn: sa.Connection, place_id: str, type_: str, within: str | None, point: Point) -> None:
    if not (isfinite(point.lat) and isfinite(point.lon) and abs(point.lat) <= 90 and abs(point.lon) <= 180):
        raise IllegalMove(
            f"{point.lat}, {point.lon} is no point on earth: give degrees north, then degrees east, as 52.63 -1.13"
        )
    while type_ == "zone" and within is not None:
        around = the_row(conn, place, within, "place")
        type_, within = around.type, around.within
    if type_ == "loan_address":
        # Whoever knows the point knows the door.
        raise IllegalMove(f"{place_id} is a loan address or part of one: where it is on the map is not kept")
