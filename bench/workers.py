"""What a second worker costs: `python -m bench.workers [--reports N] [--tags T] [--records K] [--runs R] ...`.

Signed reports made ahead of time go straight into the intake, in batches as a gateway takes them: no broker, no
InfluxDB. One worker on SQLite, one on PostgreSQL, and two on PostgreSQL, each with half of the tags; every worker is a
process of its own. Told are processor seconds for a million records, of the workers together and of the server, and
what two workers take of one's. The PostgreSQL is the tests', but this one waits for disks.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import postgres
from bench import spent
from bench.fleet import ROOT, Fleet
from kitback.clock import SystemClock
from kitback.intake import Intake
from kitback.intake.sessions import BATCH
from kitback.locate import Locator
from kitback.register import Register

_PEPPER: Final = bytes(32)
_KINDS: Final = {
    "sqlite, one": ("sqlite", 1),
    "postgresql, one": ("postgresql", 1),
    "postgresql, two": ("postgresql", 2),
}

Figures = dict[str, float]


def _work(where: str, fleet: Fleet, reports: range, share: tuple[int, int], boss: Connection) -> None:
    """One worker: take in what the tags of its share send, and tell the processor seconds that it took."""
    mine, of = share
    messages = [fleet.message(index) for index in reports if index % fleet.tags % of == mine]
    register = Register.open(where)
    intake = Intake(register, SystemClock(), ROOT, Locator(_PEPPER))
    boss.send(None)
    boss.recv()
    began = time.process_time()
    for start in range(0, len(messages), BATCH):
        intake.take(messages[start : start + BATCH])
    boss.send(time.process_time() - began)
    register.close()


def _run(where: str, server: int | None, fleet: Fleet, reports: int, workers: int) -> Figures:
    register = Register.open(where)
    fleet.enrol(register, _PEPPER)
    register.close()
    spawned = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for mine in range(workers):
        ours, theirs = spawned.Pipe()
        share = (mine, workers)
        process = spawned.Process(target=_work, args=(where, fleet, range(reports), share, theirs), daemon=True)
        process.start()
        theirs.close()  # so that one who dies is heard of
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()
    before, began = server and spent.cpu_s(server), time.monotonic()
    for pipe in pipes:
        pipe.send(None)
    in_workers = sum(pipe.recv() for pipe in pipes)
    took_s = time.monotonic() - began
    for process in processes:
        process.join()
    millions = reports * fleet.records / 1e6
    figures = {
        "records_per_s": round(millions * 1e6 / took_s),
        "workers_cpu_s_per_million_records": round(in_workers / millions, 1),
    }
    if server and before is not None:
        figures["server_cpu_s_per_million_records"] = round((spent.cpu_s(server) - before) / millions, 1)
    return figures


@contextmanager
def _empty(engine: str) -> Iterator[tuple[str, int | None]]:
    """An empty register, and its server's process."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder, "register.db")), None
        return
    real = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
    with postgres.server(**real) as server, server.database() as url:
        yield url, server.pid


def measure(reports: int, tags: int, records: int, runs: int) -> dict[str, Any]:
    """All three in turns, so many times; medians."""
    fleet = Fleet.until_yesterday(tags, records, reports // tags + 1)
    found: dict[str, list[Figures]] = {name: [] for name in _KINDS}
    for _ in range(runs):
        for name, (engine, workers) in _KINDS.items():
            with _empty(engine) as (where, server):
                found[name].append(_run(where, server, fleet, reports, workers))
    medians = {
        name: {key: statistics.median(run[key] for run in all_) for key in all_[0]} for name, all_ in found.items()
    }
    return {
        "machine": {"cpus": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)},
        "reports": reports,
        "records": records,
        "runs": runs,
        "medians": medians,
        "two_to_one": round(_cpu(medians["postgresql, two"]) / _cpu(medians["postgresql, one"]), 3),
    }


def _cpu(figures: Figures) -> float:
    return sum(value for name, value in figures.items() if "cpu_s" in name)


def main() -> None:
    """Measure, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.workers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reports", type=int, default=40_000, metavar="N", help="a run")
    parser.add_argument("--tags", type=int, default=20_000, metavar="T")
    parser.add_argument("--records", type=int, default=8, metavar="K", help="a report")
    parser.add_argument("--runs", type=int, default=3, metavar="R")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    written = json.dumps(measure(asked.reports, asked.tags, asked.records, asked.runs), indent=2)
    print(written)
    if asked.json:
        asked.json.write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
