"""The worklist: the open flags, the most pressing first."""

import json
from collections import Counter
from difflib import get_close_matches
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.ranking import DAY_S, LOOK_BACK_S, ON_PLACE, ON_USE, Grounds, Rank, rank
from kitback.policy import Policy
from kitback.register import feeds, tag_states
from kitback.register.tables import asset, flag, judgement, loan, meta, place, tag_now, use_day, whereabouts
from kitback.watch import RULES, Action
from kitback.watch.life import MUTED, Status
from kitback.watch.words import iso, moment

TITLES: Final = {
    Action.SAFETY_CHECK: "Safety check",
    Action.WITHDRAW: "Withdraw",
    Action.CHASE_DELIVERY: "Chase delivery",
    Action.BOOK_IN: "Book in",
    Action.ASK: "Ask",
    Action.REVIEW: "Review loan",
    Action.CLINICIAN: "Clinician only",
    Action.SERVICE: "Service",
    Action.CORRECT: "Put right",
    Action.CHECK_TAG: "Check tag",
}
"""What a flag asks for, in words."""
DUE: Final = {"overdue": "Overdue", "due_soon": "Due soon"}
"""What a loan's end is called, before and after: two rules, two words."""
_PRESSING: Final = list(Action)
BY_POLICY: Final = "only the policy that was new then raised it; nothing had happened to the equipment"
DROP_OFF: Final = "Drop-off, no van"


class NoSuch(Exception):
    """Something was asked for of what is not there; the message says what there is."""

    def __init__(self, message: str, what: str) -> None:
        """Take the message, and what of the question it is about: kind, place …"""
        super().__init__(message)
        self.what = what


class Wanted(Struct, frozen=True, kw_only=True):
    """Which flags are wanted; None: of every."""

    kind: str | None = None
    rule: str | None = None
    place: str | None = None
    """A place's id or name; what is within it counts."""
    commissioner: str | None = None
    muted: bool = False
    """Also those that staff have muted, and those whose loan is held."""


class WorklistItem(Struct, frozen=True, kw_only=True):
    """One open flag, ready to be shown. Times are UTC in ISO 8601."""

    flag_id: int
    asset_id: str
    loan_ref: str | None
    """Null when the equipment is not on loan; so are the next two."""
    kind: str
    """bed, hoist or mattress."""
    model: str
    pathway: str | None
    lent_to: str | None
    """What staff call the place it was lent to."""
    visit: str | None
    """Id of the place where something is to be done; null when nobody knows where it is."""
    visit_name: str | None
    commissioner: str | None
    reason: str
    """The rule's name."""
    cause: str
    """`seen`; or `policy`: only a new policy raised it."""
    action: Action
    """What the flag asks for."""
    title: str
    """The action in words."""
    due: str | None
    """`Overdue` or `Due soon`; null for what is neither."""
    drop_off: bool
    """Worth less than the policy's floor: if it can go, ask for it to be brought back, and send no van.

    Never at the end of life: how it comes home is agreed with the clinician.
    """
    status: Status
    status_since: str
    muted_until: str | None
    sentence: str
    since: str
    """When what the rule sees began."""
    raised_at: str
    rank: Rank
    evidence: dict[str, Any]
    """`seen`: the facts; `compared_with`: the policy's entry, its value and its origin, or null."""


class Worklist(Struct, frozen=True, kw_only=True):
    """What staff have to do."""

    items: list[WorklistItem]
    total: int
    """Of what is wanted, items or not shown for want of room."""
    hidden: dict[Status, int]
    """Left out because they are muted or held, by status."""


def worklist(
    conn: sa.Connection, policy: Policy, now_s: int, wanted: Wanted | None = None, limit: int | None = None
) -> Worklist:
    """The open flags: by what they ask for, safety first; among equals what is overdue before what is due soon, and
    then by rank.

    Args:
        limit: how many items at most; the least pressing are left out.

    Raises:
        NoSuch: the kind, rule or place is not known.
    """
    wanted = wanted or Wanted()
    places = _check(conn, policy, wanted)
    statement = _SELECT.params(now_day=now_s // DAY_S, first_day=(now_s - LOOK_BACK_S) // DAY_S)
    for column, value in ((flag.c.kind, wanted.kind), (flag.c.rule, wanted.rule), (_COMMISSIONER, wanted.commissioner)):
        if value is not None:
            statement = statement.where(column == value)
    if places is not None:
        statement = statement.where(_VISIT.in_(places))
    hidden: Counter[Status] = Counter()
    if not wanted.muted:
        per_status = statement.with_only_columns(flag.c.status, sa.func.count()).group_by(flag.c.status)
        hidden.update({Status(status): count for status, count in conn.execute(per_status) if status in MUTED})
        statement = statement.where(flag.c.status.not_in(MUTED))
    items = sorted((_item(row, policy, now_s) for row in conn.execute(statement)), key=_pressing)
    return Worklist(items=items[:limit], total=len(items), hidden=dict(hidden))


def is_virtual(conn: sa.Connection) -> bool:
    """Whether the register is a demonstration's: its tags are virtual, its loans made up."""
    return conn.scalar(sa.select(meta.c.value).where(meta.c.name == "virtual")) is not None


def stale_feeds(conn: sa.Connection, policy: Policy, now_s: int) -> list[feeds.Feed]:
    """The provider's feeds that tell of running loans and have told nothing for too long: none of those is overdue."""
    return feeds.with_loans(conn, feeds.stale(conn, policy.feed.stale_after, now_s))


def stale_words(stale: feeds.Feed, now_s: int) -> str:
    """What staff should know of a feed that is stale."""
    return (
        f"{_silent(stale, now_s)} No loan of it is called overdue or due soon until it is "
        "heard, for it may be back already; what was called so before stays."
    )


def stale_figures(stale: feeds.Feed, now_s: int) -> str:
    """What staff should know of a feed that is stale beside the figures, which go by the day alone."""
    return f"{_silent(stale, now_s)} Its loans that are past their day count as overdue here; they may be back already."


def _silent(stale: feeds.Feed, now_s: int) -> str:
    since = "never told anything" if stale.told_to_s is None else f"told nothing since {moment(stale.told_to_s, now_s)}"
    return f"The provider's feed {stale.source} has {since}."


_there = judgement.c.place_id
_SEEN_THERE: Final = ("seen_in_stores", "not_moved")
_VISIT = sa.case((flag.c.rule.in_(_SEEN_THERE), _there), else_=sa.func.coalesce(loan.c.place_id, _there))
"""Where something is to be done: where it was lent to, unless it has come back or is on no loan."""
_COMMISSIONER = sa.func.coalesce(loan.c.commissioner, asset.c.commissioner)
_lent_to, _visit = place.alias("lent_to"), place.alias("visit")
_first_day = sa.case(
    (flag.c.since // DAY_S > sa.bindparam("first_day"), flag.c.since // DAY_S), else_=sa.bindparam("first_day")
)
_seen_s = (
    sa.select(sa.func.sum(use_day.c.seen))
    .where(use_day.c.asset_id == flag.c.asset_id, use_day.c.day.between(_first_day, sa.bindparam("now_day")))
    .scalar_subquery()
)
_confidence = (
    sa.select(whereabouts.c.confidence)
    .where(whereabouts.c.asset_id == flag.c.asset_id)
    .order_by(whereabouts.c.from_s.desc())
    .limit(1)
    .scalar_subquery()
)
_SELECT = (
    sa.select(
        flag,
        *(asset.c.model, asset.c.value_pence, loan.c.pathway, _COMMISSIONER.label("commissioner")),
        *(_lent_to.c.name.label("lent_to"), _visit.c.place_id.label("visit"), _visit.c.name.label("visit_name")),
        *(judgement.c.heard_at, tag_now.c.clock, tag_now.c.clocks),
        sa.case((flag.c.rule.in_(ON_USE), _seen_s)).label("seen_s"),
        sa.case((flag.c.rule.in_(ON_PLACE), _confidence)).label("place_confidence"),
    )
    .join_from(flag, asset, flag.c.asset_id == asset.c.asset_id)
    .join(judgement, flag.c.asset_id == judgement.c.asset_id)
    .join(loan, flag.c.loan_ref == loan.c.loan_ref, isouter=True)
    .join(_lent_to, loan.c.place_id == _lent_to.c.place_id, isouter=True)
    .join(_visit, _visit.c.place_id == _VISIT, isouter=True)
    .join(tag_now, judgement.c.tag_id == tag_now.c.tag_id, isouter=True)
    .where(flag.c.closed_at.is_(None))
)


def _check(conn: sa.Connection, policy: Policy, wanted: Wanted) -> sa.Select[tuple[str]] | None:
    """The places wanted; None: every."""
    one_of("kind", wanted.kind, list(policy.kind))
    one_of("rule", wanted.rule, [each.name for each in RULES])
    if wanted.place is None:
        return None
    named = sa.or_(place.c.place_id == wanted.place, sa.func.lower(place.c.name) == wanted.place.lower())
    within = sa.select(place.c.place_id).where(named).cte("within", recursive=True)
    if conn.scalar(sa.select(within.c.place_id).limit(1)) is None:
        raise NoSuch(f'there is no place "{wanted.place}": give its id, or its name as the register has it', "place")
    within = within.union(sa.select(place.c.place_id).where(place.c.within == within.c.place_id))
    return sa.select(within.c.place_id)


def one_of(what: str, given: str | None, known: list[str]) -> None:
    """Refuse what is not known, and say what may have been meant."""
    if given is not None and given not in known:
        close = get_close_matches(given, known, n=1)
        remedy = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(known) or 'none yet'}"
        raise NoSuch(f'there is no {what} "{given}"; {remedy}', what)


def _item(row: sa.Row[Any], policy: Policy, now_s: int) -> WorklistItem:
    evidence = json.loads(row.evidence)
    action = Action(evidence.pop("action"))
    grounds = Grounds(
        rule=row.rule,
        since=row.since,
        own_value_pence=row.value_pence,
        heard_at=row.heard_at,
        seen_s=row.seen_s,
        clock_set=row.clocks is None or tag_states.is_set(row.clocks, row.clock),
        place_confidence=row.place_confidence,
    )
    ranked = rank(grounds, policy.kind[row.kind], now_s)
    return WorklistItem(
        flag_id=row.flag_id,
        asset_id=row.asset_id,
        loan_ref=row.loan_ref,
        kind=row.kind,
        model=row.model,
        pathway=row.pathway,
        lent_to=row.lent_to,
        visit=row.visit,
        visit_name=row.visit_name,
        commissioner=row.commissioner,
        reason=row.rule,
        cause=row.cause,
        action=action,
        title=TITLES[action],
        due=DUE.get(row.rule),
        drop_off=action is Action.ASK and ranked.value_pence < policy.watch.floor_pence,
        status=Status(row.status),
        status_since=iso(row.raised_at if row.status_s is None else row.status_s),
        muted_until=None if row.muted_until is None else iso(row.muted_until),
        sentence=row.sentence,
        since=iso(row.since),
        raised_at=iso(row.raised_at),
        rank=ranked,
        evidence=evidence,
    )


def _pressing(item: WorklistItem) -> tuple[int, bool, int, str, str, str]:
    due_soon = item.reason == "due_soon"
    return _PRESSING.index(item.action), due_soon, -item.rank.score, item.since, item.asset_id, item.reason
