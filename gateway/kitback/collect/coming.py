"""What comes back soon: from loans that end, by collections, and through the workshop."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.policy import Policy
from kitback.register import feeds
from kitback.register.tables import asset, collection, judgement, place, visit
from kitback.watch.words import day, iso, moment


class Stage(StrEnum):
    """How far something is on its way back to the shelf, the nearest to it first."""

    INSPECT = "inspect"
    DECONTAMINATE = "decontaminate"
    REPAIR = "repair"
    BOOKED = "booked"
    REQUESTED = "requested"
    DUE_SOON = "due_soon"


STAGES: Final = {
    Stage.INSPECT: "To be inspected and tested",
    Stage.DECONTAMINATE: "To be decontaminated",
    Stage.REPAIR: "In repair",
    Stage.BOOKED: "Collection booked",
    Stage.REQUESTED: "Collection asked for",
    Stage.DUE_SOON: "Loan due back soon",
}


class Coming(Struct, frozen=True, kw_only=True):
    """A piece of equipment on its way back."""

    asset_id: str
    model: str
    loan_ref: str | None
    stage: Stage
    at: str | None
    """When it comes; or, of what is back, since when it is so far. Null when nobody has said."""
    where: str | None
    """The store it is in, or the place it comes from."""
    sentence: str


class StageCount(Struct, frozen=True, kw_only=True):
    """How many are so far."""

    stage: Stage
    title: str
    count: int


class OnItsWay(Struct, frozen=True, kw_only=True):
    """What comes back soon of one kind, the nearest to the shelf first."""

    counts: list[StageCount]
    first: list[Coming]
    """Of each stage."""


_row, _home = judgement.c, collection.c
_STAGES: Final = {
    Stage.INSPECT: (asset.c.state == "decontaminated", _home.decontaminated_s),
    Stage.DECONTAMINATE: (asset.c.state == "returned", _home.collected_s),
    Stage.REPAIR: (asset.c.state == "in_repair", _home.inspected_s),
    Stage.BOOKED: (_home.status == "booked", visit.c.from_s),
    Stage.REQUESTED: (_home.status == "requested", _home.collect_by_s),
    Stage.DUE_SOON: (
        sa.and_(
            _row.due_soon_s <= sa.bindparam("now"),
            _row.due_s > sa.bindparam("now"),
            # What a silent feed tells of may be back already: of its loans nobody knows.
            sa.func.coalesce(_row.fed_by, "").not_in(sa.bindparam("stale", expanding=True)),
        ),
        _row.due_s,
    ),
}
"""When something is so far, and the moment that goes with it."""


def coming(conn: sa.Connection, policy: Policy, kinds: Sequence[str], now_s: int, limit: int) -> dict[str, OnItsWay]:
    """What comes back soon, by kind; `limit` of each stage at most. What a safety notice calls back does not: it is
    lent to nobody."""
    found: dict[str, dict[Stage, list[sa.Row[Any]]]] = {kind: {} for kind in kinds}
    stale = [each.source for each in feeds.stale(conn, policy.feed.stale_after, now_s)]
    for row in conn.execute(_first(kinds, limit), {"now": now_s, "stale": stale}):
        found[row.kind].setdefault(Stage(row.stage), []).append(row)
    return {
        kind: OnItsWay(
            counts=[StageCount(stage=each, title=STAGES[each], count=so_far[each][0].of) for each in _in(so_far)],
            first=[_next(row, now_s) for each in _in(so_far) for row in so_far[each]],
        )
        for kind, so_far in found.items()
    }


def _in(so_far: dict[Stage, list[sa.Row[Any]]]) -> list[Stage]:
    return [each for each in Stage if each in so_far]


def _first(kinds: Sequence[str], limit: int) -> sa.Select[Any]:
    """The first of each stage, of each kind, with the counts of all."""
    found = (
        sa.select(
            *(asset.c.asset_id, asset.c.kind, asset.c.model, _row.loan_ref, _home.failed_visits),
            sa.func.coalesce(_row.loan_place, asset.c.store_id).label("place_id"),
            sa.case(*((when, stage.value) for stage, (when, _) in _STAGES.items())).label("stage"),
            sa.case(*((when, at) for when, at in _STAGES.values())).label("at"),
        )
        .join_from(asset, judgement, asset.c.asset_id == _row.asset_id)
        .join(collection, sa.and_(_home.asset_id == asset.c.asset_id, _home.ended_s.is_(None)), isouter=True)
        .join(visit, _home.visit_id == visit.c.visit_id, isouter=True)
        .where(asset.c.kind.in_(kinds), _row.recalled_from.is_(None), sa.or_(*(when for when, _ in _STAGES.values())))
        .subquery("found")
    )
    together = (found.c.kind, found.c.stage)
    order = (found.c.at.asc().nulls_last(), found.c.asset_id)
    ranked = sa.select(
        found,
        sa.func.row_number().over(partition_by=together, order_by=order).label("rank"),
        sa.func.count().over(partition_by=together).label("of"),
    ).subquery("ranked")
    return (
        sa.select(ranked, place.c.name.label("where"))
        .join_from(ranked, place, place.c.place_id == ranked.c.place_id, isouter=True)
        .where(ranked.c.rank <= limit)
        .order_by(ranked.c.rank)
    )


def _next(row: sa.Row[Any], now_s: int) -> Coming:
    stage = Stage(row.stage)
    return Coming(
        asset_id=row.asset_id,
        model=row.model,
        loan_ref=row.loan_ref,
        stage=stage,
        at=None if row.at is None else iso(row.at),
        where=row.where,
        sentence=_on_its_way(stage, row, now_s),
    )


def _on_its_way(stage: Stage, row: sa.Row[Any], now_s: int) -> str:
    failed = f" Visits that failed: {row.failed_visits}." if row.failed_visits else ""
    if stage is Stage.BOOKED:
        return f"Collection booked for {moment(row.at, now_s)}.{failed}"
    if stage is Stage.REQUESTED:
        by = "no day is set" if row.at is None else f"to be collected by {day(row.at, now_s)}"
        return f"Collection asked for, {by}.{failed}"
    if stage is Stage.DUE_SOON:
        return f"Loan due back on {day(row.at, now_s)}, if it is not needed longer."
    since = "" if row.at is None else f", since {day(row.at, now_s)}"
    return f"{STAGES[stage]}{since}."
