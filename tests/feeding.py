"""A small service with a feed: its equipment, and what the tests look at afterwards."""

from typing import Any

import sqlalchemy as sa

from kitback.exchange.feed import Outcome, Said, Taken, take
from kitback.policy import load
from kitback.register import Register, assets, places
from kitback.register.tables import asset, feed_item, judgement, loan, place

POLICY = load()
T = 1_749_999_600
"""Sunday 15 June 2025, 16:00 in London."""
HOUR, DAY = 3600, 86_400
NOW = T + 60 * DAY
ASSETS = ("BED-1", "BED-2", "BED-3")
HOME = {"asset": "BED-1", "pathway": "home_first", "place": "home"}
"""What is least told of a loan."""


def furnish(register: Register) -> None:
    with register.write() as conn:
        places.add_place(conn, "home", None, "loan_address", "Home", T - DAY)
        places.add_place(conn, "store", None, "store", "Store", T - DAY)
        for each in ASSETS:
            assets.add_asset(conn, each, "bed", "Model 7", T - DAY)


def say(register: Register, external_id: str, said_s: int, **facts: Any) -> Taken:
    (taken,) = take(register, POLICY, "acme", [Said(external_id, said_s, facts)], NOW)
    return taken


def rows(conn: sa.Connection, *tables: sa.Table) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [row._asdict() for row in conn.execute(sa.select(table).order_by(*table.primary_key))]
        for table in tables
    }


def register_rows(register: Register) -> dict[str, list[dict[str, Any]]]:
    with register.read() as conn:
        return rows(conn, loan, asset, judgement, place, feed_item)


def lent(register: Register, loan_ref: str) -> dict[str, Any]:
    with register.read() as conn:
        return conn.execute(sa.select(loan).where(loan.c.loan_ref == loan_ref)).one()._asdict()


__all__ = ["ASSETS", "DAY", "HOME", "HOUR", "NOW", "POLICY", "Outcome", "T", "furnish", "lent", "register_rows", "say"]
