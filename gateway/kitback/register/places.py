"""Places of the service, and the anchors that are known to be at them."""

import sqlalchemy as sa

from kitback.register import audit_log
from kitback.register.steps import IllegalMove, enter, one_of, refuse_existing, the_row
from kitback.register.tables import anchor, place
from kitback.register.upsert import put

PLACE_TYPES = ("service", "store", "care_home", "hospital", "school", "vehicle", "loan_address", "zone")


def add_place(
    conn: sa.Connection,
    place_id: str,
    within: str | None,
    type_: str,
    name: str,
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """A place of the service: a store, a care home, a loan address, with the place it is part of.

    Raises:
        IllegalMove: it is there already, or the place around it is not.
    """
    refuse_existing(conn, place, place_id, "place")
    one_of("place type", type_, PLACE_TYPES)
    if within is not None:
        the_row(conn, place, within, "place")
    values = {"place_id": place_id, "within": within, "type": type_, "name": name}
    enter(conn, place, values, at, who, f"place.add {place_id}", why)


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
