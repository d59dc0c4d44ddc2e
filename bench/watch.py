"""What it costs to judge many loans: `python -m bench.watch --loans N [N ...] [--json FILE]`.

Each number of loans has a register of its own, in a new process: SQLite on disk, filled directly (no report was taken
in, no step was taken), as a service looks where all tags talk. Loans are a mix of kinds, pathways and settings. One in
twenty has something that one rule flags; the rest have nothing. Then the register is judged:

- first: nothing was flagged before; every flag is raised, with its evidence and its line in the history;
- steady: a minute later, after everything that is well was heard of again;
- a day later: every sentence that tells a length is written anew.

Processor seconds are the process's own, user and system. The longest write is the longest transaction that kept others
from writing.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from bench import spent
from kitback.policy import load
from kitback.register import Register, listening
from kitback.register.tables import flag
from kitback.watch import judge

HOUR, DAY = 3600, 86400
NOW: Final = 1_762_945_200
"""Wednesday 12 November 2025, 11:00 in London."""
_FLAGGED_EACH: Final = 20
_KINDS: Final = ("bed", "hoist", "mattress")
_PATHWAYS: Final = ("long_term", "care_home", "short_term_wheelchair", "end_of_life")
_TROUBLES: Final[tuple[dict[str, Any], ...]] = (
    {"used_at": NOW - 20 * DAY},  # idle
    {"used_at": NOW - 25 * DAY},
    {"used_at": None},  # never used
    {"heard_at": NOW - 6 * DAY},  # silent
    {"due_s": NOW - 3 * DAY},  # overdue
    {"review_s": NOW - DAY},
    {"place_id": "store", "place_type": "store", "place_from": NOW - 2 * DAY},
    {"place_id": "other", "place_from": NOW - 4 * DAY},  # off site
    {"service_due_s": NOW + 7 * DAY},
    {"battery_mv": 3300},
)

Row = dict[str, Any]


def fill(path: Path, loans: int) -> None:
    """A register of so many loans."""
    register = Register.open(str(path))
    judge(register, load(), NOW - HOUR)  # so that it has been judged by this policy before
    register.close()
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA synchronous=OFF")
        for place_id, type_ in (("store", "store"), ("home", "loan_address"), ("other", "loan_address")):
            _put(conn, "place", iter([{"place_id": place_id, "type": type_, "name": place_id}]))
        numbers = range(loans)
        _put(conn, "asset", (_asset(n) for n in numbers))
        _put(conn, "loan", (_loan(n) for n in numbers))
        _put(conn, "judgement", (_judgement(n) for n in numbers))
        _put(
            conn,
            "whereabouts",
            ({**_named(n), "from_s": NOW - 60 * DAY, "place_id": "home", "confidence": 1.0} for n in numbers),
        )
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _put(conn: sqlite3.Connection, table: str, rows: Iterator[Row]) -> None:
    first = next(rows)
    names = ", ".join(first)
    marks = ", ".join("?" * len(first))
    conn.executemany(
        f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
        (tuple(row.values()) for row in _with(first, rows)),
    )


def _with(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _named(n: int) -> Row:
    return {"asset_id": f"8004{n:010d}"}


def _kind(n: int) -> str:
    return _KINDS[n % len(_KINDS)]


def _pathway(n: int) -> str:
    return _PATHWAYS[n // 7 % len(_PATHWAYS)]


def _setting(n: int) -> str:
    return "care_home" if _pathway(n) == "care_home" else "home"


def _asset(n: int) -> Row:
    return {**_named(n), "kind": _kind(n), "model": "Model 7", "state": "on_loan"}


def _loan(n: int) -> Row:
    agreed = {"pathway": _pathway(n), "setting": _setting(n), "place_id": "home", "from_s": _lent_at(n)}
    return {"loan_ref": f"L-{n:08d}", **_named(n), **agreed, "delivered_by": "staff"}


def _lent_at(n: int) -> int:
    return NOW - (30 + n % 29) * DAY


def _judgement(n: int) -> Row:
    heard_at = NOW - n % 3000
    well = {
        **_named(n),
        "kind": _kind(n),
        "loan_ref": f"L-{n:08d}",
        "pathway": _pathway(n),
        "setting": _setting(n),
        "loan_place": "home",
        "prescribed_s": _lent_at(n) - DAY,
        "deliver_by_s": _lent_at(n) + DAY,
        "deliver_risk_s": _lent_at(n),
        "loan_from": _lent_at(n),
        "due_s": NOW + 90 * DAY,
        "due_soon_s": NOW + 83 * DAY,
        "review_s": NOW + 40 * DAY,
        "service_due_s": NOW + 200 * DAY,
        "exam_due_s": NOW + 100 * DAY if _kind(n) == "hoist" else None,
        "tag_id": f"{n:012x}",
        "fitted_at": NOW - 300 * DAY,
        "heard_at": heard_at,
        "complete_to": heard_at,
        "whole": True,
        "battery_mv": 3900,
        "used_at": heard_at - n % 40 * HOUR,
        "place_id": "home",
        "place_type": "loan_address",
        "place_from": _lent_at(n),
        "place_seen": heard_at,
    }
    turn, rest = divmod(n, _FLAGGED_EACH)
    return well if rest else well | _TROUBLES[turn % len(_TROUBLES)]


def measure(loans: int) -> dict[str, Any]:
    """One register, judged three times; in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "register.db")
        fill(path, loans)
        register = Register.open(str(path))
        with register.write() as conn:
            listening.connected(conn, NOW - 365 * DAY)
        figures: dict[str, Any] = {"loans": loans, "register_mib": path.stat().st_size >> 20}
        for name, now_s in (("first", NOW), ("steady", NOW + 60), ("a_day_later", NOW + DAY)):
            _hear(path, now_s)
            with register.write() as conn:
                listening.still(conn, now_s)
            figures[name] = _judged(register, now_s)
        with register.read() as conn:
            open_ = conn.scalar(sa.select(sa.func.count(flag.c.asset_id.distinct())).where(flag.c.closed_at.is_(None)))
        register.close()
        return figures | {"flagged": (open_ or 0) / loans, "peak_mib": round(spent.peak_mib(os.getpid()), 1)}


def _hear(path: Path, now_s: int) -> None:
    """Everything that talks was heard of again, and what is in use was used."""
    since = now_s - NOW
    with sqlite3.connect(path) as conn:
        conn.execute(
            "UPDATE judgement SET used_at = CASE WHEN heard_at - used_at < 172800 THEN used_at + ? ELSE used_at END, "
            "heard_at = heard_at + ?, complete_to = complete_to + ? WHERE heard_at > ?",
            (since, since, since, NOW - DAY),
        )


def _judged(register: Register, now_s: int) -> dict[str, Any]:
    policy = load()
    with _timed(register) as writes:
        cpu_s, began = time.process_time(), time.monotonic()
        judged = judge(register, policy, now_s)
        return {
            "opened": judged.opened,
            "changed": judged.changed,
            "closed": judged.closed,
            "cpu_s": round(time.process_time() - cpu_s, 2),
            "wall_s": round(time.monotonic() - began, 2),
            "writes": len(writes),
            "longest_write_ms": round(max(writes, default=0) * 1000, 1),
        }


@contextmanager
def _timed(register: Register) -> Iterator[list[float]]:
    """Notes how long each transaction kept others from writing, in seconds."""
    writes: list[float] = []
    began = [0.0]

    def begin(conn: sa.Connection) -> None:
        if "kitback_writer" in conn.get_execution_options():
            began[0] = time.monotonic()

    def commit(conn: sa.Connection) -> None:
        if "kitback_writer" in conn.get_execution_options():
            writes.append(time.monotonic() - began[0])

    sa.event.listen(register.engine, "begin", begin)
    sa.event.listen(register.engine, "commit", commit)
    yield writes
    sa.event.remove(register.engine, "begin", begin)
    sa.event.remove(register.engine, "commit", commit)


def main() -> None:
    """Measure, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.watch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loans", type=int, nargs="+", default=[100_000], metavar="N", help="each a run of its own")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    figures: Mapping[str, Any] = {
        "machine": machine | {"load_before": round(os.getloadavg()[0], 2)},
        "runs": _runs(asked.loans),
    }
    written = json.dumps(figures, indent=2)
    print(written)
    if asked.json:
        asked.json.write_text(written + "\n", encoding="utf-8")


def _runs(sizes: list[int]) -> list[dict[str, Any]]:
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.map(measure, sizes, chunksize=1)


if __name__ == "__main__":
    main()
