"""A fleet on paper: its entries in the register, and the reports that its tags send, signed ahead of time.

Every tag goes on from where it was: each report carries the next records of its journal and the pair of a round trip
just before it, so from a tag's second report on all its records are placed between two pairs. Of 24 records 20 are
`use`, 3 `fix` and 1 `health`. A hundred tags share a place with four anchors; a fix hears these and two strangers.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa

from kitback import wire
from kitback.locate.pepper import peppered
from kitback.policy import load
from kitback.register import Register, assets, fittings, loans, tags
from kitback.register.lines import record_line
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

    @classmethod
    def until_yesterday(cls, tags: int, records: int, turns: int) -> "Fleet":
        """A fleet of which each tag's newest report, of so many, is a day old."""
        return cls(tags, records, int(time.time()) - 86_400 - turns * records * _STEP * (_DRIFT + 1) // _DRIFT)

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
                tag_id, asset_id = self.tag_id(number), _asset_id(number)
                assets.add_asset(conn, asset_id, _KINDS[number], "Model 7", before)
                tags.enrol_tag(conn, tag_id, self.secret(number), before)
                fittings.fit_tag(conn, tag_id, asset_id, before)
                loans.lend(conn, load(), _loan_ref(number), asset_id, "long_term", "home", _place_id(number), before)
            for table in metadata.sorted_tables:
                if {"tag_id", "asset_id"} & set(table.c.keys()):
                    self._copy(conn, table)

    def _add_places(self, conn: sa.Connection, pepper: bytes) -> None:
        for first in range(0, self.tags + 1, _NEIGHBOURS):
            place_id = _place_id(first)
            conn.execute(sa.insert(place), {"place_id": place_id, "type": "loan_address", "name": f"Home {place_id}"})
            known = [peppered(pepper, _anchor(first // _NEIGHBOURS, rank)) for rank in range(4)]
            conn.execute(sa.insert(anchor), [{"anchor": name, "place_id": place_id} for name in known])

    def _copy(self, conn: sa.Connection, table: sa.Table) -> None:
        """What a table says of the first of each kind, for all others of the kind."""
        key, name = (table.c.tag_id, self.tag_id) if "tag_id" in table.c else (table.c.asset_id, _asset_id)
        counted = {column.name for column in table.primary_key if column.autoincrement is True}
        columns = [column.name for column in table.c if column.name not in counted]
        said = {row._mapping[key]: row._mapping for row in conn.execute(sa.select(table))}
        if name(0) not in said:
            return
        # Column by column, what to put in: a name made from the tag's number, or what the first of its kind has.
        first = [
            [
                (self._names.get(column) if said[name(kind)][column] else None, said[name(kind)][column])
                for column in columns
            ]
            for kind in range(len(_KINDS))
        ]
        rows = (
            tuple(made(number) if made else value for made, value in first[number % len(_KINDS)])
            for number in range(len(_KINDS), self.tags + 1)  # the last one sends the markers
        )
        insert = sa.insert(table).compile(dialect=conn.dialect, column_keys=columns)
        while some := list(islice(rows, _ROWS)):
            by_name = [] if insert.positional else [dict(zip(columns, row, strict=True)) for row in some]
            conn.exec_driver_sql(str(insert), by_name or some)

    @property
    def _names(self) -> dict[str, Callable[[int], Any]]:
        """What makes the names in a column out of a tag's number."""
        return {
            "tag_id": self.tag_id,
            "asset_id": _asset_id,
            "loan_ref": _loan_ref,
            "secret": self.secret,
            "place_id": _place_id,
            "loan_place": _place_id,
        }

    def message(self, index: int) -> tuple[str, bytes]:
        """Topic and payload of the fleet's next report after `index` others, the tags taking turns."""
        turn, number = divmod(index, self.tags)
        return self._sealed(number, self.report(number, turn))

    def lines(self, index: int) -> tuple[str, bytes]:
        """The same report for who can read neither our JSON nor our signature: its records as ready line protocol."""
        turn, number = divmod(index, self.tags)
        of = self.tag_id(number), _asset_id(number), _KINDS[number % len(_KINDS)]
        made = [
            record_line(*of, record, self.began + record.at * (_DRIFT + 1) // _DRIFT, "paired")
            for record in self.report(number, turn).records
        ]
        return wire.topic(ROOT, of[0], wire.UP_REPORT), b"\n".join(made)

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


def _asset_id(number: int) -> str:
    return f"ASSET-{number:07}"


def _loan_ref(number: int) -> str:
    return f"L-{number:07}"


def _place_id(number: int) -> str:
    """Where the asset of a tag is lent to."""
    return f"P-{number // _NEIGHBOURS:06}"


def _anchor(number: int, rank: int) -> str:
    return f"{number:08x}{rank:04x}"
