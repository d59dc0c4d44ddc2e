"""The ready-now board: what can be lent this hour and where it stands, the nearest first, and what comes back soon."""

from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.coming import Coming, StageCount, coming
from kitback.collect.shelves import AtStore, shelves
from kitback.collect.stores import Near, stores
from kitback.collect.worklist import one_of
from kitback.policy import Policy
from kitback.watch.words import iso

SHOWN: Final = 10
"""Of each kind in each store: for one discharge the first is enough."""


class OfKind(Struct, frozen=True, kw_only=True):
    """What there is of one kind."""

    kind: str
    """bed, hoist or mattress."""
    name: str
    ready: int
    elsewhere: int
    """Of the ready: whose tag says otherwise."""
    held_back: int
    stores: list[AtStore]
    """Every store, with something or not: the nearest first, else by name; last what is in none."""
    coming: list[StageCount]
    """What comes back soon, the nearest to the shelf first."""
    next: list[Coming]
    """The first of each stage."""


class Board(Struct, frozen=True, kw_only=True):
    """What can be lent now, and what comes back soon."""

    as_of: str
    near: Near | None
    """Where distances are counted from; null when nobody asked how far."""
    kinds: list[OfKind]


def board(
    conn: sa.Connection,
    policy: Policy,
    now_s: int,
    *,
    kind: str | None = None,
    near: str | None = None,
    limit: int = SHOWN,
) -> Board:
    """The board at `now_s`.

    Args:
        kind: only this one; None: every.
        near: a place's id or name: the stores nearest to it first.
        limit: so many of each kind in each store at most, and of each stage on the way back; the counts are of all.

    Raises:
        NoSuch: kind or place are not known, or not where the place is.
    """
    one_of("kind", kind, list(policy.kind))
    start, known = stores(conn, near)
    wanted = [name for name in policy.kind if kind in (None, name)]
    on_shelves = shelves(conn, policy, wanted, known, now_s, limit)
    on_its_way = coming(conn, policy, wanted, now_s, limit)
    return Board(
        as_of=iso(now_s),
        near=start,
        kinds=[
            OfKind(
                kind=name,
                name=policy.kind[name].name,
                ready=sum(each.ready for each in on_shelves[name]),
                elsewhere=sum(each.elsewhere for each in on_shelves[name]),
                held_back=sum(each.held_back for each in on_shelves[name]),
                stores=on_shelves[name],
                coming=on_its_way[name].counts,
                next=on_its_way[name].first,
            )
            for name in wanted
        ],
    )
