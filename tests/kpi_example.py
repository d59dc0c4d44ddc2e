"""The thirty loans of docs/kpis.csv, entered into a register as staff would enter them, one after the other."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from kitback.policy import LONDON, load
from kitback.register import Register, assets, audit_log, collections, loans, places, visits
from kitback.register.tables import flag
from moves import DAY, HOUR, Move

POLICY: Final = load()
FILE: Final = Path(__file__).parents[1] / "docs" / "kpis.csv"
PREFIX: Final = {"bed": "BED", "hoist": "HST", "mattress": "MAT"}


def london(text: str) -> int:
    """The Unix second of a time as the file has it."""
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=LONDON).timestamp())


ADDED: Final = london("2026-05-01 09:00")
NOW: Final = london("2026-11-30 12:00")
"""When the figures of the moment are counted."""


@dataclass(frozen=True)
class Lent:
    """A line of the file."""

    cells: dict[str, str]

    def __getattr__(self, name: str) -> str:
        return self.cells[name]

    @property
    def piece(self) -> str:
        return f"{PREFIX[self.kind]}-{self.loan[2:]}"

    def at(self, name: str) -> int | None:
        return london(self.cells[name]) if self.cells[name] else None


def read() -> list[Lent]:
    """The thirty loans."""
    with FILE.open(encoding="utf-8") as file:
        return [Lent(line) for line in csv.DictReader(file)]


def enter(register: Register, lent: list[Lent]) -> None:
    """Everything that happened, in the order in which it did."""
    with register.write() as conn:
        for home in sorted({each.home for each in lent}):
            places.add_place(conn, home, None, "loan_address", "Home", ADDED)
        for each in lent:
            assets.add_asset(conn, each.piece, each.kind, "Model 7", ADDED)
        happened = [*_vans(lent)]
        for each in lent:
            happened += [*_out(each), *_home(each), *_flagged(each)]
        for _, step in sorted(happened, key=lambda each: each[0]):
            step(conn)


_Step = tuple[int, Move]


def _out(e: Lent) -> Iterator[_Step]:
    ref, lent_to = e.loan, (e.piece, e.pathway, "home", e.home)
    prescribed, delivered = e.at("prescribed"), e.at("delivered")
    facts: dict[str, Any] = {"commissioner": e.commissioner}
    if prescribed:
        special = e.met_from == "special"
        yield prescribed, lambda c: loans.prescribe(c, POLICY, ref, *lent_to, prescribed, special=special, **facts)
        if delivered:
            yield delivered, lambda c: loans.deliver(c, POLICY, ref, delivered)
    elif delivered:
        yield delivered, lambda c: loans.lend(c, POLICY, ref, *lent_to, delivered, **facts)
    if at := e.at("cancelled"):
        yield at, lambda c: loans.cancel(c, ref, at)
    if reviewed := e.at("reviewed"):
        yield reviewed, lambda c: loans.note_review(c, POLICY, ref, reviewed)
        if due := e.at("due_agreed"):
            yield reviewed, lambda c: loans.agree_due(c, POLICY, ref, due, reviewed)
    if examined := e.at("examined"):
        yield examined, lambda c: assets.note_examination(c, POLICY, e.piece, examined)


def _home(e: Lent) -> Iterator[_Step]:
    ref, back = e.loan, e.at("back")
    if asked := e.at("asked"):
        yield asked, lambda c: collections.request(c, POLICY, ref, asked, why="the clinician says it can go")
        for number in range(1, int(e.failed_visits) + 1):
            yield from _in_vain(e, asked + number * DAY)
    if withdrawn := e.at("withdrawn"):
        yield withdrawn, lambda c: collections.cancel(c, ref, withdrawn)
    if back and e.how != "van":
        yield back, lambda c: loans.return_loan(c, ref, back, how=e.how)
    ended, result = e.at("available") or e.at("scrapped"), "pass" if e.available else "scrap"
    if back and ended:
        yield back + HOUR, lambda c: collections.decontaminate(c, POLICY, e.piece, back + HOUR)
        yield ended, lambda c: collections.inspect(c, POLICY, e.piece, ended, result)


def _flagged(e: Lent) -> Iterator[_Step]:
    if raised := e.at("flag_raised"):
        yield raised, lambda c: _raise(c, e)
        decided = e.at("closed") or raised
        if e.outcome:
            yield decided, lambda c: _decide(c, e, decided)


def _in_vain(e: Lent, at: int) -> Iterator[_Step]:
    def go(conn: sa.Connection) -> None:
        visit_id = visits.plan(conn, e.home, at, at + HOUR, at - HOUR, to_do=[(e.piece, "collect")])
        visits.finish(conn, POLICY, visit_id, at + HOUR, failed={e.piece: "nobody in"})

    yield at + HOUR, go


def _vans(lent: list[Lent]) -> Iterator[_Step]:
    """What is fetched from one home at one time, and what is serviced there then, is one visit."""
    jobs: dict[tuple[str, int], list[tuple[str, str]]] = defaultdict(list)
    for e in lent:
        if e.how == "van":
            jobs[e.home, london(e.back)].append((e.piece, "collect"))
        if e.serviced:
            jobs[e.home, london(e.serviced)].append((e.piece, "service"))
    for (home, at), to_do in jobs.items():
        yield at, lambda c, home=home, at=at, to_do=to_do: _visit(c, home, at, to_do)  # type: ignore[misc]  # defaults bind


def _visit(conn: sa.Connection, home: str, at: int, to_do: list[tuple[str, str]]) -> None:
    visit_id = visits.plan(conn, home, at - HOUR, at + HOUR, at - 2 * HOUR, to_do=to_do)
    visits.finish(conn, POLICY, visit_id, at)


def _raise(conn: sa.Connection, e: Lent) -> None:
    """As the watch leaves a flag that it raises."""
    seen = {"asset_id": e.piece, "loan_ref": e.loan, "rule": e.flag, "since": e.at("flag_since")}
    row = seen | {"raised_at": e.at("flag_raised")}
    words = {
        "kind": e.kind,
        "sentence": "Not used.",
        "evidence": '{"action": "ask", "seen": {}, "compared_with": null}',
    }
    flag_id = conn.scalar(sa.insert(flag).returning(flag.c.flag_id), row | words)
    audit_log.note(conn, london(e.flag_raised), "watch", f"flag.raise {flag_id}", after=row)


def _decide(conn: sa.Connection, e: Lent, at: int) -> None:
    """As a move leaves it that is made of it."""
    mine = flag.c.asset_id == e.piece
    flag_id = conn.scalar(sa.select(flag.c.flag_id).where(mine))
    status = {"status": "closed", "closed_at": at} if e.closed else {"status": "confirmed"}
    after = status | {"outcome": e.outcome}
    conn.execute(sa.update(flag).where(mine), after)
    before = {"status": "open"} | dict.fromkeys([name for name in after if name != "status"])
    audit_log.note(conn, at, "amy", f"flag.close {flag_id}", before=before, after=after)
