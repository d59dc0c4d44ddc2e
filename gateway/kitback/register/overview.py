"""Assets and loans as staff look them up: all that the register knows of each, read at one moment."""

from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from kitback.register import assets, audit_log, collections, holds, loans, recalls
from kitback.register.steps import the_row
from kitback.register.tables import asset, fitting, flag, hold, judgement, loan, place, recall

_S = TypeVar("_S", bound=Struct)


class Asset(Struct, frozen=True, kw_only=True):
    """One piece of equipment. Times are Unix seconds; None is not known, or none."""

    asset_id: str
    kind: str
    model: str
    state: str
    """available, prescribed, on_loan, returned, decontaminated, in_repair or scrapped."""
    serial: str | None
    value_pence: int | None
    commissioner: str | None
    serviced_s: int | None
    service_due_s: int | None
    examined_s: int | None
    exam_due_s: int | None
    recalled_s: int | None
    """Since when a safety notice calls it back."""
    loan_ref: str | None
    tag_id: str | None
    fitted_s: int | None
    heard_s: int | None
    used_s: int | None
    """End of its latest use, on this loan or since its tag was fitted."""
    store_id: str | None
    """The store that staff have put it into; None while it is on loan."""
    place: str | None
    """What staff call the place it is believed to be at."""
    place_from_s: int | None


class Loan(Struct, frozen=True, kw_only=True):
    """One loan. Times are Unix seconds; None is not known, or none."""

    loan_ref: str
    status: str
    """prescribed, on_loan, returned or cancelled."""
    asset_id: str
    kind: str
    model: str
    pathway: str
    setting: str
    place_id: str
    lent_to: str
    """What staff call the place."""
    commissioner: str | None
    used_by_paid_carers: bool
    special: bool
    """Bought for this loan."""
    speed: str | None
    """None: its pathway's."""
    prescribed_s: int | None
    deliver_by_s: int | None
    deliver_risk_s: int | None
    delivered_s: int | None
    delivered_by: str | None
    due_s: int | None
    due_agreed: bool
    """Whether staff agreed the day for this loan."""
    due_soon_s: int | None
    review_s: int | None
    reviewed_s: int | None
    ended_s: int | None


class Hold(Struct, frozen=True, kw_only=True):
    """A loan that is not to be asked about for a time."""

    reason: str
    from_s: int
    until_s: int
    ended_s: int | None
    """None: it ends by itself."""


class Flag(Struct, frozen=True, kw_only=True):
    """An open flag."""

    flag_id: int
    rule: str
    status: str
    since_s: int
    sentence: str


class Recall(Struct, frozen=True, kw_only=True):
    """A safety notice that calls, or called, an asset back."""

    notice: str
    reason: str
    from_s: int
    ended_s: int | None


class Fitting(Struct, frozen=True, kw_only=True):
    """A tag that is, or was, on an asset."""

    tag_id: str
    from_s: int
    to_s: int | None


class AssetInFull(Struct, frozen=True, kw_only=True):
    """An asset with all that belongs to it; the latest first, but for its history."""

    asset: Asset
    recalls: list[Recall]
    fittings: list[Fitting]
    loans: list[Loan]
    flags: list[Flag]
    history: list[audit_log.Entry]


class LoanInFull(Struct, frozen=True, kw_only=True):
    """A loan with all that belongs to it, in the order of time."""

    loan: Loan
    asset: Asset
    """As it is now, on this loan or not."""
    holds: list[Hold]
    flags: list[Flag]
    history: list[audit_log.Entry]


def list_assets(
    conn: sa.Connection, *, kind: str | None = None, state: str | None = None, limit: int | None = None
) -> list[Asset]:
    """All assets, or those of a kind or in a state, by their ids; so many at most."""
    chosen = [column == value for column, value in ((asset.c.kind, kind), (asset.c.state, state)) if value is not None]
    return _assets(conn, sa.and_(sa.true(), *chosen), limit)


def list_loans(
    conn: sa.Connection, *, ended: bool = False, pathway: str | None = None, limit: int | None = None
) -> list[Loan]:
    """All running loans, or those on a pathway, by their references; with those that have ended, if told; so many at
    most."""
    chosen = [] if pathway is None else [loan.c.pathway == pathway]
    return _loans(conn, sa.and_(sa.true() if ended else loan.c.to_s.is_(None), *chosen), limit)


def show_asset(conn: sa.Connection, asset_id: str) -> AssetInFull:
    """One asset.

    Raises:
        IllegalMove: there is none of this id.
    """
    the_row(conn, asset, asset_id, "asset")
    notices = _recalls(conn, asset_id)
    told = [f"{verb} {asset_id}" for verb in assets.STEPS]
    told += [f"{verb} {each.notice} {asset_id}" for verb in recalls.STEPS for each in notices]
    (mine,) = _assets(conn, asset.c.asset_id == asset_id)
    return AssetInFull(
        asset=mine,
        recalls=notices,
        fittings=_fittings(conn, asset_id),
        loans=sorted(_loans(conn, loan.c.asset_id == asset_id), key=_began, reverse=True),
        flags=_flags(conn, flag.c.asset_id == asset_id),
        history=audit_log.entries(conn, told),
    )


def show_loan(conn: sa.Connection, loan_ref: str) -> LoanInFull:
    """One loan.

    Raises:
        IllegalMove: there is none of this reference.
    """
    the_row(conn, loan, loan_ref, "loan")
    (mine,) = _loans(conn, loan.c.loan_ref == loan_ref)
    (lent,) = _assets(conn, asset.c.asset_id == mine.asset_id)
    return LoanInFull(
        loan=mine,
        asset=lent,
        holds=_holds(conn, loan_ref),
        flags=_flags(conn, flag.c.loan_ref == loan_ref),
        history=audit_log.entries(
            conn, [f"{verb} {loan_ref}" for verb in (*loans.STEPS, *holds.STEPS, *collections.STEPS)]
        ),
    )


def _assets(conn: sa.Connection, which: sa.ColumnElement[bool], limit: int | None = None) -> list[Asset]:
    now = judgement.c
    rows = conn.execute(
        sa.select(
            asset,
            *(now.loan_ref, now.tag_id, now.place_from, now.used_at, now.heard_at, now.fitted_at, now.recalled_from),
            sa.case((now.place_type == "unknown", "unknown"), else_=place.c.name).label("place"),
        )
        .join_from(asset, judgement, asset.c.asset_id == now.asset_id)
        .join(place, place.c.place_id == now.place_id, isouter=True)
        .where(which)
        .order_by(asset.c.asset_id)
        .limit(limit)
    )
    names = {"recalled_s": "recalled_from", "fitted_s": "fitted_at", "heard_s": "heard_at", "used_s": "used_at"}
    return [_as(Asset, row, names | {"place_from_s": "place_from"}) for row in rows]


def _loans(conn: sa.Connection, which: sa.ColumnElement[bool], limit: int | None = None) -> list[Loan]:
    status = sa.case(
        (sa.and_(loan.c.from_s.is_(None), loan.c.to_s.is_(None)), "prescribed"),
        (loan.c.from_s.is_(None), "cancelled"),
        (loan.c.to_s.is_(None), "on_loan"),
        else_="returned",
    )
    rows = conn.execute(
        sa.select(loan, asset.c.kind, asset.c.model, place.c.name.label("lent_to"), status.label("status"))
        .join_from(loan, asset, loan.c.asset_id == asset.c.asset_id)
        .join(place, loan.c.place_id == place.c.place_id)
        .where(which)
        .order_by(loan.c.loan_ref)
        .limit(limit)
    )
    return [_as(Loan, row, {"delivered_s": "from_s", "due_agreed": "due_own", "ended_s": "to_s"}) for row in rows]


def _holds(conn: sa.Connection, loan_ref: str) -> list[Hold]:
    rows = conn.execute(sa.select(hold).where(hold.c.loan_ref == loan_ref).order_by(hold.c.from_s, hold.c.hold_id))
    return [_as(Hold, row) for row in rows]


def _flags(conn: sa.Connection, which: sa.ColumnElement[bool]) -> list[Flag]:
    rows = conn.execute(sa.select(flag).where(which, flag.c.closed_at.is_(None)).order_by(flag.c.since, flag.c.rule))
    return [_as(Flag, row, {"since_s": "since"}) for row in rows]


def _recalls(conn: sa.Connection, asset_id: str) -> list[Recall]:
    mine = sa.select(recall).where(recall.c.asset_id == asset_id).order_by(recall.c.from_s.desc(), recall.c.recall_id)
    return [_as(Recall, row, {"notice": "recall_ref"}) for row in conn.execute(mine)]


def _fittings(conn: sa.Connection, asset_id: str) -> list[Fitting]:
    mine = sa.select(fitting).where(fitting.c.asset_id == asset_id)
    rows = conn.execute(mine.order_by(fitting.c.from_s.desc(), fitting.c.fitting_id.desc()))
    return [_as(Fitting, row) for row in rows]


def _began(lent: Loan) -> int:
    return lent.delivered_s or lent.prescribed_s or 0


def _as(kind: type[_S], row: sa.Row[Any], names: dict[str, str] | None = None) -> _S:
    """A row as a struct; `names` are the columns of fields that are called otherwise."""
    named = names or {}
    return kind(**{field: row._mapping[named.get(field, field)] for field in kind.__struct_fields__})
