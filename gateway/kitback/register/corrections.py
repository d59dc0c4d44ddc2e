"""Loans entered or put right as a whole, for what becomes known later than it happened.

The other steps follow a loan as it goes on. These say how it had been all along, with the clocks that it would
have had.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import SETTINGS, Policy, PolicyError
from kitback.register import audit_log, clocks, collections, holds, judgements, shelves
from kitback.register.places import check_loan_place
from kitback.register.recalls import refuse_recalled
from kitback.register.steps import IllegalMove, change, enter, one_of, refuse_existing, the_row, when
from kitback.register.tables import asset, collection, feed_item, flag, hold, loan

HOME: Final = ("decontaminated_s", "available_s")
"""What is known besides of equipment that came back: of its `collection`; it is available when that has ended well."""
_FED: Final = ("collected", "decontaminated", "available")
_OF_TRIP: Final = ("asset_id", "from_s", "to_s", *HOME)
"""What the trip home follows from: where none of it is put right, the trip and its money stay as they are."""

Facts = Mapping[str, Any]
"""Columns of `loan` by their names."""

_UNSET: Final[Facts] = {
    "commissioner": None,
    "used_by_paid_carers": False,
    "special": False,
    "prescribed_s": None,
    "speed": None,
    "deliver_by_s": None,
    "deliver_risk_s": None,
    "from_s": None,
    "delivered_by": None,
    "due_s": None,
    "due_own": False,
    "due_soon_s": None,
    "review_s": None,
    "reviewed_s": None,
    "to_s": None,
    "fed_by": None,
}


def enter_loan(
    conn: sa.Connection, policy: Policy, facts: Facts, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """A loan as it is, wherever it is in its life: prescribed, out, or over long since.

    Raises:
        IllegalMove: the reference is taken, something named is unknown, the dates are in no order, or the asset was
            out then, or is called back.
    """
    loan_ref = facts["loan_ref"]
    refuse_existing(conn, loan, loan_ref, "loan")
    row = {**_UNSET, **facts}
    _check(conn, policy, row)
    if row["to_s"] is None:
        refuse_recalled(conn, row["asset_id"])
        _refuse_unready(conn, row)
    values = {name: value for name, value in row.items() if name not in HOME}
    enter(conn, loan, values | _clocks(policy, row), at, who, f"loan.enter {loan_ref}", why)
    if row["to_s"] is None and row["from_s"] is not None:
        shelves.follow(conn, row["asset_id"], None, at, who=who, why=why)
    if row.get("available_s") is not None:
        _come_home(conn, policy, row, at, who, why)
    judgements.refresh(conn, row["asset_id"])


def correct(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    values: Facts,
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """What the register says of a loan was wrong from the beginning.

    Raises:
        IllegalMove: as `enter_loan`, or something else that is known of the loan could not be true then.
    """
    correct_all(conn, policy, {loan_ref: values}, at, who=who, why=why)


def correct_all(
    conn: sa.Connection,
    policy: Policy,
    changes: Mapping[str, Facts],
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """As `correct`, of several loans at once: two may have been taken for each other.

    Raises:
        IllegalMove: as `correct`; what was put right until then has to be taken back by the caller.
    """
    rows = {loan_ref: the_row(conn, loan, loan_ref, "loan") for loan_ref in changes}
    home = {loan_ref: came_home(conn, loan_ref) for loan_ref in changes}
    anew = {ref: {**rows[ref]._mapping, **home[ref], **values} for ref, values in changes.items()}
    for loan_ref, row in anew.items():
        _check(conn, policy, row, [each for other, each in anew.items() if other != loan_ref])
        _check_known(conn, rows[loan_ref], row)
        _check_acted_on(conn, rows[loan_ref], row)
    # While they change places none of them is in another's way.
    conn.execute(sa.update(loan).where(loan.c.loan_ref.in_(rows), loan.c.to_s.is_(None)).values(to_s=0))
    for loan_ref, row in anew.items():
        told = {name: value for name, value in changes[loan_ref].items() if name not in HOME}
        values = {**told, "to_s": row["to_s"], **_clocks(policy, row)}
        if any(rows[loan_ref]._mapping[name] != value for name, value in values.items()):
            change(conn, loan, rows[loan_ref], values, at, who, f"loan.correct {loan_ref}", why)
        else:
            conn.execute(sa.update(loan).where(loan.c.loan_ref == loan_ref).values(to_s=row["to_s"]))
        if any(row[name] != {**rows[loan_ref]._mapping, **home[loan_ref]}[name] for name in _OF_TRIP):
            _come_home(conn, policy, row, at, who, why)
        if row["to_s"] is not None and rows[loan_ref].to_s is None:
            holds.end_with(conn, loan_ref, row["to_s"], who=who, why=why)
            judgements.forget_power(conn, rows[loan_ref].asset_id)
        elif row["from_s"] is not None and row["to_s"] is None:
            shelves.follow(conn, row["asset_id"], None, at, who=who, why=why)
    for asset_id in sorted({row["asset_id"] for row in (*anew.values(), *(row._mapping for row in rows.values()))}):
        judgements.refresh(conn, asset_id)


def withdraw(conn: sa.Connection, loan_ref: str, at: int, *, who: str = "system", why: str | None = None) -> None:
    """There was no such loan: it goes, and the audit log keeps what it was.

    Raises:
        IllegalMove: there is no such loan, or somebody has acted on it.
    """
    mine = the_row(conn, loan, loan_ref, "loan")
    if (what := acted_on(conn, loan_ref)) is not None:
        raise IllegalMove(f"loan {loan_ref} has {what}: return or cancel it instead")
    _come_home(conn, None, {**mine._mapping, "to_s": None}, at, who, why)
    conn.execute(sa.update(feed_item).where(feed_item.c.loan_ref == loan_ref).values(loan_ref=None))
    conn.execute(sa.delete(loan).where(loan.c.loan_ref == loan_ref))
    audit_log.note(conn, at, who, f"loan.withdraw {loan_ref}", why=why, before=_known(mine))
    judgements.refresh(conn, mine.asset_id)


def acted_on(conn: sa.Connection, loan_ref: str) -> str | None:
    """What has been noted of a loan besides that it is over, in words; None: nothing, it can go without a trace."""
    unlike = sa.or_(collection.c.requested_s.is_not(None), collection.c.status.not_in(_FED))
    for table, which, words in (
        (flag, sa.true(), "been flagged"),
        (hold, sa.true(), "been held"),
        (collection, unlike, "been asked for, or looked at when it was back"),
    ):
        if conn.scalar(sa.select(sa.exists().where(table.c.loan_ref == loan_ref, which))):
            return words
    return None


def came_home(conn: sa.Connection, loan_ref: str) -> dict[str, int | None]:
    """What is known of a loan's equipment since it came back: `HOME`."""
    mine = _collection(conn, loan_ref)
    if mine is None:
        return dict.fromkeys(HOME)
    return {
        "decontaminated_s": mine.decontaminated_s,
        "available_s": mine.ended_s if mine.status == "available" else None,
    }


def _collection(conn: sa.Connection, loan_ref: str) -> sa.Row[Any] | None:
    mine = (collection.c.loan_ref == loan_ref, collection.c.status != "cancelled")
    return conn.execute(sa.select(collection).where(*mine)).one_or_none()


def _come_home(conn: sa.Connection, policy: Policy | None, row: Facts, at: int, who: str, why: str | None) -> None:
    """Put right how a loan's equipment came home, or that it did not."""
    mine = _collection(conn, row["loan_ref"])
    back = row["to_s"] is not None and row["from_s"] is not None
    if mine is not None and mine.status not in _FED and (back or mine.status != "requested"):
        raise IllegalMove(
            f"what came back of loan {row['loan_ref']} is in repair, scrapped or to be fetched: note here what is right"
        )
    if mine is not None and mine.status not in _FED:
        return
    what = f"{row['loan_ref']}"
    if not back or policy is None:
        if mine is None:
            return
        if mine.requested_s is not None:
            raise IllegalMove(f"loan {what} was asked to be fetched, and noted as back: note here what is right")
        conn.execute(sa.delete(collection).where(collection.c.collection_id == mine.collection_id))
        audit_log.note(conn, at, who, f"collection.withdraw {what}", why=why, before=_known(mine))
        return
    values = _home_row(conn, policy, row, "drop_off" if mine is None else mine.how)
    if mine is not None and mine.asset_id == row["asset_id"]:
        # What was counted once stays as the policy of that day had it.
        stays = {name: mine._mapping[name] for name in ("cost_pence", "credit_pence")}
        values |= {name: was for name, was in stays.items() if None not in (was, values[name])}
    if mine is None:
        enter(conn, collection, {**values, "failed_visits": 0}, at, who, f"collection.enter {what}", why)
    elif any(mine._mapping[name] != value for name, value in values.items()):
        change(conn, collection, mine, values, at, who, f"collection.correct {what}", why)


def _home_row(conn: sa.Connection, policy: Policy, row: Facts, how: str) -> dict[str, Any]:
    clean, ready = row.get("decontaminated_s"), row.get("available_s")
    own = the_row(conn, asset, row["asset_id"], "asset")
    return {
        "loan_ref": row["loan_ref"],
        "asset_id": row["asset_id"],
        "status": "available" if ready is not None else "collected" if clean is None else "decontaminated",
        "how": how,
        "collected_s": row["to_s"],
        "decontaminated_s": clean,
        "inspected_s": ready,
        "ended_s": ready,
        "cost_pence": None if clean is None else policy.homecoming_cost_pence(own.kind, how),
        "credit_pence": None if ready is None else policy.credit_pence(own.kind, own.value_pence),
    }


def _known(row: sa.Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if value is not None}


def _clocks(policy: Policy, row: Facts) -> dict[str, Any]:
    """The clocks that a loan would have if all had been known from the beginning."""
    try:
        delivery = clocks.of_loan(policy, {**row, "from_s": None})
        return delivery | (clocks.of_loan(policy, row) if row["from_s"] is not None else _NO_CLOCKS)
    except PolicyError as error:
        raise IllegalMove(f"loan {row['loan_ref']}: {error}: add it to the policy, or give another one") from error


_NO_CLOCKS: Final[dict[str, Any]] = {"due_s": None, "due_soon_s": None, "review_s": None}


def _check(conn: sa.Connection, policy: Policy, row: Facts, others: Sequence[Facts] = ()) -> None:
    """Refuse what could not be; `others` are loans as they will be in a moment."""
    one_of("pathway", row["pathway"], tuple(policy.pathway))
    if row["speed"] is not None:
        one_of("delivery speed", row["speed"], tuple(policy.delivery_speed))
    one_of("setting", row["setting"], SETTINGS)
    the_row(conn, asset, row["asset_id"], "asset")
    check_loan_place(conn, row["place_id"])
    times = [row[name] for name in ("prescribed_s", "from_s", "to_s") if row[name] is not None]
    if times != sorted(times) or (row["prescribed_s"] is None and row["from_s"] is None):
        raise IllegalMove(f"loan {row['loan_ref']} would end before it began, or never begin: check the dates")
    home = [row[name] for name in ("to_s", *HOME) if row.get(name) is not None]
    if row["to_s"] is not None and home != sorted(home):
        raise IllegalMove(
            f"loan {row['loan_ref']} would have come home at {when(row['to_s'])}, after what came back was clean: "
            "check the dates"
        )
    _refuse_overlap(conn, row, others)


def _refuse_overlap(conn: sa.Connection, row: Facts, others: Sequence[Facts]) -> None:
    but = (row["loan_ref"], *(each["loan_ref"] for each in others))
    same = conn.execute(sa.select(loan).where(loan.c.asset_id == row["asset_id"], loan.c.loan_ref.not_in(but)))
    there = [each._asdict() for each in same]
    for other in (*there, *(each for each in others if each["asset_id"] == row["asset_id"])):
        if overlap(row, other):
            raise IllegalMove(taken(other, row["loan_ref"]))


def taken(other: Facts, loan_ref: str) -> str:
    """That an asset cannot be lent as `loan_ref`, for another loan has it; and what to do."""
    is_out = "is out" if other["from_s"] is not None else "is reserved"
    if other["to_s"] is None:
        return (
            f"{other['asset_id']} {is_out} as {other['loan_ref']} since {when(_begins(other))}: note the end of that "
            f"loan, or check which equipment {loan_ref} has"
        )
    return (
        f"{other['asset_id']} was out as {other['loan_ref']} from {when(_begins(other))} until {when(other['to_s'])}: "
        f"check the dates of both, or which equipment {loan_ref} has"
    )


def _refuse_unready(conn: sa.Connection, row: Facts) -> None:
    """Refuse to lend what is not clean, or was not when it left. What is reserved may have become so since."""
    back, at = collections.latest(conn, row["asset_id"]), row["from_s"]
    if at is None:
        at = max(row["prescribed_s"], (back and back.ended_s) or 0)
    collections.refuse_unready(conn, row["asset_id"], row["loan_ref"], at)


def overlap(one: Facts, other: Facts) -> bool:
    """Whether two loans of the same asset cannot both be true. What is reserved may still be out for another."""
    spans = [_span(each) for each in (one, other)]
    if None in spans:
        return False
    (begins, ends), (others, other_ends) = spans  # type: ignore[misc]  # not None, as was just asked
    if ends is None and other_ends is None:
        return True
    return (other_ends is None or begins < other_ends) and (ends is None or others < ends)


def _span(row: Facts) -> tuple[float, int | None] | None:
    """From when to when an asset is taken by a loan; None: not at all."""
    if row["from_s"] is not None:
        return row["from_s"], row["to_s"]
    return None if row["to_s"] is not None else (float("inf"), None)


def _begins(row: Facts) -> int:
    began: int = row["prescribed_s"] if row["from_s"] is None else row["from_s"]
    return began


def _check_known(conn: sa.Connection, was: sa.Row[Any], row: Facts) -> None:
    """Refuse a date that cannot be, for what else is known of the loan."""
    first = [holds.first_from(conn, was.loan_ref), was.reviewed_s, was.due_s if was.due_own else None]
    last = [holds.latest_known(conn, was.loan_ref), was.reviewed_s]
    begins = row["from_s"]
    if any(each is not None and (begins is None or each < begins) for each in first):
        raise IllegalMove(
            f"loan {was.loan_ref} was held, reviewed or given another day before it would have been delivered: "
            "check the date of its delivery"
        )
    if row["to_s"] is not None and any(each is not None and each > row["to_s"] for each in last):
        raise IllegalMove(
            f"loan {was.loan_ref} was held, released or reviewed after it would have ended: check the date of its end"
        )


def _check_acted_on(conn: sa.Connection, was: sa.Row[Any], row: Facts) -> None:
    """Refuse what would part a loan from what was done about it here: a flag, a hold, a van on its way."""
    other = row["asset_id"] != was.asset_id or (row["from_s"] is None and was.from_s is not None)
    if other and (what := acted_on(conn, was.loan_ref)) is not None:
        raise IllegalMove(
            f"loan {was.loan_ref} has {what}, it cannot be another asset's or not delivered: "
            "return or cancel it instead"
        )
    if row["place_id"] != was.place_id:
        collections.refuse_booked(conn, was.loan_ref)
    mine = _collection(conn, was.loan_ref)
    asked_s = None if mine is None else mine.requested_s
    if asked_s is not None and row["to_s"] is not None and row["to_s"] < asked_s:
        raise IllegalMove(
            f"loan {was.loan_ref} was asked to be fetched at {when(asked_s)}, it cannot have come home at "
            f"{when(row['to_s'])}: check the date of its end"
        )
