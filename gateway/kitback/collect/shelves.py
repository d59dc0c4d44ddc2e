"""What is available, by kind and store: ready to be lent, or held back and why.

Ready is what is available, not called back by a safety notice, and in date:

- a kind that the policy has thoroughly examined is in date only if the examination is known and not yet due again;
- a service that is due makes any kind out of date. One that nobody has entered has no day on which it is due, and
  holds nothing back: the board says that it is not known.

What a tag contradicts is ready all the same, and says so: somebody has to look.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.stores import Store
from kitback.policy import Policy
from kitback.register.tables import asset, judgement, place
from kitback.watch.words import day, iso

NO_STORE: Final = "No store entered"


class Why(StrEnum):
    """Why what is available is held back."""

    RECALLED = "recalled"
    EXAM_UNKNOWN = "exam_unknown"
    EXAM_OVERDUE = "exam_overdue"
    SERVICE_OVERDUE = "service_overdue"


class Ready(Struct, frozen=True, kw_only=True):
    """A piece of equipment that can be lent now. Times are UTC in ISO 8601."""

    asset_id: str
    model: str
    commissioner: str | None
    service_due: str | None
    """Null: no service is known."""
    exam_due: str | None
    """When the next thorough examination is due; null for kinds that have none."""
    elsewhere: bool
    """Its tag says that it is not in the store: look before you promise it."""
    tag_says: str
    """What its tag says of where it is, in words."""


class HeldBack(Struct, frozen=True, kw_only=True):
    """A piece of equipment that is available and yet not to be lent."""

    asset_id: str
    model: str
    why: Why
    sentence: str
    """Why, and what to do."""


class AtStore(Struct, frozen=True, kw_only=True):
    """What there is of one kind in one store."""

    store_id: str | None
    """Null for what the register has in no store."""
    name: str
    km: float | None
    """In a straight line, to a tenth; null when nobody asked how far, or when its point is not known."""
    ready: int
    elsewhere: int
    """Of the ready: whose tag says otherwise."""
    held_back: int
    items: list[Ready]
    """The first of the ready: those whose tag does not contradict first, then what stays in date longest."""
    not_ready: list[HeldBack]
    """The first of what is held back."""


def shelves(
    conn: sa.Connection, policy: Policy, kinds: Sequence[str], known: Sequence[Store], now_s: int, limit: int
) -> dict[str, list[AtStore]]:
    """What is available of each kind in each of the `known` stores, in their order, and last in none; with the first
    of what is ready and of what is not, `limit` of either."""
    found: dict[tuple[str, str | None], list[sa.Row[Any]]] = defaultdict(list)
    for row in conn.execute(_first(policy, kinds, known, now_s, limit)):
        found[row.kind, row.store_id].append(row)

    def at(kind: str, store_id: str | None, name: str, km: float | None) -> AtStore:
        quiet_s = policy.kind[kind].silent_after.seconds
        return _at_store(store_id, name, km, found[kind, store_id], quiet_s, now_s)

    return {
        kind: [
            *(at(kind, each.store_id, each.name, each.km) for each in known),
            *([at(kind, None, NO_STORE, None)] if (kind, None) in found else []),
        ]
        for kind in kinds
    }


def _first(policy: Policy, kinds: Sequence[str], known: Sequence[Store], now_s: int, limit: int) -> sa.Select[Any]:
    """The first of what is ready and of what is not, of each kind in each store, with the counts of all."""
    examined = [name for name, each in policy.kind.items() if each.examine_every]
    why = sa.case(
        (judgement.c.recalled_from.is_not(None), Why.RECALLED.value),
        (asset.c.exam_due_s <= now_s, Why.EXAM_OVERDUE.value),
        (sa.and_(asset.c.kind.in_(examined), asset.c.exam_due_s.is_(None)), Why.EXAM_UNKNOWN.value),
        (asset.c.service_due_s <= now_s, Why.SERVICE_OVERDUE.value),
    )
    elsewhere = sa.case((_contradicted(known), 1), else_=0)
    found = (
        sa.select(
            *(asset.c[name] for name in ("asset_id", "kind", "model", "commissioner", "store_id")),
            *(asset.c[name] for name in ("service_due_s", "exam_due_s")),
            *(judgement.c[name] for name in ("tag_id", "heard_at", "place_id", "place_type", "place_from")),
            judgement.c.recalled_from,
            why.label("why"),
            elsewhere.label("elsewhere"),
        )
        .join_from(asset, judgement, asset.c.asset_id == judgement.c.asset_id)
        .where(asset.c.state == "available", asset.c.kind.in_(kinds))
        .subquery("found")
    )
    first = (found.c.elsewhere, found.c.exam_due_s.desc().nulls_last(), found.c.service_due_s.desc().nulls_last())
    together = (found.c.kind, found.c.store_id, found.c.why.is_(None))
    ranked = sa.select(
        found,
        sa.func.row_number().over(partition_by=together, order_by=(*first, found.c.asset_id)).label("rank"),
        sa.func.count().over(partition_by=together).label("of"),
        sa.func.sum(found.c.elsewhere).over(partition_by=together).label("of_elsewhere"),
    ).subquery("ranked")
    return (
        sa.select(ranked, place.c.name.label("seen_at"))
        .join_from(ranked, place, place.c.place_id == ranked.c.place_id, isouter=True)
        .where(ranked.c.rank <= limit)
        .order_by(ranked.c.rank)
    )


def _contradicted(known: Sequence[Store]) -> sa.ColumnElement[bool]:
    """Whether the tag says that the asset is not in its store."""
    elsewhere = {each.store_id: each.heard_as for each in known if each.heard_as != each.store_id}
    heard_as = sa.case(elsewhere, value=asset.c.store_id, else_=asset.c.store_id) if elsewhere else asset.c.store_id
    # A tag in a store whose landmarks nobody has learned is always at a place Kitback does not know.
    surveyed = [each.store_id for each in known if each.surveyed]
    left = sa.and_(judgement.c.place_type == "unknown", asset.c.store_id.in_(surveyed))
    return sa.or_(judgement.c.place_id != heard_as, left)


def _at_store(
    store_id: str | None, name: str, km: float | None, rows: Sequence[sa.Row[Any]], quiet_s: int, now_s: int
) -> AtStore:
    ready = [row for row in rows if row.why is None]
    held_back = [row for row in rows if row.why is not None]
    return AtStore(
        store_id=store_id,
        name=name,
        km=km,
        ready=ready[0].of if ready else 0,
        elsewhere=int(ready[0].of_elsewhere) if ready else 0,
        held_back=held_back[0].of if held_back else 0,
        items=[_ready(row, quiet_s, now_s) for row in ready],
        not_ready=[_held_back(row, now_s) for row in held_back],
    )


def _ready(row: sa.Row[Any], quiet_s: int, now_s: int) -> Ready:
    return Ready(
        asset_id=row.asset_id,
        model=row.model,
        commissioner=row.commissioner,
        service_due=None if row.service_due_s is None else iso(row.service_due_s),
        exam_due=None if row.exam_due_s is None else iso(row.exam_due_s),
        elsewhere=bool(row.elsewhere),
        tag_says=_tag_says(row, quiet_s, now_s),
    )


def _tag_says(row: sa.Row[Any], quiet_s: int, now_s: int) -> str:
    if row.tag_id is None:
        return "It has no tag."
    if row.heard_at is None:
        return "Its tag was never heard."
    where = "Its tag has not said where it is." if row.place_type is None else _where(row, day(row.place_from, now_s))
    return where if now_s - row.heard_at < quiet_s else f"{where} It was last heard on {day(row.heard_at, now_s)}."


def _where(row: sa.Row[Any], since: str) -> str:
    at = row.seen_at or "a place Kitback does not know"
    if row.elsewhere:
        return f"Not here, says its tag: at {at} since {since}. Look before you promise it."
    if row.store_id is None:
        return f"Its tag says: at {at} since {since}. Enter its store: kitback assets put {row.asset_id}."
    if row.place_id is None:
        return f"Its tag knows no landmark where it is, since {since}."
    return f"Its tag agrees, since {since}."


def _held_back(row: sa.Row[Any], now_s: int) -> HeldBack:
    why = Why(row.why)
    return HeldBack(asset_id=row.asset_id, model=row.model, why=why, sentence=_REASONS[why](row, now_s))


def _recalled(row: sa.Row[Any], now_s: int) -> str:
    since = day(row.recalled_from, now_s)
    return f"A safety notice calls it back since {since}. Make it safe first: kitback assets show {row.asset_id}."


def _exam_unknown(row: sa.Row[Any], _: int) -> str:
    return f"No thorough examination is known, so it is not in date. {_EXAMINE} {row.asset_id}."


def _exam_overdue(row: sa.Row[Any], now_s: int) -> str:
    return f"Its thorough examination was due on {day(row.exam_due_s, now_s)}. {_EXAMINE} {row.asset_id}."


def _service_overdue(row: sa.Row[Any], now_s: int) -> str:
    due = day(row.service_due_s, now_s)
    return f"Its service was due on {due}. Have it serviced, then: kitback assets serviced {row.asset_id}."


_EXAMINE: Final = "Have it examined, then: kitback assets examined"
_REASONS: Final[dict[Why, Callable[[sa.Row[Any], int], str]]] = {
    Why.RECALLED: _recalled,
    Why.EXAM_UNKNOWN: _exam_unknown,
    Why.EXAM_OVERDUE: _exam_overdue,
    Why.SERVICE_OVERDUE: _service_overdue,
}
