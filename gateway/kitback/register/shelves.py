"""Which store a piece of equipment is in, by staff's own word: beside what its tag tells, and where it has none."""

import sqlalchemy as sa

from kitback.register.steps import IllegalMove, change, the_row
from kitback.register.tables import asset, place

STEPS = ("asset.store",)
"""What the audit log calls them."""


def put(
    conn: sa.Connection, asset_id: str, store_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """It is kept in a store now, or in another one.

    Raises:
        IllegalMove: there is no such asset or store, it is there already, or it is on loan.
    """
    mine = the_row(conn, asset, asset_id, "asset")
    if mine.state == "on_loan":
        raise IllegalMove(f"asset {asset_id} is on loan: return the loan, into that store")
    if mine.store_id == store_id:
        raise IllegalMove(f"asset {asset_id} is in {store_id} already: check the id")
    check_store(conn, store_id)
    follow(conn, asset_id, store_id, at, who=who, why=why)


def follow(
    conn: sa.Connection, asset_id: str, store_id: str | None, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """It came into a store, or left for a loan; what changes nothing is not noted."""
    mine = the_row(conn, asset, asset_id, "asset")
    if mine.store_id != store_id:
        change(conn, asset, mine, {"store_id": store_id}, at, who, f"asset.store {asset_id}", why)


def check_store(conn: sa.Connection, store_id: str) -> None:
    """Refuse what is no store.

    Raises:
        IllegalMove: there is no such place, or it is another kind of place.
    """
    kept_in = the_row(conn, place, store_id, "place")
    if kept_in.type != "store":
        raise IllegalMove(f"{store_id} is a {kept_in.type.replace('_', ' ')}: name a store")
