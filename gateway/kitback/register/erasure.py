"""Erasing a loan: everything by which its person or home could be linked to it goes, from the register and the outbox.

What of it the history has is told to `pending`: whoever writes the history deletes it there, and says `done`. A line
that waits in the outbox, or waits there no longer but is kept, becomes a comment as long as it was, which every
InfluxDB passes over: the account of lines and bytes stays as it is.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.policy import Policy
from kitback.register import audit_log, collections, holds, judgements, lines, loans, places, visits
from kitback.register.steps import IllegalMove, the_row, when
from kitback.register.store import Register
from kitback.register.tables import (
    anchor,
    audit,
    collection,
    erasure,
    feed_item,
    fitting,
    flag,
    hold,
    judgement,
    loan,
    metadata,
    outbox,
    place,
    quarantine,
    sink,
    use_day,
    visit,
    visit_task,
    whereabouts,
)

STEPS = ("erasure.begin",)
"""What the audit log calls them."""

_DAY: Final = 86_400
_ROWS_AT_ONCE: Final = 100
"""Rows of the outbox that are looked through in one transaction: others wait for it."""
_WORDS_ASKED_FOR: Final = 50
"""The database looks for so many; for more of them every text is read, once."""
_MOVES: Final = ("loan.move", "loan.correct")
_OF_LOAN: Final = (*loans.STEPS, *holds.STEPS, *collections.STEPS)
_WITHDRAWN: Final = "loan.withdraw"
_OF_PLACE: Final = (*places.STEPS, "anchor.add")
_AT: Final = re.compile(rb" (-?\d+)$")
_WHOSE: Final = re.compile(rb"(?:\w+,(?=tag=)|flag,(?=asset=))((?:\\.|[^,\\])+),")
"""The tag of a line, or of a flag's line its asset."""
_TOKEN: Final = re.compile(r"[\w-]+")


class Series(Struct, frozen=True, kw_only=True):
    """Lines of the history that go: all of a tag, or all flags of an asset, of one time. Both ends included."""

    erasure_id: int
    tag_id: str | None
    asset_id: str | None
    """Of its flags; null where `tag_id` is not."""
    from_s: int
    to_s: int


class Erasure(Struct, frozen=True, kw_only=True):
    """That something was erased once."""

    erasure_id: int
    asked_s: int
    who: str
    outbox_s: int | None
    """Since when the outbox has none of it; null while that is still to be done."""
    done_s: int | None
    """Since when the history has none of it."""


class Trace(Struct, frozen=True):
    """Where something that was looked for is."""

    word: str
    table: str
    column: str
    rows: int


def due(conn: sa.Connection, policy: Policy, now_s: int, limit: int | None = None) -> list[str]:
    """Loans whose time is up, the longest over first: `retention.closed_loan` after their end and their way home.

    Last come those that were withdrawn as long ago: of them the audit log still tells.
    """
    home = (
        sa.select(sa.func.max(collection.c.ended_s)).where(collection.c.loan_ref == loan.c.loan_ref).scalar_subquery()
    )
    over = sa.func.coalesce(home, loan.c.to_s)
    on_its_way = sa.exists().where(collection.c.loan_ref == loan.c.loan_ref, collection.c.ended_s.is_(None))
    latest = policy.retention.closed_loan.before(now_s)
    ended = sa.select(loan.c.loan_ref).where(loan.c.to_s <= latest, over <= latest, ~on_its_way)
    found = list(conn.scalars(ended.order_by(loan.c.to_s, loan.c.loan_ref).limit(limit)))
    return [*found, *_withdrawn(conn, latest)][:limit]


def is_withdrawn(conn: sa.Connection, loan_ref: str) -> bool:
    """Whether there was no such loan after all, and only the audit log tells of it."""
    known = sa.exists().where(loan.c.loan_ref == loan_ref)
    told = sa.exists().where(audit.c.what == f"{_WITHDRAWN} {loan_ref}")
    return bool(conn.scalar(sa.select(sa.and_(told, ~known))))


def forget(
    conn: sa.Connection,
    loan_ref: str,
    at: int,
    *,
    flag_steps: Collection[str],
    who: str = "system",
    why: str | None = None,
) -> tuple[str, ...]:
    """Erase a loan from the register; its history is left to `scrub` and to whoever takes what is `pending`.

    With it go its place and those it was lent to before it moved, if they are addresses to which nothing else is lent,
    and what its equipment and its tags saw meanwhile. Visits to other people's loans stay. Of one that was withdrawn
    goes what the audit log tells, and its places; it has no history.

    Args:
        flag_steps: what the audit log calls the steps of a flag.

    Returns:
        The words that are to be found nowhere from then on: its reference, and its places if they went.

    Raises:
        IllegalMove: there is no such loan, it goes on, its equipment is still on the way home, or the reason names it.
    """
    if why is not None and _Words([loan_ref]).of(why):
        raise IllegalMove(f"the reason is kept, and it names loan {loan_ref}: say it without its reference")
    if is_withdrawn(conn, loan_ref):
        return loan_ref, *_forget_withdrawn(conn, loan_ref, at, who, why)
    lent = the_row(conn, loan, loan_ref, "loan")
    if lent.to_s is None:
        raise IllegalMove(f"loan {loan_ref} goes on: end it first")
    if at < lent.to_s:
        raise IllegalMove(f"loan {loan_ref} ended at {when(lent.to_s)}, later than {when(at)}: check the date")
    mine = collection.c.loan_ref == loan_ref
    if conn.scalar(sa.select(sa.exists().where(mine, collection.c.ended_s.is_(None)))):
        raise IllegalMove(f"the equipment of loan {loan_ref} is not available again yet: erase it when it is")
    at_places = _places(conn, lent)
    began = min(each for each in (lent.prescribed_s, lent.from_s) if each is not None)
    _leave_to_history(conn, lent, began, at, who, why)
    flags = list(conn.scalars(sa.select(flag.c.flag_id).where(flag.c.loan_ref == loan_ref)))
    _forget_entries(conn, [f"{step} {loan_ref}" for step in _OF_LOAN])
    _forget_entries(conn, [f"{step} {flag_id}" for step in flag_steps for flag_id in flags])
    _delete(conn, flag, flag.c.loan_ref == loan_ref)
    if lent.from_s is not None:  # what was never delivered saw nothing of anybody's
        _forget_what_was_seen(conn, lent.asset_id, began, lent.to_s)
    booked = list(conn.scalars(sa.select(collection.c.visit_id).where(mine, collection.c.visit_id.is_not(None))))
    _delete(conn, collection, mine)
    _forget_tasks(conn, lent, at_places, booked, began)
    _forget_what_waits(conn, loan_ref)
    for table in (hold, feed_item, loan):
        _delete(conn, table, table.c.loan_ref == loan_ref)
    gone = [each for place_id in at_places for each in _forget_place(conn, place_id)]
    judgements.refresh(conn, lent.asset_id)
    return (loan_ref, *gone)


def forget_untaken(conn: sa.Connection, policy: Policy, now_s: int) -> tuple[str, ...]:
    """Erase what a feed told that is no loan here, once nobody has said it for as long as a loan that is over stays.

    That is what waits in vain, and addresses to which nothing is lent.

    Returns:
        The words that are to be found nowhere from then on.
    """
    latest = policy.retention.closed_loan.before(now_s)
    _delete(conn, feed_item, feed_item.c.loan_ref.is_(None), feed_item.c.told_s <= latest)
    told = conn.scalars(sa.select(feed_item.c.told).where(feed_item.c.loan_ref.is_(None))).all()
    gone: list[str] = []
    for place_id in _places_of_feeds(conn, latest):
        there = conn.scalar(sa.select(sa.exists().where(place.c.place_id == place_id)))
        if there and not any(json.dumps(place_id) in each for each in told):
            gone += _forget_place(conn, place_id)
    return tuple(gone)


def scrub(register: Register, at: int, tick: Callable[[int], None] = lambda _: None) -> int:
    """Make comments of the lines in the outbox that are to be erased; returns how many.

    Others wait for a slice of it at most. What a stop leaves undone the next call does.

    Args:
        tick: is told after each slice how many rows were looked through.

    Raises:
        RegisterError: the database failed.
    """
    with register.read() as conn:
        series = _series(conn, erasure.c.outbox_s.is_(None))
        whose = _by_whose(series)
        ids = list(conn.scalars(sa.select(outbox.c.outbox_id).order_by(outbox.c.outbox_id))) if series else []
    wiped = 0
    for first in range(0, len(ids), _ROWS_AT_ONCE):
        some = ids[first : first + _ROWS_AT_ONCE]
        with register.write() as conn:
            wiped += _scrub(conn, some[0], some[-1], whose)
        tick(len(some))
    if series:
        with register.write() as conn:
            ids = [each.erasure_id for each in series]
            _set(conn, ids, {"outbox_s": at})
            if not conn.scalar(sa.select(sa.exists().where(sink.c.name.is_not(None)))):
                done(conn, ids, at)  # no history was ever written
    return wiped


def pending(conn: sa.Connection, limit: int | None = None) -> list[Series]:
    """What is to be deleted from the history, now that the outbox has none of it; what was asked for first is first."""
    return _series(conn, sa.and_(erasure.c.outbox_s.is_not(None), erasure.c.done_s.is_(None)), limit)


def done(conn: sa.Connection, erasure_ids: Collection[int], at: int) -> None:
    """The history has none of it any more: of what was erased, nothing but that it was remains."""
    nothing = {"tag_id": None, "asset_id": None, "from_s": None, "to_s": None}
    _set(conn, erasure_ids, {"done_s": at, **nothing})


def erasures(conn: sa.Connection) -> list[Erasure]:
    """All that was ever erased, the latest first."""
    columns = [erasure.c[name] for name in Erasure.__struct_fields__]
    found = conn.execute(sa.select(*columns).order_by(erasure.c.erasure_id.desc()))
    return [Erasure(**row._mapping) for row in found]


def traces(conn: sa.Connection, words: Collection[str]) -> list[Trace]:
    """Where in the register references or ids are still to be found, each as a word of its own: every text is read."""
    asked, found = _Words(words), Counter[tuple[str, str, str]]()
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, (sa.String, sa.LargeBinary)):
                for text in _holding(conn, column, sorted(words)):
                    found.update((word, table.name, column.name) for word in asked.of(text))
    return [Trace(*where, rows) for where, rows in sorted(found.items())]


class _Words:
    """Words that are looked for, each as one of its own: `LN-1` is not in `LN-12`. There may be thousands."""

    def __init__(self, words: Collection[str]) -> None:
        self._whole = {word: re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])") for word in words}
        self._by_token: dict[str, list[str]] = {}
        for word in words:
            for token in _TOKEN.findall(word)[:1]:
                self._by_token.setdefault(token, []).append(word)
        self._signs = [word for word in words if not _TOKEN.search(word)]

    def of(self, text: str) -> set[str]:
        """Those that are in a text."""
        may = [word for token in set(_TOKEN.findall(text)) for word in self._by_token.get(token, ())]
        return {word for word in (*may, *self._signs) if self._whole[word].search(text)}


def _withdrawn(conn: sa.Connection, latest_s: int) -> list[str]:
    said = audit.c.what.startswith(f"{_WITHDRAWN} ", autoescape=True)
    long_ago = sa.select(audit.c.what).where(said, audit.c.at_us <= latest_s * 1_000_000)
    found = {what.removeprefix(f"{_WITHDRAWN} ") for what in conn.scalars(long_ago)}
    return sorted(each for each in found if is_withdrawn(conn, each))


def _forget_withdrawn(conn: sa.Connection, loan_ref: str, at: int, who: str, why: str | None) -> list[str]:
    told = audit_log.entries(conn, [f"{step} {loan_ref}" for step in (*_MOVES, _WITHDRAWN)])
    at_places = {str(each.before["place_id"]) for each in told if each.before and "place_id" in each.before}
    _begin(conn, {"outbox_s": at, "done_s": at}, at, who, why)
    _forget_entries(conn, [f"{step} {loan_ref}" for step in _OF_LOAN])
    _forget_what_waits(conn, loan_ref)
    return [gone for place_id in sorted(at_places) for gone in _forget_place(conn, place_id)]


def _begin(conn: sa.Connection, values: Mapping[str, Any], at: int, who: str, why: str | None) -> None:
    new = sa.insert(erasure).returning(erasure.c.erasure_id)
    erasure_id = conn.scalars(new, {"asked_s": at, "who": who, **values}).one()
    audit_log.note(conn, at, who, f"erasure.begin {erasure_id}", why=why)


def _leave_to_history(conn: sa.Connection, lent: sa.Row[Any], from_s: int, at: int, who: str, why: str | None) -> None:
    """Note what of the history is to go: of each tag the time that it was on the asset, and the asset's flags."""
    asset_id, to_s = lent.asset_id, lent.to_s
    flags_to_s = _lent_again(conn, lent, from_s) or at
    rows: list[dict[str, Any]] = [{"tag_id": None, "asset_id": asset_id, "from_s": from_s, "to_s": flags_to_s}]
    if lent.from_s is not None:
        rows += _of_tags(conn, asset_id, from_s, to_s)
    for row in rows:
        _begin(conn, row, at, who, why)
    tags = [row["tag_id"] for row in rows if row["tag_id"]]
    # What could not be read may hold what it saw; it may have come again since.
    meanwhile = (quarantine.c.first_at <= to_s, quarantine.c.last_at >= from_s)
    _delete(conn, quarantine, quarantine.c.tag_id.in_(tags), *meanwhile)


def _of_tags(conn: sa.Connection, asset_id: str, from_s: int, to_s: int) -> Iterator[dict[str, Any]]:
    ended = sa.func.coalesce(fitting.c.to_s, to_s)
    on_it = sa.select(fitting).where(fitting.c.asset_id == asset_id, fitting.c.from_s <= to_s, ended >= from_s)
    for fitted in conn.execute(on_it.order_by(fitting.c.from_s)):
        until = to_s if fitted.to_s is None else min(to_s, fitted.to_s)
        yield {"tag_id": fitted.tag_id, "asset_id": None, "from_s": max(from_s, fitted.from_s), "to_s": until}


def _places(conn: sa.Connection, lent: sa.Row[Any]) -> list[str]:
    """Where a loan is, and where it was before it moved or was put right."""
    changed = audit_log.entries(conn, [f"{step} {lent.loan_ref}" for step in _MOVES])
    before = {(each.before or {}).get("place_id", lent.place_id) for each in changed}
    return [lent.place_id, *sorted(before - {lent.place_id})]


def _lent_again(conn: sa.Connection, lent: sa.Row[Any], from_s: int) -> int | None:
    """Just before the equipment was lent again: until then the history may be told of a loan's flags."""
    began = sa.func.coalesce(loan.c.prescribed_s, loan.c.from_s)
    others = (loan.c.asset_id == lent.asset_id, loan.c.loan_ref != lent.loan_ref)
    next_s: int | None = conn.scalar(sa.select(sa.func.min(began)).where(*others, began >= from_s))
    return None if next_s is None else next_s - 1


def _forget_what_was_seen(conn: sa.Connection, asset_id: str, from_s: int, to_s: int) -> None:
    # The days at both ends go whole: a day is kept as one sum.
    _delete(conn, use_day, use_day.c.asset_id == asset_id, use_day.c.day.between(from_s // _DAY, to_s // _DAY))
    during = (whereabouts.c.from_s >= from_s, whereabouts.c.from_s < to_s)
    _delete(conn, whereabouts, whereabouts.c.asset_id == asset_id, *during)


def _forget_what_waits(conn: sa.Connection, loan_ref: str) -> None:
    """What waits for it, for it has the same equipment, says so; the feed's next file words it anew."""
    named, asked = feed_item.c.trouble.contains(loan_ref, autoescape=True), _Words([loan_ref])
    for row in conn.execute(sa.select(feed_item).where(feed_item.c.trouble.is_not(None), named)).all():
        if asked.of(row.trouble):
            mine = (feed_item.c.source == row.source, feed_item.c.external_id == row.external_id)
            told = {"trouble": "it waited for a loan that was erased since"}
            conn.execute(sa.update(feed_item).where(*mine), told)


def _forget_tasks(
    conn: sa.Connection, lent: sa.Row[Any], at_places: Sequence[str], booked: Sequence[int], began: int
) -> None:
    """What was done for this loan on visits; a visit for which nothing is left goes as well."""
    there = sa.select(visit.c.visit_id).where(
        visit.c.place_id.in_(at_places), visit.c.to_s >= began, visit.c.from_s <= lent.to_s
    )
    all_visits = {*booked, *conn.scalars(there)}
    if not all_visits:
        return
    mine = (visit_task.c.visit_id.in_(all_visits), visit_task.c.asset_id == lent.asset_id)
    for task in conn.execute(sa.select(visit_task).where(*mine)):
        _forget_entries(conn, [f"visit.{task.task} {task.visit_id} {task.asset_id}"])
    _delete(conn, visit_task, *mine)
    empty = sa.select(visit.c.visit_id).where(
        visit.c.visit_id.in_(all_visits), ~sa.exists().where(visit_task.c.visit_id == visit.c.visit_id)
    )
    _forget_visits(conn, list(conn.scalars(empty)))


def _forget_visits(conn: sa.Connection, visit_ids: Sequence[int]) -> None:
    if not visit_ids:
        return
    _forget_entries(conn, [f"{step} {visit_id}" for step in visits.STEPS for visit_id in visit_ids])
    conn.execute(sa.update(collection).where(collection.c.visit_id.in_(visit_ids)), {"visit_id": None})
    _delete(conn, visit_task, visit_task.c.visit_id.in_(visit_ids))
    _delete(conn, visit, visit.c.visit_id.in_(visit_ids))


def _forget_place(conn: sa.Connection, place_id: str) -> tuple[str, ...]:
    """An address goes with its last loan, and its rooms with it; other places are the service's own."""
    mine = (place.c.place_id == place_id, place.c.type == "loan_address")
    if not conn.scalar(sa.select(sa.exists().where(*mine))):
        return ()
    if conn.scalar(sa.select(sa.exists().where(loan.c.place_id == place_id))):
        return ()
    rooms = list(conn.scalars(sa.select(place.c.place_id).where(place.c.within == place_id)))
    gone = [*rooms, place_id]
    _forget_visits(conn, list(conn.scalars(sa.select(visit.c.visit_id).where(visit.c.place_id == place_id))))
    _forget_heard(conn, gone)
    for each in gone:
        _forget_entries(conn, [f"{step} {each}" for step in _OF_PLACE])
        _delete(conn, place, place.c.place_id == each)
    return tuple(gone)


def _forget_heard(conn: sa.Connection, gone: Sequence[str]) -> None:
    """That anything was at these places: where it is now is a place that Kitback does not know."""
    _delete(conn, whereabouts, whereabouts.c.place_id.in_(gone))
    known = [f"anchor.add {each}" for each in gone]
    if not conn.scalar(sa.select(sa.exists().where(audit.c.what.in_(known)))):
        return  # nothing was ever heard there
    _delete(conn, anchor, anchor.c.place_id.in_(gone))
    named = sa.or_(judgement.c.place_id.in_(gone), judgement.c.rival_id.in_(gone))
    for row in conn.execute(sa.select(judgement).where(named)).all():
        nowhere = {"place_id": None, "place_type": "unknown"} if row.place_id in gone else {}
        values = nowhere | ({"rival_id": None, "rival_from": None} if row.rival_id in gone else {})
        conn.execute(sa.update(judgement).where(judgement.c.asset_id == row.asset_id), values)


def _places_of_feeds(conn: sa.Connection, latest_s: int) -> list[str]:
    """Places that feeds entered, up to a moment."""
    step = "place.add "
    some = (
        audit.c.what.startswith(step, autoescape=True),
        audit.c.who.startswith("feed ", autoescape=True),
        audit.c.at_us <= latest_s * 1_000_000,
    )
    return [what.removeprefix(step) for what in conn.scalars(sa.select(audit.c.what).where(*some).distinct())]


def _forget_entries(conn: sa.Connection, whats: Sequence[str]) -> None:
    if whats:  # a database that looks for none of nothing reads everything
        _delete(conn, audit, audit.c.what.in_(whats))


def _delete(conn: sa.Connection, table: sa.Table, *which: sa.ColumnElement[bool]) -> None:
    conn.execute(sa.delete(table).where(*which))


def _set(conn: sa.Connection, erasure_ids: Collection[int], values: Mapping[str, Any]) -> None:
    if erasure_ids:  # a database takes only so many in one statement
        each = sa.update(erasure).where(erasure.c.erasure_id == sa.bindparam("the_id")).values(**values)
        conn.execute(each, [{"the_id": erasure_id} for erasure_id in erasure_ids])


def _series(conn: sa.Connection, which: sa.ColumnElement[bool], limit: int | None = None) -> list[Series]:
    columns = [erasure.c[name] for name in Series.__struct_fields__]
    found = conn.execute(sa.select(*columns).where(which).order_by(erasure.c.erasure_id).limit(limit))
    return [Series(**row._mapping) for row in found]


def _scrub(conn: sa.Connection, first: int, last: int, series: Mapping[bytes, Sequence[Series]]) -> int:
    mine = sa.select(outbox.c.outbox_id, outbox.c.lines).where(outbox.c.outbox_id.between(first, last))
    wiped = 0
    for row in conn.execute(mine).all():
        found = row.lines.split(b"\n")
        kept = [b"#" * len(line) if _is_of(line, series) else line for line in found]
        if kept != found:
            wiped += sum(map(bytes.__ne__, kept, found))
            changed = sa.update(outbox).where(outbox.c.outbox_id == row.outbox_id)
            conn.execute(changed, {"lines": b"\n".join(kept)})
    return wiped


def _by_whose(series: Sequence[Series]) -> dict[bytes, list[Series]]:
    """As `_WHOSE` finds it in a line: there may be thousands of them."""
    found: dict[bytes, list[Series]] = {}
    for each in series:
        whose = f"asset={lines.tag_value(str(each.asset_id))}" if each.tag_id is None else f"tag={each.tag_id}"
        found.setdefault(whose.encode(), []).append(each)
    return found


def _is_of(line: bytes, series: Mapping[bytes, Sequence[Series]]) -> bool:
    whose = _WHOSE.match(line)
    mine = series.get(whose[1], ()) if whose else ()
    at = _AT.search(line) if mine else None
    return at is not None and any(each.from_s <= int(at[1]) // 1_000_000 <= each.to_s for each in mine)


def _holding(conn: sa.Connection, column: sa.Column[Any], words: Sequence[str]) -> Iterator[str]:
    """The values of a column that may hold one of some words."""
    chosen = sa.select(column).where(column.is_not(None)).execution_options(yield_per=100)
    if isinstance(column.type, sa.LargeBinary):
        yield from (value.decode(errors="replace") for value in conn.scalars(chosen))
        return
    if len(words) <= _WORDS_ASKED_FOR:
        chosen = chosen.where(sa.or_(*(column.contains(word, autoescape=True) for word in words)))
    yield from conn.scalars(chosen)
