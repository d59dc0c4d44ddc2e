"""Applies placed records to the register: use by day, latest use, alarms, whereabouts, and a history line each."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import astuple

from kitback import wire
from kitback.register import lines
from kitback.register.standings import Fittings, Standing, on_at
from kitback.register.tables import use_day
from kitback.register.upsert import put_values

_DAY = 86_400


class Placed(Struct, frozen=True, gc=False):
    """A record with its time."""

    record: wire.Record
    from_s: int
    to_s: int
    """The end of a span of use; `from_s` for every other record."""
    quality: str


class Sighting(Struct, frozen=True):
    """A fix of an asset."""

    asset: Standing
    fix: wire.Fix
    at_s: int


Locate = Callable[[sa.Connection, Sequence[Sighting]], Sequence[str | None]]
"""Takes in fixes, in order; returns of each the type of the place it was heard at, None if the fix says nothing."""


class _Day(Struct):
    in_use: int = 0
    events: int = 0
    seen: int = 0
    used_at: int | None = None


_DAYS = ("asset_id", "day", *_Day.__struct_fields__)


class Applying:
    """What the records of one transaction come to."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        """The history lines so far."""
        self._days: dict[tuple[str, int], _Day] = defaultdict(_Day)
        self._sightings: list[Sighting] = []
        self._seen: list[tuple[str, str]] = []  # of each sighting the tag, and how well its time is known

    def apply(self, tag_id: str, fittings: Fittings, placed: Sequence[Placed]) -> None:
        """Apply a tag's records, in order of sequence number, to the assets it was on."""
        for each in placed:
            # Its middle decides whose record it is: its ends are a second more or less.
            on, record, at_s = on_at(fittings, (each.from_s + each.to_s) // 2), each.record, each.from_s
            if on is None:
                self.lines.append(lines.record_line(tag_id, None, None, record, at_s, each.quality))
                continue
            asset = on.asset
            if isinstance(record, wire.Use):
                self._use(asset, each, record)
            elif isinstance(record, wire.Fix):
                self._sightings.append(Sighting(asset, record, at_s))
                self._seen.append((tag_id, each.quality))
                continue
            elif isinstance(record, wire.Alarm):
                (asset.lose_power if record.on else asset.get_power)(at_s)
            self.lines.append(lines.record_line(tag_id, asset.asset_id, asset.kind, record, at_s, each.quality))

    def finish(self, conn: sa.Connection, locate: Locate) -> None:
        """Look up where all the fixes were heard, and put the days back."""
        if self._sightings:
            types = locate(conn, self._sightings)
            for (tag_id, quality), seen, type_ in zip(self._seen, self._sightings, types, strict=True):
                asset_id, kind = seen.asset.asset_id, seen.asset.kind
                self.lines.append(lines.record_line(tag_id, asset_id, kind, seen.fix, seen.at_s, quality, type_))
        rows = [(*key, *astuple(day)) for key, day in sorted(self._days.items())]
        put_values(conn, use_day, _DAYS, rows, add=("in_use", "events", "seen"), latest=("used_at",))

    def _use(self, asset: Standing, placed: Placed, use: wire.Use) -> None:
        from_s, to_s = placed.from_s, placed.to_s
        first, last = from_s // _DAY, (to_s - 1 if to_s > from_s else from_s) // _DAY
        row = self._days[asset.asset_id, last]
        if first == last:
            row.in_use += use.in_use
            row.events += use.events
            row.seen += to_s - from_s
        else:
            self._share(asset, placed, use, range(first, last + 1))
        if use.in_use or use.events:
            if row.used_at is None or row.used_at < to_s:
                row.used_at = to_s
            asset.use(to_s)

    def _share(self, asset: Standing, placed: Placed, use: wire.Use, days: range) -> None:
        """Share a span out among its days, in proportion and to the second."""
        length = placed.to_s - placed.from_s
        shared_use = shared_events = 0
        for day in days:
            until = min(placed.to_s, (day + 1) * _DAY)
            use_so_far = use.in_use * (until - placed.from_s) // length
            events_so_far = use.events * (until - placed.from_s) // length
            row = self._days[asset.asset_id, day]
            row.in_use += use_so_far - shared_use
            row.events += events_so_far - shared_events
            row.seen += until - max(placed.from_s, day * _DAY)
            shared_use, shared_events = use_so_far, events_so_far
