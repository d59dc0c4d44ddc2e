"""How fast reports get into the register: `python -m bench.intake [--reports N] [--tags T] [--runs R] [--json FILE]`.

Signed reports of eight records each go through the intake in batches of a hundred, on SQLite with a durable commit a
batch. The peer is what a tutorial would do with the same messages in the same run: parse the JSON, insert a row a
record, commit each message; no signature, no order, no duplicates, no history. MQTT and InfluxDB are not in it.
"""

import argparse
import hashlib
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kitback import wire
from kitback.clock import SystemClock
from kitback.intake import Intake, Message
from kitback.register import Register, loans

_BATCH = 100
_RECORDS = 8
_SPAN = 600


def messages(tags: int, reports: int) -> list[Message]:
    """So many reports, the tags taking turns; each carries the pair that gives its records their time."""
    made = []
    now = int(time.time())
    for number in range(reports):
        tag_id, round_ = f"{number % tags:012x}", number // tags
        first = round_ * _RECORDS + 1
        began = round_ * _RECORDS * _SPAN
        records: list[wire.Record] = [
            wire.Use(seq=first + i, at=began + i * _SPAN, span=_SPAN, in_use=_SPAN, events=1) for i in range(_RECORDS)
        ]
        report = wire.Report(
            v=1,
            fw="bench",
            journal="00000000-1",
            oldest=1,
            newest=first + _RECORDS - 1,
            clock=1,
            at=began + _RECORDS * _SPAN,
            pair=wire.Pair(0, 0, now - 40 * 86_400),
            battery_mv=4000,
            after=first - 1,
            on=1,
            records=records,
        )
        sealed = wire.seal(_secret(tag_id), wire.UP_REPORT, wire.encode(report))
        made.append((wire.topic("kitback", tag_id, wire.UP_REPORT), sealed))
    return made


def kitback(folder: Path, tags: int, sent: Sequence[Message]) -> float:
    """Seconds to take the messages in."""
    register = Register.open(str(folder / "register.db"))
    with register.write() as conn:
        for number in range(tags):
            tag_id = f"{number:012x}"
            loans.add_asset(conn, f"BED-{number}", "bed", "Bed", 1_700_000_000)
            loans.enrol_tag(conn, tag_id, _secret(tag_id), 1_700_000_000)
            loans.fit_tag(conn, tag_id, f"BED-{number}", 1_700_000_000)
    intake = Intake(register, SystemClock(), "kitback", lambda _, sightings: [None] * len(sightings))
    begun = time.perf_counter()
    for first in range(0, len(sent), _BATCH):
        intake.take(sent[first : first + _BATCH])
    took = time.perf_counter() - begun
    register.close()
    return took


def tutorial(folder: Path, sent: Sequence[Message]) -> float:
    """Seconds in which a tutorial's callback stores the same messages."""
    database = sqlite3.connect(folder / "tutorial.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE use (tag TEXT, at INTEGER, span INTEGER, in_use INTEGER, events INTEGER)")
    begun = time.perf_counter()
    for topic, payload in sent:
        report = json.loads(payload.rpartition(b"\n")[0])
        for _, _, at, span, in_use, events in report["records"]:
            database.execute("INSERT INTO use VALUES (?,?,?,?,?)", (topic.split("/")[2], at, span, in_use, events))
        database.commit()
    took = time.perf_counter() - begun
    database.close()
    return took


def measure(reports: int, tags: int, runs: int) -> dict[str, Any]:
    """The figures: medians over the runs, the two taking turns."""
    sent = messages(tags, reports)
    ours, theirs = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(kitback(Path(folder), tags, sent))
            theirs.append(tutorial(Path(folder), sent))
    return {
        "what": "signed reports of eight records into the register on SQLite, a durable commit per hundred reports",
        "reports": reports,
        "tags": tags,
        "runs": runs,
        "reports_per_s": round(reports / statistics.median(ours)),
        "records_per_s": round(reports * _RECORDS / statistics.median(ours)),
        "tutorial_reports_per_s": round(reports / statistics.median(theirs)),
        "ratio_to_tutorial": round(statistics.median(b / a for a, b in zip(ours, theirs, strict=True)), 2),
    }


def _secret(tag_id: str) -> bytes:
    return hashlib.sha256(tag_id.encode()).digest()


def main() -> None:
    """Measure, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=2000, metavar="N")
    parser.add_argument("--tags", type=int, default=500, metavar="T")
    parser.add_argument("--runs", type=int, default=3, metavar="R")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    figures = json.dumps(measure(asked.reports, asked.tags, asked.runs), indent=2)
    print(figures)
    if asked.json:
        asked.json.write_text(figures + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
