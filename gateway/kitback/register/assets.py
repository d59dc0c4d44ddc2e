"""The equipment itself: what it is, what it costs, which store it is in, when it was last serviced and examined."""

from typing import Any

import sqlalchemy as sa

from kitback.policy import Policy
from kitback.register import clocks, collections, judgements, shelves
from kitback.register.places import check_store
from kitback.register.steps import IllegalMove, change, enter, one_of, refuse_existing, refuse_silence, the_row, when
from kitback.register.tables import asset

KINDS = ("bed", "hoist", "mattress")
STATES = ("available", "prescribed", "on_loan", "returned", "decontaminated", "in_repair", "scrapped")

STEPS = ("asset.add", "asset.service", "asset.examine", "asset.scrap", "asset.clocks", *shelves.STEPS)
"""What the audit log calls them."""


def add_asset(
    conn: sa.Connection,
    asset_id: str,
    kind: str,
    model: str,
    at: int,
    *,
    serial: str | None = None,
    value_pence: int | None = None,
    commissioner: str | None = None,
    store_id: str | None = None,
    who: str = "system",
    why: str | None = None,
) -> None:
    """A piece of equipment, available for loan.

    Args:
        serial: the maker's.
        value_pence: what a new one costs; None: what the policy says of its kind.
        commissioner: who paid for it.
        store_id: the store it is in.

    Raises:
        IllegalMove: the id is taken, the kind is not one that Kitback knows, the model is nameless, or there is no such
            store.
    """
    refuse_existing(conn, asset, asset_id, "asset")
    one_of("kind", kind, KINDS)
    refuse_silence("the model", model)
    if value_pence is not None and value_pence < 0:
        raise IllegalMove(f"asset {asset_id} cannot be worth {value_pence} pence: give what a new one costs")
    if store_id is not None:
        check_store(conn, store_id)
    values = {
        "asset_id": asset_id,
        "kind": kind,
        "model": model,
        "state": "available",
        "serial": serial,
        "value_pence": value_pence,
        "commissioner": commissioner,
        "store_id": store_id,
    }
    enter(conn, asset, values, at, who, f"asset.add {asset_id}", why)
    judgements.begin(conn, asset_id, kind)


def note_service(
    conn: sa.Connection, policy: Policy, asset_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """An asset was serviced; from then on runs the time to the next service.

    Raises:
        IllegalMove: there is no such asset, a later service is known, or it came back and is not decontaminated.
    """
    _note(conn, policy, asset_id, "serviced_s", at, who, f"asset.service {asset_id}", why)


def note_examination(
    conn: sa.Connection, policy: Policy, asset_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """An asset was thoroughly examined, as LOLER asks of hoists; from then on runs the time to the next examination.

    Raises:
        IllegalMove: there is no such asset, its kind needs none, a later one is known, or it came back and is not
            decontaminated.
    """
    mine = the_row(conn, asset, asset_id, "asset")
    if policy.examined(mine.kind, at) is None:
        raise IllegalMove(
            f"asset {asset_id} is a {mine.kind}, which needs no thorough examination: note a service, or check the id"
        )
    _note(conn, policy, asset_id, "examined_s", at, who, f"asset.examine {asset_id}", why)


def _note(
    conn: sa.Connection, policy: Policy, asset_id: str, column: str, at: int, who: str, what: str, why: str | None
) -> None:
    mine = the_row(conn, asset, asset_id, "asset")
    collections.refuse_dirty(conn, asset_id, at)
    known = mine._mapping[column]
    if known is not None and at <= known:
        raise IllegalMove(f"of asset {asset_id} one of {when(known)} is known, {when(at)} is no later: check the date")
    values: dict[str, Any] = {column: at}
    values |= clocks.of_asset(policy, {**mine._mapping, **values})
    change(conn, asset, mine, values, at, who, what, why)
    judgements.refresh(conn, asset_id)
