"""What it costs to carry a register away and take it in elsewhere: `python -m bench.export [--loans N] [--json FILE]`.

A register on SQLite is filled directly, as a service looks after a year: of each loan the asset, its tag and what was
last heard of it, fourteen days of use, three places it was seen at, six entries in the audit log; of each twentieth a
flag and a hold; a finished loan with its collection for every second; and history that waits for InfluxDB. It is
exported as a folder and as a ZIP file, each is imported into an empty register (on SQLite, and the folder on
PostgreSQL as well, if this machine has it), and that is exported again, which has to give the same bytes.

Seconds are of the clock on the wall, and of this process's processor time, which a server's is not in;
`there_and_back` is the first export and an import of it. The PostgreSQL is the tests', which does not wait for disks.
"""

import argparse
import filecmp
import json
import os
import platform
import resource
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

import postgres
from bench import watch
from bench.watch import DAY, NOW
from kitback.exchange import export_all, import_all
from kitback.register import Register, outbox
from kitback.register.tables import audit, collection, fitting, flag, hold, loan, tag, tag_now, use_day, whereabouts

_FLAGGED_EACH: Final = 20
_AT_ONCE: Final = 10_000

Row = dict[str, Any]


def fill(path: Path, loans: int) -> None:
    """A register of so many loans that run, and half as many that are over."""
    watch.fill(path, loans)
    register = Register.open(str(path))
    with register.write() as conn:
        for table, rows in (
            (tag, _tags(loans)),
            (fitting, _fittings(loans)),
            (tag_now, _heard(loans)),
            (use_day, _use(loans)),
            (whereabouts, _seen(loans)),
            (loan, _over(loans)),
            (collection, _collections(loans)),
            (flag, _flags(loans)),
            (hold, _holds(loans)),
            (audit, _audit(loans)),
        ):
            _put(conn, table, rows)
        lines = [b"use,asset=8004%010d,kind=bed in_use=3600i,events=1i %d000000000" % (n, NOW + n) for n in range(10)]
        for n in range(loans // 100):
            outbox.append(conn, lines * 10, NOW + n)
    register.close()


def _put(conn: sa.Connection, table: sa.Table, rows: Iterator[Row]) -> None:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == _AT_ONCE:
            conn.execute(sa.insert(table), some)
            some = []
    if some:
        conn.execute(sa.insert(table), some)


def _asset_id(n: int) -> str:
    return f"8004{n:010d}"


def _tags(loans: int) -> Iterator[Row]:
    for n in range(loans):
        yield {"tag_id": f"{n:012x}", "secret": secrets.token_bytes(32), "enrolled_at": NOW - 300 * DAY}


def _fittings(loans: int) -> Iterator[Row]:
    for n in range(loans):
        yield {"tag_id": f"{n:012x}", "asset_id": _asset_id(n), "from_s": NOW - 300 * DAY}


def _heard(loans: int) -> Iterator[Row]:
    account = {"base": 0, "lost": 0, "quarantined": 0, "duplicate": 3, "gaps": "[]", "waiting": 0, "whole": True}
    for n in range(loans):
        told = {"high": 5000 + n % 97, "newest": 5000 + n % 97, "applied": 5000 + n % 97, "heard_at": NOW - n % 3000}
        clock = {"clock": 3, "at": 7_000_000 + n, "rate_ppb": n % 4001 - 2000, "complete_to": NOW - n % 3000}
        clocks = f'{{"3":[[[12,{NOW - 90 * DAY}],[{7_000_000 + n},{NOW - n % 3000}]],{NOW - n % 3000}]}}'
        names = {"tag_id": f"{n:012x}", "journal": f"{n:08x}", "fw": "1.0.0", "battery_mv": 3900, "clocks": clocks}
        yield account | told | clock | names


def _use(loans: int) -> Iterator[Row]:
    for n in range(loans):
        for day in range(14):
            use = {"in_use": 3600 * (n % 9 + 1), "events": n % 13, "seen": 86_000, "used_at": NOW - day * DAY - n % DAY}
            yield {"asset_id": _asset_id(n), "day": NOW // DAY - day, **use}


def _seen(loans: int) -> Iterator[Row]:
    for n in range(loans):
        for days, place_id, confidence in ((300, "store", 1.0), (200, None, 0.3 + n % 7 / 11)):
            yield {
                "asset_id": _asset_id(n),
                "from_s": NOW - days * DAY,
                "place_id": place_id,
                "confidence": confidence,
            }


def _over(loans: int) -> Iterator[Row]:
    for n in range(0, loans, 2):
        agreed = {"pathway": "home_first", "setting": "home", "place_id": "other", "delivered_by": "tag"}
        times = {"prescribed_s": NOW - 251 * DAY, "from_s": NOW - 250 * DAY, "due_s": NOW - 208 * DAY}
        yield {"loan_ref": f"O-{n:08d}", "asset_id": _asset_id(n), **agreed, **times, "to_s": NOW - 200 * DAY}


def _collections(loans: int) -> Iterator[Row]:
    for n in range(0, loans, 2):
        times = {"requested_s": NOW - 204 * DAY, "collected_s": NOW - 200 * DAY, "decontaminated_s": NOW - 199 * DAY}
        end = {"inspected_s": NOW - 198 * DAY, "ended_s": NOW - 198 * DAY, "credit_pence": 40_000, "cost_pence": 6_000}
        names = {"loan_ref": f"O-{n:08d}", "asset_id": _asset_id(n), "status": "available", "how": "van"}
        yield names | times | end


def _flags(loans: int) -> Iterator[Row]:
    evidence = json.dumps({"seen": {"used_at": NOW - 20 * DAY}, "compared": {"idle_after": "7 d"}})
    for n in range(0, loans, _FLAGGED_EACH):
        said = {"kind": "ask", "rule": "idle", "sentence": "Not used for 20 days. Ask whether it is still needed."}
        times = {"since": NOW - 20 * DAY, "raised_at": NOW - 13 * DAY, "evidence": evidence}
        yield {"asset_id": _asset_id(n), "loan_ref": f"L-{n:08d}", **said, **times}


def _holds(loans: int) -> Iterator[Row]:
    for n in range(0, loans, _FLAGGED_EACH):
        times = {"from_s": NOW - 25 * DAY, "until_s": NOW - 11 * DAY, "ended_s": NOW - 20 * DAY}
        yield {"loan_ref": f"L-{n:08d}", "reason": "hospital", **times}


def _audit(loans: int) -> Iterator[Row]:
    after = json.dumps({"pathway": "home_first", "setting": "home", "place_id": "other", "due_s": NOW + 42 * DAY})
    for verb in ("asset.add", "tag.fit", "loan.prescribe", "loan.deliver", "loan.review", "loan.start"):
        for n in range(loans):
            yield {"at_us": (NOW - n) * 10**6, "who": "ann", "what": f"{verb} L-{n:08d}", "after": after}


def measure(loans: int, folder: Path) -> dict[str, Any]:
    """A register carried from database to database."""
    seconds: dict[str, dict[str, float]] = {}
    fill(folder / "register.db", loans)
    register = Register.open(str(folder / "register.db"))
    rows: dict[str, int] = {}
    for name in ("first", "first.zip"):
        package = _timed(seconds, f"export {name}", _export, register, folder / name)
        rows = {each.name: each.rows for each in package.resources}
    register.close()
    there_and_back: dict[str, float] = {}
    same = True
    with ExitStack() as stack:
        targets = [("folder into sqlite", "first", str(folder / "from-folder.db"))]
        targets += [("zip into sqlite", "first.zip", str(folder / "from-zip.db"))]
        if shutil.which("psql"):
            server = stack.enter_context(postgres.server())
            targets += [("folder into postgresql", "first", stack.enter_context(server.database()))]
        for what, source, where in targets:
            register = Register.open(where)
            _timed(seconds, f"import {what}", _import, folder / source, register)
            there_and_back[what] = round(seconds[f"export {source}"]["wall"] + seconds[f"import {what}"]["wall"], 1)
            again = folder / f"again {source}"
            _timed(seconds, f"export again, {what}", _export, register, again)
            register.close()
            same = same and _is_same(folder / source, again)
            _remove(again)
    return {
        "loans": loans,
        "rows": sum(rows.values()),
        "rows_by_table": {name: count for name, count in rows.items() if count},
        "folder_mib": sum(each.stat().st_size for each in (folder / "first").rglob("*") if each.is_file()) >> 20,
        "zip_mib": (folder / "first.zip").stat().st_size >> 20,
        "seconds": seconds,
        "there_and_back_s": there_and_back,
        "identical": same,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def _export(register: Register, target: Path) -> Any:
    return export_all.export_all(register, target, secrets=True, told=_nobody)


def _import(source: Path, register: Register) -> None:
    with import_all.opened(source) as export:
        export.into(register, _nobody)


def _nobody(_rows: int) -> None:
    pass


def _timed(seconds: dict[str, dict[str, float]], what: str, work: Callable[..., Any], *arguments: Any) -> Any:
    began, cpu = time.monotonic(), time.process_time()
    result = work(*arguments)
    seconds[what] = {"wall": round(time.monotonic() - began, 1), "cpu": round(time.process_time() - cpu, 1)}
    return result


def _is_same(one: Path, other: Path) -> bool:
    if one.is_file():
        return filecmp.cmp(one, other, shallow=False)
    files = sorted(each.relative_to(one) for each in one.rglob("*") if each.is_file())
    others = sorted(each.relative_to(other) for each in other.rglob("*") if each.is_file())
    return files == others and filecmp.cmpfiles(one, other, map(str, files), shallow=False)[0] == [*map(str, files)]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def main() -> None:
    """Measure, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loans", type=int, default=100_000, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    load_before = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as folder:
        figures = {"machine": machine | {"load_before": load_before}, **measure(asked.loans, Path(folder))}
    written = json.dumps(figures, indent=2)
    print(written)
    if asked.json:
        asked.json.write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
