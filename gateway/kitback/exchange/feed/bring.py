"""Brings the register to what the feeds have said of some equipment, through the register's own audited steps.

What is right follows from what was said last, never from the order in which it came: of the loans of one asset those
that began first are entered first, as though each had been told when it happened, and what does not fit waits, with
its trouble. What the register holds otherwise is corrected; what it holds and should not is withdrawn, unless somebody
has acted on it. What staff or a tag have said stays, and the feed's other word is a trouble.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.exchange.feed import told
from kitback.exchange.feed.want import Waits, want
from kitback.policy import Policy
from kitback.register import IllegalMove, collections, corrections, loans
from kitback.register.steps import when
from kitback.register.tables import asset, feed_item, loan, visit
from kitback.register.upsert import among, texts

_DAY: Final = 86_400
"""What staff and a feed date less than this apart is the same."""
_ROUNDS: Final = 5
"""What makes room in one round lets another in, in the next."""
_TIMES: Final = ("prescribed_s", "from_s", "to_s", "decontaminated_s", "available_s")
_GOES_ON: Final = {"from_s", "to_s", *corrections.HOME}
"""What is told of a loan as it goes on."""
_WHEN_WHICH: Final = {"asset_id", "prescribed_s", *_GOES_ON}
_CORRECTED: Final = (
    *("asset_id", "pathway", "setting", "place_id", "commissioner", "used_by_paid_carers", "special", "speed"),
    *(*_TIMES, *corrections.HOME, "delivered_by", "fed_by"),
)
_NO: Final[Mapping[str, Any]] = {"used_by_paid_carers": False, "special": False}
_WORDS: Final = {
    "asset_id": "equipment",
    "place_id": "place",
    "used_by_paid_carers": "paid carers",
    "prescribed_s": "prescription",
    "from_s": "delivery",
    "to_s": "end",
    "decontaminated_s": "decontamination",
    "available_s": "inspection and test",
}
_REMEDY: Final = {
    "pathway": "`kitback loans pathway`",
    "setting": "`kitback loans move`",
    "place_id": "`kitback loans move`",
    "used_by_paid_carers": "`kitback loans carers`",
}


class Item(Struct):
    """What a feed tells of one loan, and what became of it here."""

    source: str
    external_id: str
    loan_ref: str | None
    told: told.Told
    told_s: int
    entered: bool
    """Whether the loan came into the register by the feed."""
    base: dict[str, Any]
    """What the feed has put there, by the columns of `loan`."""
    was: dict[str, Any]
    """What is kept of it, by the columns of `feed_item`."""

    row: dict[str, Any] | None = None
    """The loan as the register has it, and how it came home."""
    theirs: dict[str, Any] | None = None
    """The loan as the feed has it; None: it waits."""
    row_wanted: dict[str, Any] | None = None
    """The loan as it is to be."""
    kept: tuple[str, ...] = ()
    """The columns that are somebody else's."""
    left: frozenset[str] = frozenset()
    """The columns that are left to the next round."""
    doubts: list[str] = []
    """What of it cannot be, or not yet, and what to do."""
    stuck: bool = False
    """Whether the register holds it otherwise, and it cannot be withdrawn."""
    failed: bool = False
    """Whether the register refused a step of this round."""

    @property
    def who(self) -> str:
        return f"feed {self.source}"


def bring(conn: sa.Connection, policy: Policy, asset_ids: Iterable[str], also: tuple[str, str] | None = None) -> int:
    """Bring all loans of these assets there; returns how many steps it took.

    Args:
        also: the source and the external id of one whose equipment may not be known.
    """
    steps, wanted = 0, {each for each in asset_ids if each}
    for _ in range(_ROUNDS):
        items = _items(conn, wanted, also)
        _decide(conn, policy, items, wanted)
        taken = sum(_withdraw(conn, each) for each in items)
        taken += sum(_go_on(conn, policy, each) for each in items)
        taken += _correct(conn, policy, items)
        entered = sum(_enter(conn, policy, each) for each in items)
        taken += entered
        for each in items:
            _keep(conn, each)
        steps += taken
        if not taken or entered == len(items):
            break
    return steps


# --- what there is ----------------------------------------------------------------------------------------------------


def _items(conn: sa.Connection, asset_ids: set[str], also: tuple[str, str] | None) -> list[Item]:
    """Everything told of these assets, which become more: what is out on one may be told of another."""
    here = sa.select(loan.c.loan_ref).where(among(loan.c.asset_id, "assets"))
    which = [among(feed_item.c.asset_id, "assets"), feed_item.c.loan_ref.in_(here)]
    if also is not None:
        which.append(sa.and_(feed_item.c.source == also[0], feed_item.c.external_id == also[1]))
    # Each by its own index: asked for as one condition, all items would be read.
    chosen = sa.union(*(sa.select(feed_item).where(each) for each in which))
    while True:
        rows = conn.execute(chosen.order_by("source", "external_id"), {"assets": texts(asset_ids)}).all()
        more = {row.asset_id for row in rows if row.asset_id} - asset_ids
        if not more:
            return [_item(row) for row in rows]
        asset_ids |= more


def _item(row: sa.Row[Any]) -> Item:
    heard = told.load(row.told)
    applied: dict[str, Any] = json.loads(row.applied) if row.applied else {"entered": False, "row": {}}
    return Item(
        source=row.source,
        external_id=row.external_id,
        loan_ref=row.loan_ref,
        told=heard,
        told_s=told.said_s(heard),
        entered=applied["entered"],
        base=applied["row"],
        was=row._asdict(),
        doubts=[],
    )


# --- what ought to be -------------------------------------------------------------------------------------------------


def _decide(conn: sa.Connection, policy: Policy, items: list[Item], asset_ids: set[str]) -> None:
    known = set(conn.scalars(sa.select(asset.c.asset_id).where(among(asset.c.asset_id, "ids")), _ids(asset_ids)))
    for each in items:
        _want(conn, policy, each, known)
    mine = {each.row["loan_ref"] for each in items if each.row is not None}
    there = conn.execute(sa.select(loan).where(among(loan.c.asset_id, "ids")), _ids(asset_ids)).all()
    fixed = [_with_home(conn, row) for row in there if row.loan_ref not in mine]
    while True:
        waiting = _fit(items, fixed)
        sticks = [each for each in items if not each.stuck and _leaves(each, waiting) and not _may_go(conn, each)]
        if not sticks:
            break
        for each in sticks:
            each.stuck = True
            fixed.append(each.row or {})
    for each in items:
        if id(each) in waiting:
            each.doubts.insert(0, waiting[id(each)])
            each.row_wanted = None
        if each.stuck and each.row is not None:
            each.doubts.append("it was acted on here, and stays as it is: return or cancel it by hand if it is wrong")
            each.row_wanted = dict(each.row)


def _ids(ids: Iterable[str]) -> dict[str, str]:
    return {"ids": texts(ids)}


def _leaves(item: Item, waiting: Mapping[int, str]) -> bool:
    """Whether a loan that is in the register ought not to be."""
    return item.loan_ref is not None and item.row is not None and (item.row_wanted is None or id(item) in waiting)


def _want(conn: sa.Connection, policy: Policy, item: Item, known: set[str]) -> None:
    facts = told.facts(item.told)
    ref = item.loan_ref or facts.get("loan") or f"{item.source}-{item.external_id}"
    found = conn.execute(sa.select(loan).where(loan.c.loan_ref == ref)).one_or_none()
    item.row = None if found is None else _with_home(conn, found)
    try:
        wanted = want(policy, facts)
        if wanted.row["asset_id"] not in known:
            raise Waits(
                f"there is no asset {wanted.row['asset_id']}: add it (`kitback assets add`), or have its id put right"
            )
        if item.row is not None and item.loan_ref is None:
            _adopt(conn, item.row, wanted.row)
    except Waits as error:
        item.doubts = [str(error)]
        if item.loan_ref is None:
            item.row = None  # somebody else's
        return
    item.doubts = wanted.doubts
    item.theirs = {"loan_ref": ref, **wanted.row}
    if told.missing(item.told) and wanted.row["to_s"] is None:
        item.doubts.append(
            "the provider's whole file lists it no longer: have its end told, or note it (`kitback loans return`)"
        )
    if item.row is None:
        item.theirs["setting"] = item.theirs["setting"] or "home"
        item.row_wanted = item.theirs | {
            "fed_by": item.source,
            "delivered_by": None if item.theirs["from_s"] is None else "feed",
        }
    else:
        _put_together(item, item.row, item.theirs)


def _with_home(conn: sa.Connection, row: sa.Row[Any]) -> dict[str, Any]:
    return {**row._mapping, **corrections.came_home(conn, row.loan_ref)}


def _adopt(conn: sa.Connection, row: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """The register has a loan of this reference: it must be the same one."""
    ref = row["loan_ref"]
    other = conn.execute(sa.select(feed_item).where(feed_item.c.loan_ref == ref)).first()
    if other is not None:
        raise Waits(f"loan {ref} is what {other.source} calls {other.external_id}: have another reference told")
    if row["asset_id"] != theirs["asset_id"]:
        raise Waits(
            f"loan {ref} is in the register, with {row['asset_id']}: have its reference or its equipment put right"
        )


def _put_together(item: Item, row: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Where only the feed has changed its word, that holds; where somebody else has changed the register, theirs."""
    wanted = dict(row)
    kept: list[str] = []
    if theirs["setting"] is None:
        theirs["setting"] = "home" if item.entered else row["setting"]
    for name, their in theirs.items():
        our, base = wanted[name], item.base.get(name, _NO.get(name))
        untouched = our == base or our in (None, False) or (name == "from_s" and row["delivered_by"] == "tag")
        if our == their:
            continue
        if their == base and not (untouched and our == base):
            kept.append(name)
        elif untouched:
            wanted[name] = their
        else:
            kept.append(name)
            if not (name in _TIMES and their is not None and abs(our - their) < _DAY):
                item.doubts.append(_differs(name, our, their))
    _leave_cleaned(item, row, wanted, kept)
    if "to_s" in kept and theirs["to_s"] is None and item.told_s > row["to_s"] + _DAY:
        item.doubts.append(
            f"its end was noted here at {when(row['to_s'])}, and the feed still has it out: have its end told there"
        )
    if wanted["from_s"] != row["from_s"]:
        wanted["delivered_by"] = None if wanted["from_s"] is None else "feed"
    wanted["fed_by"] = item.source
    item.row_wanted, item.kept = wanted, tuple(kept)


def _leave_cleaned(item: Item, row: Mapping[str, Any], wanted: dict[str, Any], kept: list[str]) -> None:
    """What staff have cleaned came back, and was no other equipment, whatever the feed says now."""
    if not any(row[name] is not None for name in corrections.HOME if name in kept):
        return
    for name in ("asset_id", "from_s", "to_s"):
        if wanted[name] != row[name] and (name == "asset_id" or wanted[name] is None):
            item.doubts.append(f"{_differs(name, row[name], wanted[name])}: what came back was decontaminated here")
            wanted[name] = row[name]
            kept.append(name)


def _differs(name: str, our: Any, their: Any) -> str:
    here, there = (_said(name, each) for each in (our, their))
    remedy = f"change it here ({_REMEDY[name]}), or have it put right there" if name in _REMEDY else "find out which"
    return f"its {_WORDS.get(name, name)} was noted here as {here}, the feed says {there}: {remedy}"


def _said(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return when(value) if name in _TIMES else str(value)


def _fit(items: list[Item], fixed: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Which of the loans have to wait for others of the same asset, and why: what began first comes first."""
    there: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in fixed:
        there[row["asset_id"]].append(row)
    waiting = {}
    for each in sorted((each for each in items if each.row_wanted is not None), key=_begins):
        row = each.row_wanted or {}
        others = [other for other in there[row["asset_id"]] if other["loan_ref"] != row["loan_ref"]]
        reason = next(filter(None, (_in_the_way(row, other) for other in others)), None)
        if reason is not None:
            waiting[id(each)] = reason
        elif not each.stuck:
            there[row["asset_id"]].append({**row, "entered": each.entered or each.row is None})
    return waiting


def _in_the_way(row: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Why a loan has to wait for another one of the same asset; None: it has not."""
    if corrections.overlap(row, other):
        return corrections.taken(other, row["loan_ref"])
    over = other["from_s"] is not None and other["to_s"] is not None
    if not over or not other.get("entered") or (row["from_s"] is not None and row["from_s"] < other["to_s"]):
        return None
    if row["to_s"] is not None and row["from_s"] is None:
        return None  # a prescription that was cancelled took nothing
    ready_s = other["available_s"]
    if ready_s is None or (row["from_s"] is not None and row["from_s"] < ready_s):
        return (
            f"{other['asset_id']} came back as {other['loan_ref']}, and is not noted as available before it left as "
            f"{row['loan_ref']}: have `decontaminated` and `available` of {other['loan_ref']} told, or note them here "
            "(`kitback collections`)"
        )
    return None


def _begins(item: Item) -> tuple[bool, int, str, str]:
    row = item.row_wanted or {}
    reserved = row["from_s"] is None
    return reserved, row["prescribed_s"] if reserved else row["from_s"], item.source, item.external_id


def _may_go(conn: sa.Connection, item: Item) -> bool:
    """Whether nobody but the feed has said anything of a loan."""
    row = item.row
    if row is None or not item.entered or row["due_own"] or row["reviewed_s"] is not None:
        return False
    own = all(row[name] == value for name, value in item.base.items())
    return own and corrections.acted_on(conn, row["loan_ref"]) is None


# --- the steps --------------------------------------------------------------------------------------------------------


def _withdraw(conn: sa.Connection, item: Item) -> int:
    """Take out of the register what the feed put there and says no more."""
    if item.loan_ref is None or item.row_wanted is not None:
        return 0
    corrections.withdraw(conn, item.loan_ref, item.told_s, who=item.who, why="the feed tells of it no more as it was")
    item.loan_ref, item.entered, item.base, item.row = None, False, {}, None
    return 1


def _go_on(conn: sa.Connection, policy: Policy, item: Item) -> int:
    """Take the steps of a loan that goes on as loans do: delivered, returned or cancelled, clean, available."""
    row, wanted = item.row, item.row_wanted
    if row is None or wanted is None:
        return 0
    changed = {name for name, value in wanted.items() if row[name] != value} - {"delivered_by"}
    if not changed or changed - _GOES_ON or any(row[name] is not None for name in changed):
        return 0
    return _try(conn, item, lambda: _steps(conn, policy, wanted, changed, item.who))


def _steps(conn: sa.Connection, policy: Policy, wanted: Mapping[str, Any], changed: set[str], who: str) -> None:
    ref, asset_id = wanted["loan_ref"], wanted["asset_id"]
    if "from_s" in changed:
        loans.deliver(conn, policy, ref, wanted["from_s"], by="feed", who=who)
    if "to_s" in changed and wanted["from_s"] is None:
        loans.cancel(conn, ref, wanted["to_s"], who=who)
    elif "to_s" in changed:
        loans.return_loan(conn, ref, wanted["to_s"], how=_how(conn, ref, wanted["to_s"]), who=who)
    back = collections.latest(conn, asset_id)
    if changed & set(corrections.HOME) and (back is None or back.loan_ref != ref):
        raise IllegalMove(f"asset {asset_id} came back as {ref}, but has been lent since: note by hand how it was")
    if "decontaminated_s" in changed:
        collections.decontaminate(conn, policy, asset_id, wanted["decontaminated_s"], who=who)
    if "available_s" in changed:
        collections.inspect(conn, policy, asset_id, wanted["available_s"], "pass", who=who)


def _how(conn: sa.Connection, loan_ref: str, at: int) -> str:
    """How came home what is told as returned: no feed says it, but a van may have been sent for it by then."""
    booked = collections.asked_for(conn, loan_ref)
    sent_s = None
    if booked is not None and booked.visit_id is not None:
        sent_s = conn.scalar(sa.select(visit.c.from_s).where(visit.c.visit_id == booked.visit_id))
    # A feed may know no more than the day.
    return "van" if sent_s is not None and sent_s < at + _DAY else "drop_off"


def _correct(conn: sa.Connection, policy: Policy, items: Iterable[Item]) -> int:
    """Put right what was told otherwise before: all at once, or, if that cannot be, each by itself."""
    wrong = [(each, changes) for each in items if (changes := _changes(conn, each))]

    def put_right(some: list[tuple[Item, dict[str, Any]]]) -> None:
        changes = {each.row["loan_ref"]: values for each, values in some if each.row is not None}
        at = max(each.told_s for each, _ in some)
        corrections.correct_all(conn, policy, changes, at, who=some[0][0].who, why="as the feed has it now")

    if len(wrong) > 1:
        try:
            with conn.begin_nested():
                put_right(wrong)
        except IllegalMove:
            pass  # one of them cannot be: each by itself
        else:
            return len(wrong)
    return sum(_try(conn, each[0], partial(put_right, [each])) for each in wrong)


def _changes(conn: sa.Connection, item: Item) -> dict[str, Any]:
    """What has to be corrected of a loan. What goes on besides is left to the next round: those are steps."""
    if item.row is None or item.row_wanted is None or item.failed:
        return {}
    now = _with_home(conn, conn.execute(sa.select(loan).where(loan.c.loan_ref == item.row["loan_ref"])).one())
    wrong = {name: item.row_wanted[name] for name in _CORRECTED if now[name] != item.row_wanted[name]}
    steps = {name for name in _GOES_ON & wrong.keys() if now[name] is None}
    rest = wrong.keys() - steps - {"delivered_by"}
    if not rest or rest & _WHEN_WHICH:
        return wrong  # dates and equipment may be true only together
    item.left = frozenset(steps)
    return {name: wrong[name] for name in rest}


def _enter(conn: sa.Connection, policy: Policy, item: Item) -> int:
    row = item.row_wanted
    if item.row is not None or row is None:
        return 0
    at = row["from_s"] if row["prescribed_s"] is None else row["prescribed_s"]

    def enter() -> None:
        corrections.enter_loan(conn, policy, row, at, who=item.who)

    def enter_and_end() -> None:
        ends = {"to_s", *corrections.HOME} & {name for name, value in row.items() if value is not None}
        corrections.enter_loan(conn, policy, row | dict.fromkeys(ends), at, who=item.who)
        _steps(conn, policy, row, ends, item.who)

    # What is over, and was not lent to anybody since, ends by the steps: it has to come home.
    over = row["to_s"] is not None and _try(conn, item, enter_and_end, quietly=True)
    if not over and not _try(conn, item, enter):
        return 0
    item.loan_ref, item.entered = row["loan_ref"], True
    return 1


def _try(conn: sa.Connection, item: Item, step: Callable[[], None], *, quietly: bool = False) -> bool:
    """Take a step, or note why not."""
    try:
        with conn.begin_nested():
            step()
    except IllegalMove as error:
        if not quietly:
            item.doubts.insert(0, str(error))
            item.failed = True
        return False
    return True


def _keep(conn: sa.Connection, item: Item) -> None:
    """Keep what the feed has put into the register, and what is in its way."""
    if item.row_wanted is not None and item.theirs is not None and not item.failed and not item.stuck:
        item.loan_ref = item.row_wanted["loan_ref"]
        not_put = {*item.kept, *item.left}
        of_feed = {name: their for name, their in item.theirs.items() if name not in not_put}
        item.base = {name: value for name, value in item.base.items() if name in not_put} | of_feed
    values = {
        "loan_ref": item.loan_ref,
        "applied": json.dumps({"entered": item.entered, "row": item.base}, sort_keys=True) if item.loan_ref else None,
        "trouble": "; ".join(item.doubts) or None,
    }
    if any(item.was[name] != value for name, value in values.items()):
        key = (feed_item.c.source == item.source, feed_item.c.external_id == item.external_id)
        conn.execute(sa.update(feed_item).where(*key).values(values))
