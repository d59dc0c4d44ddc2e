"""Loans: prescribed, delivered, returned; and while one runs, what is agreed about it anew.

The clocks are the policy's. They run from the prescription until it is delivered, and from the delivery on.
"""

from typing import Any, Literal

import sqlalchemy as sa

from kitback.policy import SETTINGS, Policy, PolicyError
from kitback.register import clocks, collections, holds, judgements, shelves
from kitback.register.places import check_loan_place, check_store
from kitback.register.recalls import refuse_recalled
from kitback.register.steps import IllegalMove, change, enter, one_of, refuse_existing, the_row, when
from kitback.register.tables import asset, loan

STEPS = (
    "loan.prescribe",
    "loan.cancel",
    "loan.deliver",
    "loan.start",
    "loan.pathway",
    "loan.due",
    "loan.review",
    "loan.move",
    "loan.carers",
    "loan.end",
    "loan.clocks",
    "loan.enter",
    "loan.correct",
    "loan.withdraw",
)
"""What the audit log calls them."""


def prescribe(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    asset_id: str,
    pathway: str,
    setting: str,
    place_id: str,
    at: int,
    *,
    speed: str | None = None,
    commissioner: str | None = None,
    used_by_paid_carers: bool = False,
    special: bool = False,
    who: str = "system",
    why: str | None = None,
) -> None:
    """Reserve an asset for the person or home behind `loan_ref`; from now on runs the clock of its delivery.

    Args:
        speed: its delivery speed, as the policy names it; None: its pathway's.
        commissioner: who pays for it.
        used_by_paid_carers: whether others than the person and unpaid family work with it: LOLER applies then.
        special: whether it was bought for this loan, for there was none in stock that would do.

    Raises:
        IllegalMove: the asset is out, reserved, not ready since it came back, or called back; the reference is taken,
            or something named is unknown.
    """
    if speed is not None:
        one_of("delivery speed", speed, tuple(policy.delivery_speed))
    values = {
        "loan_ref": loan_ref,
        "asset_id": asset_id,
        "pathway": pathway,
        "setting": setting,
        "place_id": place_id,
        "commissioner": commissioner,
        "used_by_paid_carers": used_by_paid_carers,
        "prescribed_s": at,
        "speed": speed,
        "special": special,
    }
    _begin(conn, policy, values, at, who, f"loan.prescribe {loan_ref}", why)


def lend(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    asset_id: str,
    pathway: str,
    setting: str,
    place_id: str,
    at: int,
    *,
    commissioner: str | None = None,
    used_by_paid_carers: bool = False,
    who: str = "system",
    why: str | None = None,
) -> None:
    """Lend an asset that nobody prescribed here, or that is there already: from `at` on it is on loan.

    Raises:
        IllegalMove: as `prescribe`.
    """
    values = {
        "loan_ref": loan_ref,
        "asset_id": asset_id,
        "pathway": pathway,
        "setting": setting,
        "place_id": place_id,
        "commissioner": commissioner,
        "used_by_paid_carers": used_by_paid_carers,
        "from_s": at,
        "delivered_by": "staff",
    }
    _begin(conn, policy, values, at, who, f"loan.start {loan_ref}", why)


def deliver(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    at: int,
    *,
    by: Literal["staff", "tag", "feed"] = "staff",
    who: str = "system",
    why: str | None = None,
) -> None:
    """What was prescribed is there and set up: the loan's own clocks run from `at` on.

    Args:
        by: who says so. Others may put right what only the tag has said.

    Raises:
        IllegalMove: it was delivered already, is over, or was prescribed later than `at`.
    """
    mine = _running(conn, loan_ref, at)
    if mine.from_s is not None and not (mine.delivered_by == "tag" and by != "tag"):
        raise IllegalMove(f"loan {loan_ref} was delivered at {when(mine.from_s)} already: check the reference")
    if mine.from_s is not None and _goes_on_before(conn, mine, at):
        raise IllegalMove(
            f"loan {loan_ref} was held, reviewed or due back before {when(at)}, it cannot have been delivered then: "
            "check the date"
        )
    values = {"from_s": at, "delivered_by": by}
    after = _with_clocks(policy, mine, values)
    shelves.follow(conn, mine.asset_id, None, at, who=who, why=why)
    _change(conn, mine, after, at, who, f"loan.deliver {loan_ref}", why)


def cancel(conn: sa.Connection, loan_ref: str, at: int, *, who: str = "system", why: str | None = None) -> None:
    """What was prescribed is not delivered after all: the asset is free for others.

    Raises:
        IllegalMove: it was delivered, is over, or was prescribed later than `at`.
    """
    mine = _running(conn, loan_ref, at)
    if mine.from_s is not None:
        raise IllegalMove(f"loan {loan_ref} was delivered at {when(mine.from_s)}: return it instead")
    _change(conn, mine, {"to_s": at}, at, who, f"loan.cancel {loan_ref}", why)


def return_loan(
    conn: sa.Connection,
    loan_ref: str,
    at: int,
    *,
    how: str = "drop_off",
    store_id: str | None = None,
    who: str = "system",
    why: str | None = None,
) -> None:
    """End a loan: the equipment is back, and to be decontaminated. If the loan was held, the hold ends as well.

    Args:
        how: it was fetched by `van`, brought as a `drop_off`, or `found` in stores; whether somebody had asked for it
            or not.
        store_id: the store it came into, if anybody says.

    Raises:
        IllegalMove: there is no such loan or store, the loan has ended, was never delivered, or something of it is
            known from after `at`.
    """
    mine = _delivered(conn, loan_ref, at)
    if at < (known := _latest_known(conn, mine)):
        raise IllegalMove(
            f"loan {loan_ref} was delivered, held, released or reviewed at {when(known)}, it cannot end at {when(at)}: "
            "check the date"
        )
    if store_id is not None:
        check_store(conn, store_id)
    collections.arrive(conn, mine, how, at, who=who, why=why)
    shelves.follow(conn, mine.asset_id, store_id, at, who=who, why=why)
    holds.end_with(conn, loan_ref, at, who=who, why=why)
    _change(conn, mine, {"to_s": at}, at, who, f"loan.end {loan_ref}", why)
    judgements.forget_power(conn, mine.asset_id)


def change_pathway(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    pathway: str,
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """The loan is on another pathway, and has its clocks, counted from the delivery; a day agreed before is forgotten.

    Raises:
        IllegalMove: there is no such loan or pathway, it is over, or is on that pathway and has its clocks.
    """
    mine = _running(conn, loan_ref, at)
    _check_pathway(policy, pathway)
    if pathway == mine.pathway and not mine.due_own:
        raise IllegalMove(f"loan {loan_ref} is on the pathway {pathway} already: give another one")
    values = {"pathway": pathway, "due_own": False}
    _change(conn, mine, _with_clocks(policy, mine, values), at, who, f"loan.pathway {loan_ref}", why)


def agree_due(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    due: int,
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """Agree another day for this loan to come back; it stays, whatever the policy says, until its pathway changes.

    Raises:
        IllegalMove: there is no such loan, it is over or not delivered yet, or the day is not to come.
    """
    mine = _delivered(conn, loan_ref, at)
    if due <= max(at, mine.from_s):
        raise IllegalMove(f"loan {loan_ref} would be due at {when(due)}, which is no time to come: check the date")
    values = {"due_s": due, "due_own": True}
    _change(conn, mine, _with_clocks(policy, mine, values), at, who, f"loan.due {loan_ref}", why)


def note_review(
    conn: sa.Connection, policy: Policy, loan_ref: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """A review was held, and the next one follows from it.

    Raises:
        IllegalMove: there is no such loan, it is over, not delivered by then, or a later review is known.
    """
    mine = _delivered(conn, loan_ref, at)
    if at < mine.from_s:
        raise IllegalMove(
            f"loan {loan_ref} was delivered at {when(mine.from_s)}, it cannot have been reviewed at {when(at)}: "
            "check the date"
        )
    if mine.reviewed_s is not None and at <= mine.reviewed_s:
        raise IllegalMove(
            f"loan {loan_ref} was reviewed at {when(mine.reviewed_s)}, {when(at)} is no later: check the date"
        )
    values = {"reviewed_s": at}
    _change(conn, mine, _with_clocks(policy, mine, values), at, who, f"loan.review {loan_ref}", why)


def move(
    conn: sa.Connection,
    policy: Policy,
    loan_ref: str,
    setting: str,
    place_id: str,
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """The person has moved, and the equipment with them: it is lent to another place, which may be another setting.

    Raises:
        IllegalMove: there is no such loan, place or setting, it is over, it is there already, or a van is on its way.
    """
    mine = _running(conn, loan_ref, at)
    one_of("setting", setting, SETTINGS)
    check_loan_place(conn, place_id)
    if (setting, place_id) == (mine.setting, mine.place_id):
        raise IllegalMove(f"loan {loan_ref} is at {place_id} ({setting}) already: give another place or setting")
    if place_id != mine.place_id:
        collections.refuse_booked(conn, loan_ref)
    values = {"setting": setting, "place_id": place_id}
    _change(conn, mine, _with_clocks(policy, mine, values), at, who, f"loan.move {loan_ref}", why)


def note_carers(
    conn: sa.Connection,
    loan_ref: str,
    used_by_paid_carers: bool,
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """Paid carers work with it now, or no longer do.

    Raises:
        IllegalMove: there is no such loan, it is over, or that is what the register says.
    """
    mine = _running(conn, loan_ref, at)
    if used_by_paid_carers == mine.used_by_paid_carers:
        said = "used" if used_by_paid_carers else "not used"
        raise IllegalMove(f"loan {loan_ref} is noted as {said} by paid carers already: check the reference")
    _change(conn, mine, {"used_by_paid_carers": used_by_paid_carers}, at, who, f"loan.carers {loan_ref}", why)


def _begin(
    conn: sa.Connection, policy: Policy, given: dict[str, Any], at: int, who: str, what: str, why: str | None
) -> None:
    loan_ref, asset_id = given["loan_ref"], given["asset_id"]
    refuse_existing(conn, loan, loan_ref, "loan")
    _check_pathway(policy, given["pathway"])
    one_of("setting", given["setting"], SETTINGS)
    the_row(conn, asset, asset_id, "asset")
    check_loan_place(conn, given["place_id"])
    _refuse_out(conn, asset_id, loan_ref, at)
    collections.refuse_unready(conn, asset_id, loan_ref, at)
    refuse_recalled(conn, asset_id)
    unset: dict[str, Any] = {"speed": None, "prescribed_s": None, "from_s": None, "due_own": False, "reviewed_s": None}
    facts = unset | {"special": False} | given
    enter(conn, loan, facts | clocks.of_loan(policy, facts), at, who, what, why)
    if facts["from_s"] is not None:
        shelves.follow(conn, asset_id, None, at, who=who, why=why)
    judgements.refresh(conn, asset_id)


def _refuse_out(conn: sa.Connection, asset_id: str, loan_ref: str, at: int) -> None:
    """An asset is on one loan at a time; a prescription that was cancelled was none."""
    was_out = sa.and_(loan.c.from_s.is_not(None), loan.c.to_s > at)
    for other in conn.execute(
        sa.select(loan).where(loan.c.asset_id == asset_id, sa.or_(loan.c.to_s.is_(None), was_out))
    ):
        if other.from_s is None:
            reason = f"it is reserved for {other.loan_ref} since {when(other.prescribed_s)}; cancel that loan first"
        elif other.to_s is None:
            reason = f"it is out as {other.loan_ref} since {when(other.from_s)}; return that loan first"
        else:
            reason = f"it was out as {other.loan_ref} until {when(other.to_s)}; check the date"
        raise IllegalMove(f"cannot lend asset {asset_id} as {loan_ref} from {when(at)}: {reason}")


def _latest_known(conn: sa.Connection, mine: sa.Row[Any]) -> int:
    """When the latest thing happened that is known of a loan that was delivered."""
    known = (mine.from_s, mine.reviewed_s, holds.latest_known(conn, mine.loan_ref))
    return max(each for each in known if each is not None)


def _goes_on_before(conn: sa.Connection, mine: sa.Row[Any], at: int) -> bool:
    held = holds.first_from(conn, mine.loan_ref)
    own_due = mine.due_s if mine.due_own else None
    return any(each is not None and each <= at for each in (held, mine.reviewed_s, own_due))


def _check_pathway(policy: Policy, pathway: str) -> None:
    one_of("pathway", pathway, tuple(policy.pathway))


def _running(conn: sa.Connection, loan_ref: str, at: int) -> sa.Row[Any]:
    mine = the_row(conn, loan, loan_ref, "loan")
    if mine.to_s is not None:
        ended = "ended" if mine.from_s is not None else "was cancelled"
        raise IllegalMove(f"loan {loan_ref} {ended} at {when(mine.to_s)} already: check the reference")
    began = mine.from_s if mine.prescribed_s is None else mine.prescribed_s
    if at < began:
        raise IllegalMove(
            f"loan {loan_ref} began at {when(began)}, it cannot end or change at {when(at)}: check the date"
        )
    return mine


def _delivered(conn: sa.Connection, loan_ref: str, at: int) -> sa.Row[Any]:
    mine = _running(conn, loan_ref, at)
    if mine.from_s is None:
        raise IllegalMove(f"loan {loan_ref} is not delivered yet: note its delivery first, or cancel it")
    return mine


def _with_clocks(policy: Policy, mine: sa.Row[Any], values: dict[str, Any]) -> dict[str, Any]:
    """New values, and the clocks that follow from them."""
    try:
        return values | clocks.of_loan(policy, {**mine._mapping, **values})
    except PolicyError as error:
        raise IllegalMove(
            f"loan {mine.loan_ref}: {error}: change its pathway first, or add it to the policy"
        ) from error


def _change(
    conn: sa.Connection, mine: sa.Row[Any], values: dict[str, Any], at: int, who: str, what: str, why: str | None
) -> None:
    change(conn, loan, mine, values, at, who, what, why)
    judgements.refresh(conn, mine.asset_id)
