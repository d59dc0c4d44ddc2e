"""Takes sheets of places, equipment and running loans into the register, each row through the register's own steps.

A row is taken whole or not at all, and so is a sheet, unless whoever brings it chooses to leave out what is wrong.
Everything that is wrong is told at once. A dry run is a real one that is not kept.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from kitback.exchange.cells import Unfit, ident, moment, number, past, pence, word, yes
from kitback.exchange.rows import Mistake, Row, read
from kitback.policy import SETTINGS, Policy
from kitback.register import IllegalMove, Register, assets, loans, places
from kitback.register.tables import asset, loan, place

MISTAKES_KEPT: Final = 10_000
"""The first so many are told; of more only the number: a sheet may be of any length."""
_TOLD_EACH: Final = 100
_READY: Final = ("available", "prescribed", "on_loan")
"""States of what can be lent; its loans are brought next."""

_T = TypeVar("_T")


class Taken(Struct, kw_only=True):
    """What became of a sheet."""

    rows: int = 0
    """Taken in; or found good, if nothing was kept."""
    bad: int = 0
    """Rows that something is wrong with."""
    mistakes: list[Mistake] = []
    """In the order of the lines, at most `MISTAKES_KEPT`."""
    kept: bool = False
    """Whether anything was changed."""


class Sheet(Struct, frozen=True):
    """What a sheet of one sort holds."""

    key: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    told: tuple[str, ...]
    """Columns that are written by `kitback export csv`, follow from the others, and are passed over."""
    take: "Callable[[_Taking, _Cells], None]"

    @property
    def columns(self) -> tuple[str, ...]:
        """All that its header may name."""
        return self.required + self.optional + self.told


class _NotKept(Exception):
    pass


class _Refused(Exception):
    """A row with mistakes, all of which are noted."""


def take(
    register: Register,
    policy: Callable[[sa.Connection], Policy],
    name: str,
    path: Path,
    now_s: int,
    *,
    dry_run: bool = False,
    skip_bad: bool = False,
    who: str,
    why: str | None = None,
    told: Callable[[int], None],
) -> Taken:
    """Take in a sheet, in one transaction; others wait for it with what they write.

    Args:
        policy: the one to set clocks by, of the register.
        name: of the sort of sheet, one of `SHEETS`.
        dry_run: keep nothing.
        skip_bad: keep the rows that are good, whatever the others are.
        told: is told how many rows more were looked at.

    Raises:
        SheetError: the file cannot be read, or its header will not do; nothing was kept.
        RegisterError: the database failed; nothing was kept.
    """
    sheet, taken = SHEETS[name], Taken()
    try:
        with register.write() as conn:
            taking = _Taking(conn, policy(conn), now_s, who, why)
            for number_, row in enumerate(read(path, sheet.columns, sheet.required), start=1):
                wrong = [row] if isinstance(row, Mistake) else _take(taking, sheet, row)
                _count(taken, wrong)
                if number_ % _TOLD_EACH == 0:
                    told(_TOLD_EACH)
            if dry_run or (taken.bad and not skip_bad):
                raise _NotKept
            taken.kept = taken.rows > 0
    except _NotKept:
        pass
    _name_twins(path, sheet, taken)
    return taken


def _take(taking: "_Taking", sheet: Sheet, row: Row) -> list[Mistake]:
    cells = _Cells(row)
    try:
        with taking.conn.begin_nested():
            sheet.take(taking, cells)
    except _Refused:
        pass
    return cells.mistakes


def _count(taken: Taken, wrong: list[Mistake]) -> None:
    if not wrong:
        taken.rows += 1
        return
    taken.bad += 1
    taken.mistakes += wrong[: MISTAKES_KEPT - len(taken.mistakes)]


_TAKEN = "is in the register already: leave this line out, or give another id"


def _name_twins(path: Path, sheet: Sheet, taken: Taken) -> None:
    """Of ids that were taken: whether by a line above, and by which. Looked up afterwards, only if there are any."""
    twice = {each.line for each in taken.mistakes if each.what.endswith(_TAKEN)}
    if not twice:
        return
    ids = {row.line: row.cells[sheet.key] for row in _good(path, sheet) if row.line in twice}
    wanted, first = set(ids.values()), dict[str, int]()
    for row in _good(path, sheet):
        if (its := row.cells.get(sheet.key)) in wanted:
            first.setdefault(str(its), row.line)
    for at, each in enumerate(taken.mistakes):
        above = first.get(ids.get(each.line, ""), each.line)
        if each.line in twice and each.what.endswith(_TAKEN) and above < each.line:
            what = f"{ids[each.line]} is on line {above} already: leave one of the two out"
            taken.mistakes[at] = Mistake(each.line, each.column, what)


def _good(path: Path, sheet: Sheet) -> Iterator[Row]:
    return (row for row in read(path, sheet.columns, sheet.required) if isinstance(row, Row))


# --- a row -----------------------------------------------------------------------------------------------------------


class _Cells:
    """The cells of a row, and what is found wrong with them."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.mistakes: list[Mistake] = []

    def may(self, column: str, parse: Callable[[str], _T]) -> _T | None:
        """What an optional cell says; None if nothing, or if it is wrong."""
        text = self._row.cells.get(column)
        if text is None:
            return None
        try:
            return parse(text)
        except Unfit as error:
            self.wrong(column, str(error))
            return None

    def must(self, column: str, parse: Callable[[str], _T], otherwise: _T) -> _T:
        """What a cell says that may not be empty; `otherwise` if it is wrong, which `agree` will tell."""
        if self.lack(column):
            self.wrong(column, "is empty: fill it in")
            return otherwise
        found = self.may(column, parse)
        return otherwise if found is None else found

    def lack(self, column: str) -> bool:
        """Whether a cell is empty."""
        return column not in self._row.cells

    def wrong(self, column: str, what: str) -> None:
        """Note what is wrong with a cell."""
        self.mistakes.append(Mistake(self._row.line, column, what))

    def agree(self) -> None:
        """Go no further if anything is wrong."""
        if self.mistakes:
            raise _Refused

    @contextmanager
    def about(self, column: str) -> Iterator[None]:
        """What the register refuses here is to be mended in this column."""
        try:
            yield
        except IllegalMove as error:
            self.wrong(column, str(error))
            raise _Refused from error


class _Taking(Struct):
    """The transaction that a sheet is taken in by."""

    conn: sa.Connection
    policy: Policy
    now_s: int
    who: str
    why: str | None

    @property
    def noted(self) -> dict[str, Any]:
        """Who, and why."""
        return {"who": self.who, "why": self.why}

    def past(self, text: str) -> int:
        """When something happened."""
        return past(self.now_s, text)

    def new(self, table: sa.Table, text: str) -> str:
        """An id that nothing has yet."""
        if self._row(table, ident(text)) is not None:
            raise Unfit(f"{text} {_TAKEN}")
        return text

    def known(self, table: sa.Table, text: str) -> str:
        """The id of something that is there."""
        if self._row(table, ident(text)) is None:
            raise Unfit(f"there is no {table.name} {text}: bring it first, or check the id")
        return text

    def place_for(self, check: Callable[[sa.Connection, str], None], text: str) -> str:
        """The id of a place that a check lets pass."""
        self.known(place, text)
        try:
            check(self.conn, text)
        except IllegalMove as error:
            raise Unfit(str(error)) from error
        return text

    def _row(self, table: sa.Table, key: str) -> Any:
        return self.conn.execute(_by_key(table), {"key": key}).one_or_none()


@cache  # to put a statement together takes longer than to run it
def _by_key(table: sa.Table) -> sa.Select[Any]:
    (column,) = table.primary_key
    return sa.select(column).where(column == sa.bindparam("key"))


def _place(taking: _Taking, cells: _Cells) -> None:
    place_id = cells.must("place_id", partial(taking.new, place), "")
    type_ = cells.must("type", partial(word, allowed=places.PLACE_TYPES), "")
    name = cells.must("name", str, "")
    within = cells.may("within", partial(taking.known, place))
    lat, lon = cells.may("lat", number), cells.may("lon", number)
    if cells.lack("lat") != cells.lack("lon"):
        cells.wrong("lat" if cells.lack("lat") else "lon", "is empty: give both lat and lon, or neither")
    cells.agree()
    point = None if lat is None or lon is None else places.Point(lat, lon)
    with cells.about("lat" if point else "place_id"):
        places.add_place(taking.conn, place_id, within, type_, name, taking.now_s, point=point, **taking.noted)


def _asset(taking: _Taking, cells: _Cells) -> None:
    asset_id = cells.must("asset_id", partial(taking.new, asset), "")
    kind = cells.must("kind", partial(word, allowed=assets.KINDS), "")
    model = cells.must("model", str, "")
    serial, commissioner = cells.may("serial", ident), cells.may("commissioner", str)
    value_pence = cells.may("value_gbp", pence)
    store_id = cells.may("store_id", partial(taking.place_for, places.check_store))
    cells.may("state", _ready)
    serviced_s, examined_s = cells.may("serviced", taking.past), cells.may("examined", taking.past)
    cells.agree()
    with cells.about("asset_id"):
        assets.add_asset(
            taking.conn,
            asset_id,
            kind,
            model,
            taking.now_s,
            serial=serial,
            value_pence=value_pence,
            commissioner=commissioner,
            store_id=store_id,
            **taking.noted,
        )
    for column, at, step in (
        ("serviced", serviced_s, assets.note_service),
        ("examined", examined_s, assets.note_examination),
    ):
        if at is not None:
            with cells.about(column):
                step(taking.conn, taking.policy, asset_id, at, **taking.noted)


def _ready(text: str) -> None:
    """What is not ready is not taken in as if it were."""
    state = word(text, assets.STATES)
    if state not in _READY:
        raise Unfit(f"it is {state.replace('_', ' ')}: leave the line out, and bring it once it is available")


def _loan(taking: _Taking, cells: _Cells) -> None:
    lent = _agreed(taking, cells)
    speed = cells.may("speed", partial(word, allowed=tuple(taking.policy.delivery_speed)))
    special = cells.may("special", yes) or False
    prescribed_s, delivered_s = cells.may("prescribed", taking.past), cells.may("delivered", taking.past)
    reviewed_s, due_s = cells.may("reviewed", taking.past), cells.may("due_agreed", moment)
    if cells.may("returned", str) is not None:
        cells.wrong("returned", "this loan is over: leave the line out, only loans that run are taken in")
    if cells.lack("prescribed") and cells.lack("delivered"):
        cells.wrong("delivered", "is empty, and so is prescribed: give one of them, or both")
    if (speed or special) and cells.lack("prescribed"):
        cells.wrong("prescribed", "is empty, but a speed or special belongs to a prescription: say when that was")
    cells.agree()
    began_s = prescribed_s or delivered_s or 0
    conn, policy, loan_ref = taking.conn, taking.policy, lent["loan_ref"]
    with cells.about("asset_id"):
        if prescribed_s is None:
            loans.lend(conn, policy, **lent, at=began_s, **taking.noted)
        else:
            loans.prescribe(conn, policy, **lent, at=began_s, speed=speed, special=special, **taking.noted)
    if prescribed_s is not None and delivered_s is not None:
        with cells.about("delivered"):
            loans.deliver(conn, policy, loan_ref, delivered_s, **taking.noted)
    if due_s is not None:
        with cells.about("due_agreed"):  # when it was delivered: it may be past by now
            loans.agree_due(conn, policy, loan_ref, due_s, delivered_s or began_s, **taking.noted)
    if reviewed_s is not None:
        with cells.about("reviewed"):
            loans.note_review(conn, policy, loan_ref, reviewed_s, **taking.noted)


def _agreed(taking: _Taking, cells: _Cells) -> dict[str, Any]:
    """What is lent, and on what terms."""
    return {
        "loan_ref": cells.must("loan_ref", partial(taking.new, loan), ""),
        "asset_id": cells.must("asset_id", partial(taking.known, asset), ""),
        "pathway": cells.must("pathway", partial(word, allowed=tuple(taking.policy.pathway)), ""),
        "setting": cells.must("setting", partial(word, allowed=SETTINGS), ""),
        "place_id": cells.must("place_id", partial(taking.place_for, places.check_loan_place), ""),
        "commissioner": cells.may("commissioner", str),
        "used_by_paid_carers": cells.may("used_by_paid_carers", yes) or False,
    }


SHEETS: Final[Mapping[str, Sheet]] = {
    "places": Sheet(
        key="place_id", required=("place_id", "type", "name"), optional=("within", "lat", "lon"), told=(), take=_place
    ),
    "assets": Sheet(
        key="asset_id",
        required=("asset_id", "kind", "model"),
        optional=("serial", "value_gbp", "commissioner", "store_id", "serviced", "examined"),
        told=("state", "service_due", "exam_due"),
        take=_asset,
    ),
    "loans": Sheet(
        key="loan_ref",
        required=("loan_ref", "asset_id", "pathway", "setting", "place_id"),
        optional=(
            *("commissioner", "used_by_paid_carers", "prescribed", "speed", "special", "delivered"),
            *("due_agreed", "reviewed", "returned"),
        ),
        told=("deliver_by", "delivered_by", "due", "review_due"),
        take=_loan,
    ),
}
"""Columns by sort of sheet. Places come before what is lent to them, equipment before its loans."""
