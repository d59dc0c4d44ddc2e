"""Coming home: the trip of one loan's equipment, from the request until it is available again, or scrapped.

requested -> booked on a visit -> collected -> decontaminated -> inspected: available, in repair, or scrapped. What came
back is dirty until its decontamination is recorded: nobody services, examines or lends it before. It may also come back
unasked (`loans.return_loan` calls `arrive`); from there on its way is the same.
"""

from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import Policy, PolicyError
from kitback.register import judgements, tasks
from kitback.register.steps import IllegalMove, change, enter, one_of, refuse_silence, the_row, when
from kitback.register.tables import asset, collection, loan

STEPS = tuple(
    f"collection.{step}"
    for step in (
        *("request", "cancel", "book", "unbook", "fail", "collect", "decontaminate", "inspect", "scrap"),
        *("enter", "correct", "withdraw"),
    )
)
"""What the audit log calls them."""

HOW = ("van", "drop_off", "found")
"""How it came home: fetched, brought to us, or found to be in stores already."""
RESULTS = ("pass", "repair", "scrap")
"""What an inspection and test comes to."""
ASKED_FOR: Final = ("requested", "booked")
"""It is still where it was lent to."""
_RESULT: Final = {"pass": "available", "repair": "in_repair", "scrap": "scrapped"}
_NOT_READY: Final = {
    "collected": "is not decontaminated yet: note that first, then its inspection",
    "decontaminated": "is not inspected and tested yet: note that first",
    "in_repair": "is in repair: note its inspection first",
}
_NEXT: Final = {
    "prescribed": "is not lent yet: cancel its loan first",
    "on_loan": "is on loan: return the loan first",
    "returned": "is not decontaminated yet: note that first",
    "decontaminated": "is decontaminated, and not inspected yet: note its inspection",
    "in_repair": "is decontaminated, and in repair: note its inspection",
    "available": "is available: there is nothing to note; check the id",
    "scrapped": "was scrapped: check the id",
}
"""What is to be done with an asset in each of its states."""


def request(
    conn: sa.Connection, policy: Policy, loan_ref: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """Ask for a loan's equipment to be fetched, because somebody said that it can go.

    The clock of its collection runs from now on, in working days. Where the pathway has none (end of life) it is asked
    for on notification only: `why` says whose.

    Raises:
        IllegalMove: the loan is over or not delivered, its collection was asked for already, or nobody has notified.
    """
    lent = the_row(conn, loan, loan_ref, "loan")
    if lent.from_s is None or lent.to_s is not None:
        state = "is not delivered yet" if lent.to_s is None else f"ended at {when(lent.to_s)} already"
        raise IllegalMove(f"loan {loan_ref} {state}: there is nothing to collect; check the reference")
    if at < lent.from_s:
        raise IllegalMove(f"loan {loan_ref} was delivered at {when(lent.from_s)}, later than that: check the date")
    mine = unfinished(conn, lent.asset_id)
    if mine is not None:
        raise IllegalMove(
            f"the collection of loan {loan_ref} was asked for at {when(mine.requested_s)} already: book it on a visit"
        )
    collect_by = _collect_by(policy, lent, at)
    if collect_by is None and not (why or "").strip():
        raise IllegalMove(
            f"loan {loan_ref} is on {lent.pathway}: it is fetched on notification only; say as the reason who "
            "notified, and what was agreed"
        )
    values = {
        "loan_ref": loan_ref,
        "asset_id": lent.asset_id,
        "status": "requested",
        "requested_s": at,
        "collect_by_s": collect_by,
        "failed_visits": 0,
    }
    enter(conn, collection, values, at, who, f"collection.request {loan_ref}", why)


def cancel(conn: sa.Connection, loan_ref: str, at: int, *, who: str = "system", why: str | None = None) -> None:
    """It is not fetched after all: the loan goes on.

    Raises:
        IllegalMove: nobody asked for it, or it is back already.
    """
    mine = _asked_for(conn, loan_ref, at)
    values = {"status": "cancelled", "ended_s": at, "visit_id": None}
    if mine.visit_id is not None:
        _settle(conn, mine, "failed", "the collection was cancelled", at, who, why)
    change(conn, collection, mine, values, at, who, f"collection.cancel {loan_ref}", why)


def book(
    conn: sa.Connection, loan_ref: str, visit_id: int, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """It is fetched on a visit that is planned at the place it is lent to.

    Raises:
        IllegalMove: nobody asked for it, it is booked, or that visit is over, elsewhere, or brings something clean.
    """
    mine = _asked_for(conn, loan_ref, at)
    if mine.visit_id is not None:
        raise IllegalMove(
            f"the collection of loan {loan_ref} is booked on visit {mine.visit_id}: note that it failed, or cancel "
            "that visit first"
        )
    going_to = tasks.planned(conn, visit_id).place_id
    lent_to = the_row(conn, loan, loan_ref, "loan").place_id
    if going_to != lent_to:
        raise IllegalMove(f"visit {visit_id} goes to {going_to}, loan {loan_ref} is at {lent_to}: plan a visit there")
    tasks.add(conn, visit_id, mine.asset_id, "collect", at, who=who, why=why)
    values = {"status": "booked", "visit_id": visit_id}
    change(conn, collection, mine, values, at, who, f"collection.book {loan_ref}", why)


def fail(
    conn: sa.Connection, loan_ref: str, reason: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """Somebody came for it in vain: it is to be booked anew, and its clock runs on.

    Args:
        reason: nobody in, not ready, wrong address …

    Raises:
        IllegalMove: it is booked on no visit, or no reason is said.
    """
    mine = _asked_for(conn, loan_ref, at)
    refuse_silence("why the visit failed", reason)
    if mine.visit_id is None:
        raise IllegalMove(f"the collection of loan {loan_ref} is booked on no visit: book it first")
    _settle(conn, mine, "failed", reason, at, who, why)
    unbook(conn, mine, at, failed=True, who=who, why=why)


def unbook(
    conn: sa.Connection, mine: sa.Row[Any], at: int, *, failed: bool, who: str = "system", why: str | None = None
) -> None:
    """Back to where it has to be booked, after a visit that failed or was called off; `mine` is its collection."""
    values = {"status": "requested", "visit_id": None, "failed_visits": mine.failed_visits + failed}
    verb = "fail" if failed else "unbook"
    change(conn, collection, mine, values, at, who, f"collection.{verb} {mine.loan_ref}", why)


def arrive(conn: sa.Connection, lent: sa.Row[Any], how: str, at: int, *, who: str, why: str | None) -> None:
    """A loan's equipment came back, asked for or not; `lent` is its row of `loan`. `loans.return_loan` ends the loan.

    Raises:
        IllegalMove: its collection was asked for later than that, or the way it came is not known.
    """
    one_of("way home", how, HOW)
    mine = unfinished(conn, lent.asset_id)
    what, came = f"collection.collect {lent.loan_ref}", {"status": "collected", "how": how, "collected_s": at}
    if mine is None:
        values = {"loan_ref": lent.loan_ref, "asset_id": lent.asset_id, "failed_visits": 0}
        enter(conn, collection, values | came, at, who, what, why)
        return
    if at < mine.requested_s:
        raise IllegalMove(
            f"loan {lent.loan_ref} was asked to be fetched at {when(mine.requested_s)}, it cannot have come home at "
            f"{when(at)}: check the date, or cancel its collection first"
        )
    if mine.visit_id is not None and how == "van":
        _settle(conn, mine, "done", None, at, who, why)
    elif mine.visit_id is not None:
        _settle(conn, mine, "failed", "it came home otherwise", at, who, why)
        came["visit_id"] = None
    change(conn, collection, mine, came, at, who, what, why)


def decontaminate(
    conn: sa.Connection, policy: Policy, asset_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """What came back was decontaminated: from now on it may be serviced, repaired and taken elsewhere.

    What it cost to have it home and clean is worked out by the policy of today.

    Raises:
        IllegalMove: it did not come back, was decontaminated already, or came back later than `at`.
    """
    mine = _back(conn, asset_id, at, ("collected",))
    cost = policy.homecoming_cost_pence(_kind(conn, asset_id), mine.how)
    values = {"status": "decontaminated", "decontaminated_s": at, "cost_pence": cost}
    change(conn, collection, mine, values, at, who, f"collection.decontaminate {mine.loan_ref}", why)
    judgements.refresh(conn, asset_id)


def inspect(
    conn: sa.Connection,
    policy: Policy,
    asset_id: str,
    at: int,
    result: str,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """What is clean was inspected and tested: it is available again, goes into repair, or is scrapped.

    What is available again gives its commissioner the credit that the policy of today says. After a repair it is
    inspected once more.

    Args:
        result: one of `RESULTS`.

    Raises:
        IllegalMove: it is not decontaminated, is available already, or the result is not known.
    """
    one_of("result", result, RESULTS)
    mine = _back(conn, asset_id, at, ("decontaminated", "in_repair"))
    values: dict[str, Any] = {"status": _RESULT[result], "inspected_s": at}
    if result != "repair":
        values["ended_s"] = at
    if result == "scrap":
        _scrap(conn, asset_id, at, who, why)
    if result == "pass":
        own = the_row(conn, asset, asset_id, "asset")
        values["credit_pence"] = policy.credit_pence(own.kind, own.value_pence)
    change(conn, collection, mine, values, at, who, f"collection.inspect {mine.loan_ref}", why)
    judgements.refresh(conn, asset_id)


def scrap(
    conn: sa.Connection, policy: Policy, asset_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """What is in stores is beyond use, whether it came back so or stood there: it is lent to nobody any more.

    What was not cleaned before has cost its way home only, by the policy of today.

    Raises:
        IllegalMove: it is prescribed, on loan, or scrapped already.
    """
    if the_row(conn, asset, asset_id, "asset").state == "available":
        _scrap(conn, asset_id, at, who, why)
        judgements.refresh(conn, asset_id)
        return
    mine = _back(conn, asset_id, at, ("collected", "decontaminated", "in_repair"))
    values = {"status": "scrapped", "ended_s": at}
    if mine.cost_pence is None:
        values["cost_pence"] = policy.fetching_cost_pence(mine.how)
    _scrap(conn, asset_id, at, who, why)
    change(conn, collection, mine, values, at, who, f"collection.scrap {mine.loan_ref}", why)
    judgements.refresh(conn, asset_id)


def unfinished(conn: sa.Connection, asset_id: str) -> sa.Row[Any] | None:
    """The collection of an asset that is under way, from the request on; None when there is none."""
    mine = (collection.c.asset_id == asset_id, collection.c.ended_s.is_(None))
    return conn.execute(sa.select(collection).where(*mine)).one_or_none()


def asked_for(conn: sa.Connection, loan_ref: str) -> sa.Row[Any] | None:
    """The collection of a loan that goes on still, requested or booked; None when nobody asked."""
    mine = (collection.c.loan_ref == loan_ref, collection.c.status.in_(ASKED_FOR))
    return conn.execute(sa.select(collection).where(*mine)).one_or_none()


def refuse_unready(conn: sa.Connection, asset_id: str, loan_ref: str, at: int) -> None:
    """Refuse to lend what came back and is not available yet, or was not at that time.

    Raises:
        IllegalMove: the reason, and what is to be done first.
    """
    scrapped_s = the_row(conn, asset, asset_id, "asset").scrapped_s
    if scrapped_s is not None:
        raise IllegalMove(f"cannot lend asset {asset_id}: it was scrapped at {when(scrapped_s)}: choose another one")
    mine = latest(conn, asset_id)
    if mine is None:
        return
    cannot = f"cannot lend asset {asset_id} as {loan_ref} from {when(at)}: it came back as {mine.loan_ref} at"
    if mine.status in _NOT_READY:
        raise IllegalMove(f"{cannot} {when(mine.collected_s)} and {_NOT_READY[mine.status]}")
    if mine.ended_s is not None and at < mine.ended_s:
        raise IllegalMove(
            f"{cannot} {when(mine.collected_s)} and was not available before {when(mine.ended_s)}: check the date"
        )


def refuse_dirty(conn: sa.Connection, asset_id: str, at: int) -> None:
    """Refuse to service or examine at a time what came back and was not decontaminated by then.

    Raises:
        IllegalMove: it was not.
    """
    over = sa.func.coalesce(collection.c.decontaminated_s, collection.c.ended_s)
    dirty = (collection.c.collected_s <= at, sa.or_(over.is_(None), over > at))
    for mine in conn.execute(sa.select(collection).where(collection.c.asset_id == asset_id, *dirty)):
        raise IllegalMove(
            f"asset {asset_id} came back as {mine.loan_ref} at {when(mine.collected_s)} and was not decontaminated by "
            f"{when(at)}: record its decontamination first, or check the date"
        )


def refuse_booked(conn: sa.Connection, loan_ref: str) -> None:
    """Refuse to move elsewhere what a van is on its way for.

    Raises:
        IllegalMove: its collection is booked.
    """
    mine = asked_for(conn, loan_ref)
    if mine is not None and mine.visit_id is not None:
        raise IllegalMove(
            f"loan {loan_ref} is to be fetched on visit {mine.visit_id} from where it is: cancel that visit, or its "
            "collection, first"
        )


LATEST_FIRST: Final = (
    sa.case((collection.c.ended_s.is_(None), 0), else_=1),
    collection.c.ended_s.desc(),
    collection.c.collection_id.desc(),
)
"""How collections of one asset are ordered: one may be entered later than it happened."""


def latest(conn: sa.Connection, asset_id: str) -> sa.Row[Any] | None:
    """The latest collection of an asset that was not cancelled; None when there never was one."""
    mine = (collection.c.asset_id == asset_id, collection.c.status != "cancelled")
    return conn.execute(sa.select(collection).where(*mine).order_by(*LATEST_FIRST).limit(1)).one_or_none()


def _asked_for(conn: sa.Connection, loan_ref: str, at: int) -> sa.Row[Any]:
    the_row(conn, loan, loan_ref, "loan")
    mine = asked_for(conn, loan_ref)
    if mine is None:
        raise IllegalMove(f"nobody has asked for loan {loan_ref} to be fetched: request its collection first")
    if at < mine.requested_s:
        raise IllegalMove(
            f"the collection of loan {loan_ref} was asked for at {when(mine.requested_s)}, later than {when(at)}: "
            "check the date"
        )
    return mine


def _back(conn: sa.Connection, asset_id: str, at: int, from_status: tuple[str, ...]) -> sa.Row[Any]:
    """The collection of something that is back in stores."""
    state = the_row(conn, asset, asset_id, "asset").state
    mine = latest(conn, asset_id)
    if mine is None or mine.status not in from_status:
        raise IllegalMove(f"asset {asset_id} {_NEXT[state]}")
    known = max(each for each in (mine.collected_s, mine.decontaminated_s, mine.inspected_s) if each is not None)
    if at < known:
        raise IllegalMove(
            f"of asset {asset_id}, which came back as {mine.loan_ref}, something is known from {when(known)}, later "
            f"than {when(at)}: check the date"
        )
    return mine


def _scrap(conn: sa.Connection, asset_id: str, at: int, who: str, why: str | None) -> None:
    # Of the asset itself, which outlives what is known of its loans.
    own = the_row(conn, asset, asset_id, "asset")
    change(conn, asset, own, {"scrapped_s": at}, at, who, f"asset.scrap {asset_id}", why)


def _kind(conn: sa.Connection, asset_id: str) -> str:
    kind: str = the_row(conn, asset, asset_id, "asset").kind
    return kind


def _collect_by(policy: Policy, lent: sa.Row[Any], at: int) -> int | None:
    try:
        return policy.collect_by(lent.pathway, at)
    except PolicyError as error:
        raise IllegalMove(f"loan {lent.loan_ref}: {error}: change its pathway first") from error


def _settle(
    conn: sa.Connection,
    mine: sa.Row[Any],
    status: tasks.Settled,
    reason: str | None,
    at: int,
    who: str,
    why: str | None,
) -> None:
    tasks.settle(conn, mine.visit_id, mine.asset_id, "collect", status, at, reason=reason, who=who, why=why)
