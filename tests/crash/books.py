"""Holds the register and InfluxDB against what the tags noted: every record once, every history line once."""

from collections import Counter
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from brokers import until
from influx import Bucket
from kitback import wire
from kitback.history import status
from kitback.register import Register, outbox
from kitback.register.tables import use_day
from paper_tag import PaperTag, account, history

from .fleet import Uploader

Point = tuple[str, str, int]
"""Measurement, tag and sequence number of a record's history line: the microseconds are the number."""

_RECORDS = ("boot", "use", "fix", "alarm", "health")


def pending(register: Register, bucket: Bucket) -> int:
    """Lines that a bucket has still to get."""
    with register.read() as conn:
        known = {standing.name: standing.pending for standing in outbox.standings(conn)}
        return known.get(bucket.sink().name, outbox.enqueued(conn))


def drained(register: Register, bucket: Bucket, patience: float = 30.0) -> None:
    """Wait until nothing is pending for a bucket."""
    until(lambda: pending(register, bucket) == 0, patience, "the end of the outbox")


def differences(
    register: Register, tags: Sequence[Uploader], bucket: Bucket | None = None, refused: Sequence[Point] = ()
) -> list[str]:
    """In what the register, and a bucket that was drained to, differ from what the tags noted; empty if in nothing.

    `refused` are the points that the bucket's server would not take.
    """
    noted = Counter((_measurement(record), tag.tag_id, seq) for tag in tags for seq, (_, record) in tag.records.items())
    with register.read() as conn:
        lines = history(conn)
        days = {
            row.asset_id: (row.in_use, row.events)
            for row in conn.execute(
                sa.select(
                    use_day.c.asset_id,
                    sa.func.sum(use_day.c.in_use).label("in_use"),
                    sa.func.sum(use_day.c.events).label("events"),
                ).group_by(use_day.c.asset_id)
            )
        }
        accounts = {tag.tag_id: account(conn, tag) for tag in tags}
    found = []
    for tag in tags:
        row = accounts[tag.tag_id]
        booked = (row.high, row.applied, row.lost, row.quarantined)
        if booked != (tag.newest, len(tag.records), 0, 0):
            found.append(f"tag {tag.tag_id} noted {len(tag.records)}; high, applied, lost, quarantined: {booked}")
        if days.get(tag.asset_id, (0, 0)) != (used := _used(tag)):
            found.append(f"{tag.asset_id}: seconds in use and events are {days.get(tag.asset_id)}, noted were {used}")
    told = [_read(line) for line in lines if line.startswith(_RECORDS)]
    found += _compared("the outbox", Counter(_point(row) for row in told), noted)
    if bucket is not None:
        stored = [
            {"measurement": name, **{key: value for key, value in row.items() if value is not None}}
            for name in _RECORDS
            for row in bucket.ask(f"SELECT * FROM {name}")  # noqa: S608 - names of ours
        ]
        found += _compared("InfluxDB", Counter(_point(row) for row in stored), noted - Counter(refused))
        if not found and (odd := [row for row in stored if row not in told]):
            found.append(f"InfluxDB has {odd[:3]}, which was never told")
        distinct = len({_place(line) for line in lines})
        if not found and (points := bucket.points()) != distinct - len(refused):
            found.append(f"InfluxDB has {points} points, the outbox {distinct}, of which it refused {len(refused)}")
        stands = status(register, bucket.sink().name)
        if (stands.rejected, stands.pending, stands.missed) != (len(refused), 0, 0):
            found.append(str(stands))
    return found


def _compared(where: str, has: Counter[Point], noted: Counter[Point]) -> Iterable[str]:
    for what, which in (("lacks", noted - has), ("has too many of", has - noted)):
        if which:
            yield f"{where} {what} {which.total()}: {sorted(which.elements())[:5]}"


def _used(tag: PaperTag) -> tuple[int, int]:
    spans = [record for _, record in tag.records.values() if isinstance(record, wire.Use)]
    return sum(span.in_use for span in spans), sum(span.events for span in spans)


def _measurement(record: wire.Record) -> str:
    return type(record).__name__.lower()


def _point(row: dict[str, object]) -> Point:
    return str(row["measurement"]), str(row["tag"]), int(str(row["time"])) % 1_000_000


def _place(line: str) -> tuple[str, str]:
    """What makes two lines one point: the series and the time."""
    return line.split(" ", 1)[0], line.rsplit(" ", 1)[1]


def _read(line: str) -> dict[str, object]:
    """A record's line as InfluxDB would give it back."""
    series, fields, time = line.split(" ")
    measurement, *tags = series.split(",")
    row: dict[str, object] = {"measurement": measurement, "time": int(time)}
    row |= dict(tag.split("=") for tag in tags)
    for each in fields.split(","):
        name, value = each.split("=")
        row[name] = value.strip('"') if value[0] == '"' else value == "true" if value[0] in "tf" else int(value[:-1])
    return row
