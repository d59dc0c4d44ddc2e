"""What the service does with its equipment: assets, tags, places and loans, each step in the audit log.

Every function takes the connection of a `Register.write()` and changes nothing when it raises.
"""

import re
from datetime import UTC, datetime

import sqlalchemy as sa

from kitback import wire
from kitback.register import judgements
from kitback.register.audit_log import note as _audit
from kitback.register.tables import anchor, asset, audit, fitting, judgement, loan, place, tag
from kitback.register.upsert import put

KINDS = ("bed", "hoist", "mattress")
STATES = ("available", "on_loan")
SETTINGS = ("home", "care_home", "school", "hospital")
PLACE_TYPES = ("service", "store", "care_home", "hospital", "school", "vehicle", "loan_address", "zone")

# Ids end up in history lines and in addresses of pages.
_ID = re.compile(r"[^\s\\\x00-\x1f\x7f](?:[^\\\x00-\x1f\x7f]{0,58}[^\s\\\x00-\x1f\x7f])?")
_SECRET_BYTES = 16


class IllegalMove(Exception):
    """A step that the register's present state does not allow; the message names what, and the remedy."""


def add_place(
    conn: sa.Connection,
    place_id: str,
    within: str | None,
    type_: str,
    name: str,
    at: int,
    *,
    who: str = "system",
) -> None:
    """A place of the service: a store, a care home, a loan address, with the place it is part of.

    Raises:
        IllegalMove: it is there already, or the place around it is not.
    """
    _check_id("place", place_id)
    _one_of("place type", type_, PLACE_TYPES)
    _refuse_existing(conn, place.c.place_id, place_id, "place")
    if within is not None:
        _require(conn, place.c.place_id, within, "place")
    conn.execute(sa.insert(place), {"place_id": place_id, "within": within, "type": type_, "name": name})
    _audit(conn, at, who, f"place.add {place_id}", after={"type": type_, "within": within})


def add_anchor(conn: sa.Connection, anchor_hash: str, place_id: str, at: int, *, who: str = "system") -> None:
    """Say that an anchor, known by its hash under the gateway's pepper, is at a place; it may have been elsewhere.

    Raises:
        IllegalMove: there is no such place.
    """
    _require(conn, place.c.place_id, place_id, "place")
    put(conn, anchor, [{"anchor": anchor_hash, "place_id": place_id}])
    _audit(conn, at, who, f"anchor.add {place_id}", after={})


def add_asset(conn: sa.Connection, asset_id: str, kind: str, model: str, at: int, *, who: str = "system") -> None:
    """A piece of equipment, available for loan.

    Raises:
        IllegalMove: the id is taken, or the kind is not one that Kitback knows.
    """
    _check_id("asset", asset_id)
    _one_of("kind", kind, KINDS)
    _refuse_existing(conn, asset.c.asset_id, asset_id, "asset")
    conn.execute(sa.insert(asset), {"asset_id": asset_id, "kind": kind, "model": model, "state": "available"})
    judgements.begin(conn, asset_id, kind)
    _audit(conn, at, who, f"asset.add {asset_id}", after={"kind": kind, "model": model})


def enrol_tag(conn: sa.Connection, tag_id: str, secret: bytes, at: int, *, who: str = "system") -> None:
    """Make a tag known, with the secret that signs its messages.

    Raises:
        IllegalMove: it is enrolled already, its id is no tag id, or the secret is too short.
    """
    if not wire.TAG_ID.fullmatch(tag_id):
        raise IllegalMove(f"{tag_id!r} is no tag id: give the 8 to 16 lower-case hexadecimal digits on its label")
    if len(secret) < _SECRET_BYTES:
        raise IllegalMove(f"the secret of tag {tag_id} has {len(secret)} bytes: give at least {_SECRET_BYTES}")
    _refuse_existing(conn, tag.c.tag_id, tag_id, "tag")
    conn.execute(sa.insert(tag), {"tag_id": tag_id, "secret": secret, "enrolled_at": at})
    _audit(conn, at, who, f"tag.enrol {tag_id}", after={})


def provision_tag(conn: sa.Connection, tag_id: str, at: int, *, who: str = "system") -> int:
    """Note that a tag is given its keys and networks. Returns which time this is, the provisioning's generation.

    Raises:
        IllegalMove: the tag is unknown.
    """
    _require(conn, tag.c.tag_id, tag_id, "tag")
    what = f"tag.provision {tag_id}"
    before = conn.scalar(sa.select(sa.func.count()).select_from(audit).where(audit.c.what == what)) or 0
    _audit(conn, at, who, what, after={"generation": before + 1})
    return before + 1


def fit_tag(conn: sa.Connection, tag_id: str, asset_id: str, at: int, *, who: str = "system") -> None:
    """Fit a tag to an asset: what it notes from `at` on is the asset's.

    Raises:
        IllegalMove: either is unknown, or is fitted to something else.
    """
    _hold(conn, tag_id)
    _require(conn, tag.c.tag_id, tag_id, "tag")
    _require(conn, asset.c.asset_id, asset_id, "asset")
    for mine in conn.execute(
        sa.select(fitting).where(
            sa.or_(fitting.c.tag_id == tag_id, fitting.c.asset_id == asset_id),
            sa.or_(fitting.c.to_s.is_(None), fitting.c.to_s > at),
        )
    ):
        raise IllegalMove(
            f"cannot fit tag {tag_id} to asset {asset_id} at {_when(at)}: tag {mine.tag_id} is on asset "
            f"{mine.asset_id} from {_when(mine.from_s)}; take that tag off first"
        )
    conn.execute(sa.insert(fitting), {"tag_id": tag_id, "asset_id": asset_id, "from_s": at})
    _new_tag(conn, asset_id)
    _audit(conn, at, who, f"tag.fit {tag_id}", after={"asset_id": asset_id})


def unfit_tag(conn: sa.Connection, tag_id: str, at: int, *, who: str = "system") -> None:
    """Take a tag off its asset.

    Raises:
        IllegalMove: it is on none, or was fitted later than `at`.
    """
    _hold(conn, tag_id)
    mine = conn.execute(sa.select(fitting).where(fitting.c.tag_id == tag_id, fitting.c.to_s.is_(None))).one_or_none()
    if mine is None:
        raise IllegalMove(f"tag {tag_id} is fitted to no asset: check the tag id")
    if at < mine.from_s:
        raise IllegalMove(f"tag {tag_id} was fitted at {_when(mine.from_s)}, it cannot come off at {_when(at)}")
    conn.execute(sa.update(fitting).where(fitting.c.fitting_id == mine.fitting_id), {"to_s": at})
    _new_tag(conn, mine.asset_id)
    _audit(conn, at, who, f"tag.unfit {tag_id}", after={"asset_id": mine.asset_id})


def lend(
    conn: sa.Connection,
    loan_ref: str,
    asset_id: str,
    pathway: str,
    setting: str,
    place_id: str,
    at: int,
    due: int | None,
    *,
    who: str = "system",
) -> None:
    """Lend an asset to the person or home behind `loan_ref`, from `at` until `due` (None: the pathway has no end).

    Raises:
        IllegalMove: the asset is out already, the reference is taken, or something named is unknown.
    """
    _check_id("loan", loan_ref)
    _one_of("setting", setting, SETTINGS)
    _require(conn, asset.c.asset_id, asset_id, "asset")
    _require(conn, place.c.place_id, place_id, "place")
    if conn.scalar(sa.select(place.c.type).where(place.c.place_id == place_id)) == "zone":
        raise IllegalMove(f"{place_id} is a zone: lend to the place it is part of")
    _refuse_existing(conn, loan.c.loan_ref, loan_ref, "loan")
    if due is not None and due <= at:
        raise IllegalMove(f"loan {loan_ref} would be due at {_when(due)}, before it begins: check the dates")
    for other in conn.execute(
        sa.select(loan).where(loan.c.asset_id == asset_id, sa.or_(loan.c.to_s.is_(None), loan.c.to_s > at))
    ):
        raise IllegalMove(
            f"cannot lend asset {asset_id} as {loan_ref} from {_when(at)}: it is out as {other.loan_ref} "
            f"since {_when(other.from_s)}; return that loan first"
        )
    conn.execute(
        sa.insert(loan),
        {
            "loan_ref": loan_ref,
            "asset_id": asset_id,
            "pathway": pathway,
            "setting": setting,
            "place_id": place_id,
            "from_s": at,
            "due_s": due,
        },
    )
    judgements.refresh(conn, asset_id)
    _audit(conn, at, who, f"loan.start {loan_ref}", after={"asset_id": asset_id, "pathway": pathway, "due_s": due})


def return_loan(conn: sa.Connection, loan_ref: str, at: int, *, who: str = "system") -> None:
    """End a loan: the asset is back with the service.

    Raises:
        IllegalMove: there is no such loan, it has ended, or it began later than `at`.
    """
    mine = conn.execute(sa.select(loan).where(loan.c.loan_ref == loan_ref)).one_or_none()
    if mine is None:
        raise IllegalMove(f"there is no loan {loan_ref}: check the reference")
    if mine.to_s is not None:
        raise IllegalMove(f"loan {loan_ref} ended at {_when(mine.to_s)} already")
    if at < mine.from_s:
        raise IllegalMove(f"loan {loan_ref} began at {_when(mine.from_s)}, it cannot end at {_when(at)}")
    conn.execute(sa.update(loan).where(loan.c.loan_ref == loan_ref), {"to_s": at})
    judgements.refresh(conn, mine.asset_id)
    _forget_power(conn, mine.asset_id)
    _audit(conn, at, who, f"loan.end {loan_ref}", after={"asset_id": mine.asset_id})


def _hold(conn: sa.Connection, tag_id: str) -> None:
    """Let no report of a tag be taken in until this is done: whose it is, is about to change."""
    conn.execute(sa.select(tag.c.tag_id).where(tag.c.tag_id == tag_id).with_for_update(key_share=True))


def _new_tag(conn: sa.Connection, asset_id: str) -> None:
    """Another tag, or none."""
    judgements.refresh(conn, asset_id)
    _forget_power(conn, asset_id)


def _forget_power(conn: sa.Connection, asset_id: str) -> None:
    """What was said about power is nobody's word any more; a tag that finds it so says it again."""
    conn.execute(sa.update(judgement).where(judgement.c.asset_id == asset_id), {"unpowered_from": None})


def _require(conn: sa.Connection, column: sa.Column[str], key: str, what: str) -> None:
    if not _exists(conn, column, key):
        raise IllegalMove(f"there is no {what} {key}: add it first, or check the id")


def _refuse_existing(conn: sa.Connection, column: sa.Column[str], key: str, what: str) -> None:
    if _exists(conn, column, key):
        raise IllegalMove(f"{what} {key} is in the register already: give another id")


def _exists(conn: sa.Connection, column: sa.Column[str], key: str) -> bool:
    return conn.scalar(sa.select(sa.exists().where(column == key))) or False


def _check_id(what: str, key: str) -> None:
    if not _ID.fullmatch(key):
        raise IllegalMove(f"{key!r} is no {what} id: give 1 to 60 printable characters without backslashes")


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise IllegalMove(f"{what} {value!r} is not known: give one of {', '.join(allowed)}")


def _when(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
