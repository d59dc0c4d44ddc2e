"""Which store a piece of equipment is in, by staff's own word: beside what its tag tells, and where it has none."""

import sqlalchemy as sa

from kitback.register.places import check_store
from kitback.register.steps import IllegalMove, change, the_row
from kitback.register.tables import asset

STEPS = ("asset.store",)
"""What the audit log calls them."""


def put(
    conn: sa.Connection, asset_id: str, store_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """An asset that is on no loan is in this store now: it was brought there, or found there.

    Raises:
        IllegalMove: there is no such asset or store, it is on loan or scrapped, the register has it there already, or
            it came back into another one and is not decontaminated.
    """
    mine = the_row(conn, asset, asset_id, "asset")
    check_store(conn, store_id)
    if mine.state == "on_loan":
        raise IllegalMove(f"asset {asset_id} is on loan: return the loan first, into this store")
    if mine.state == "scrapped":
        raise IllegalMove(f"asset {asset_id} was scrapped: check the id")
    if mine.state == "returned" and mine.store_id not in (None, store_id):
        raise IllegalMove(
            f"asset {asset_id} came back and is not decontaminated: record that before it is taken to another store"
        )
    if mine.store_id == store_id:
        raise IllegalMove(f"asset {asset_id} is in {store_id} already: give another store")
    follow(conn, asset_id, store_id, at, who=who, why=why)


def follow(
    conn: sa.Connection, asset_id: str, store_id: str | None, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """It came into a store, or left for a loan; what changes nothing is not noted."""
    mine = the_row(conn, asset, asset_id, "asset")
    if mine.store_id != store_id:
        change(conn, asset, mine, {"store_id": store_id}, at, who, f"asset.store {asset_id}", why)
