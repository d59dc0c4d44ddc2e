"""A fleet on paper: its entries in the register, and the reports that its tags send, signed ahead of time.

Every tag goes on from where it was: each report carries the next records of its journal and the pair of a round trip
just before it, so from a tag's second report on all its records are placed between two pairs. Of 24 records 20 are
`use`, 3 `fix` and 1 `health`. A hundred tags share a place with four anchors; a fix hears these and two strangers.
"""

import hashlib
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa

from kitback import wire
from kitback.locate.pepper import peppered
from kitback.register import Register, loans
from kitback.register.tables import anchor, metadata, place

ROOT = "kitback"
_JOURNAL = "5f3a09c1-1"
_STEP = 600
"""Counter seconds from record to record."""
_DRIFT = 100
"""The counter loses one second in so many."""
_KINDS = ("bed", "hoist", "mattress")
_NEIGHBOURS = 100
_ROWS = 10_000


@dataclass(frozen=True)
class Fleet:
    """So many tags, whose counters all began at `began` (Unix seconds)."""

    tags: int
    records: int
    """Records a report."""
    began: int

    def tag_id(self, number: int) -> str:
        return f"{number:012x}"

    def secret(self, number: int) -> bytes:
        return hashlib.sha256(self.tag_id(number).encode()).digest()

    def enrol(self, register: Register, pepper: bytes) -> None:
        """Enter tags, assets, fittings, loans, places and anchors, in one transaction.

        The register's own functions enter one of each kind; the others' rows are theirs under other names.
        """
        with register.write() as conn:
            self._add_places(conn, pepper)
            before = self.began - 86_400
            for number in range(len(_KINDS)):
                asset_id = f"ASSET-{number}"
                loans.add_asset(conn, asset_id, _KINDS[number], "Model 7", before)
                loans.enrol_tag(conn, self.tag_id(number), self.secret(number), before)
                loans.fit_tag(conn, self.tag_id(number), asset_id, before)
                loans.lend(conn, f"L-{number}", asset_id, "long_term", "home", "P-0", before, None)
            for table in metadata.sorted_tables:
                if {"tag_id", "asset_id"} & set(table.c.keys()):
                    self._copy(conn, table)

    def _add_places(self, conn: sa.Connection, pepper: bytes) -> None:
        numbers = range(self.tags // _NEIGHBOURS + 1)
        rows = [{"place_id": f"P-{n}", "type": "loan_address", "name": f"Home {n}"} for n in numbers]
        conn.execute(sa.insert(place), rows)
        known = [(peppered(pepper, _anchor(n, i)), f"P-{n}") for n in numbers for i in range(4)]
        conn.execute(sa.insert(anchor), [{"anchor": name, "place_id": place_id} for name, place_id in known])

    def _copy(self, conn: sa.Connection, table: sa.Table) -> None:
        """What a table says of the first of each kind, for all others of the kind."""
        key, name = (table.c.tag_id, self.tag_id) if "tag_id" in table.c else (table.c.asset_id, "ASSET-{}".format)
        counted = {column.name for column in table.primary_key if column.autoincrement is True}
        said = {row._mapping[key]: row._mapping for row in conn.execute(sa.select(table))}
        first = [
            {column: value for column, value in said.get(name(number), {}).items() if column not in counted}
            for number in range(len(_KINDS))
        ]
        rows = (
            pattern | {column: value for column, value in self._names(number).items() if pattern.get(column)}
            for number in range(len(_KINDS), self.tags + 1)  # the last one sends the markers
            if (pattern := first[number % len(_KINDS)])
        )
        while some := list(islice(rows, _ROWS)):
            conn.execute(sa.insert(table), some)

    def _names(self, number: int) -> dict[str, Any]:
        place_id = f"P-{number // _NEIGHBOURS}"
        return {
            "tag_id": self.tag_id(number),
            "asset_id": f"ASSET-{number}",
            "loan_ref": f"L-{number}",
            "secret": self.secret(number),
            "place_id": place_id,
            "loan_place": place_id,
        }

    def message(self, index: int) -> tuple[str, bytes]:
        """Topic and payload of the fleet's next report after `index` others, the tags taking turns."""
        turn, number = divmod(index, self.tags)
        return self._sealed(number, self.report(number, turn))

    def marker(self, turn: int) -> tuple[str, bytes]:
        """A report of one tag beyond the others, whose one record of use counts `turn` events."""
        report = self.report(self.tags, turn)
        use = wire.Use(turn + 1, turn * self.records * _STEP, _STEP - 2, 0, events=turn)
        return self._sealed(self.tags, msgspec.structs.replace(report, records=[use], after=turn, newest=turn + 1))

    def _sealed(self, number: int, report: wire.Report) -> tuple[str, bytes]:
        tag_id = self.tag_id(number)
        sealed = wire.seal(self.secret(number), wire.UP_REPORT, wire.encode(report))
        return wire.topic(ROOT, tag_id, wire.UP_REPORT), sealed

    def report(self, number: int, turn: int) -> wire.Report:
        """A tag's report after `turn` others of its own."""
        high = turn * self.records
        now = (high + self.records) * _STEP
        return wire.Report(
            v=1,
            fw="1.0.0",
            journal=_JOURNAL,
            oldest=1,
            newest=high + self.records,
            clock=1,
            at=now,
            pair=wire.Pair(now - 2, now - 1, self.began + (now - 2) * (_DRIFT + 1) // _DRIFT),
            battery_mv=4000,
            after=high,
            on=1,
            records=[self._record(number, seq) for seq in range(high + 1, high + self.records + 1)],
        )

    def _record(self, number: int, seq: int) -> wire.Record:
        at = (seq - 1) * _STEP
        match (number + seq) % 24:
            case 0:
                return wire.Health(seq, at, 4000, 61_440, 1440, 300, 80, 32_768, 25, 0, 21_000, 180)
            case 6 | 12 | 18:
                strangers = [_anchor(number, 0xFFFE), _anchor(number, 0xFFFF)]
                near = [_anchor(number // _NEIGHBOURS, i) for i in range(4)] + strangers
                heard = [wire.Heard(anchor, -50 - 6 * rank) for rank, anchor in enumerate(near)]
                return wire.Fix(seq, at, "due", 1, heard)
        return wire.Use(seq, at, _STEP - 2, in_use=(seq % 2) * (_STEP - 2), events=seq % 3)


def _anchor(number: int, rank: int) -> str:
    return f"{number:08x}{rank:04x}"
