"""Applies placed records to the register: use by day, latest use, alarms, whereabouts, and a history line each."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from kitback import wire
from kitback.register import alarms, lines
from kitback.register.tables import asset, fitting, judgement, use_day
from kitback.register.upsert import put

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Placed:
    """A record with its time."""

    record: wire.Record
    from_s: int
    to_s: int
    """The end of a span of use; `from_s` for every other record."""
    quality: str

    @property
    def at_s(self) -> int:
        """The moment that decides whose record it is: the middle, since its ends are a second more or less."""
        return (self.from_s + self.to_s) // 2


Locate = Callable[[sa.Connection, str, wire.Fix, int], str | None]
"""Takes in an asset's fix at a time; returns the type of the place it was heard at, None if the fix says nothing."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """An asset that a tag was on for a time."""

    asset_id: str
    kind: str
    from_s: int
    to_s: int | None


@dataclass(slots=True)
class _Day:
    in_use: int = 0
    events: int = 0
    seen: int = 0
    used_at: int | None = None


_FITTINGS = (
    sa.select(fitting.c.asset_id, asset.c.kind, fitting.c.from_s, fitting.c.to_s)
    .join(asset)
    .where(fitting.c.tag_id == sa.bindparam("tag"))
    .order_by(fitting.c.from_s)
)
_USED = (
    sa.update(judgement)
    .where(
        judgement.c.asset_id == sa.bindparam("asset"),
        sa.func.coalesce(judgement.c.used_at, judgement.c.loan_from, judgement.c.fitted_at, 0) < sa.bindparam("at"),
    )
    .values(used_at=sa.bindparam("at"))
)


def fittings(conn: sa.Connection, tag_id: str) -> list[Fitting]:
    """All assets the tag was ever on."""
    return [Fitting(*row) for row in conn.execute(_FITTINGS, {"tag": tag_id})]


def fitted_at(fitted: Sequence[Fitting], at_s: int) -> Fitting | None:
    """The asset a tag was on at a time."""
    for each in reversed(fitted):
        if each.from_s <= at_s and (each.to_s is None or at_s < each.to_s):
            return each
    return None


def apply(
    conn: sa.Connection, tag_id: str, fitted: Sequence[Fitting], placed: Sequence[Placed], locate: Locate
) -> list[bytes]:
    """Apply a tag's records, in order of sequence number, to the assets it was on; returns their history lines."""
    days: dict[tuple[str, int], _Day] = defaultdict(_Day)
    history: list[bytes] = []
    for each in placed:
        on = fitted_at(fitted, each.at_s)
        place_type = None
        if on is not None:
            match each.record:
                case wire.Use():
                    _spread(days, on.asset_id, each, each.record)
                case wire.Fix():
                    place_type = locate(conn, on.asset_id, each.record, each.from_s)
                case wire.Alarm():
                    (alarms.began if each.record.on else alarms.ended)(conn, on.asset_id, each.from_s)
        asset_id, kind = (on.asset_id, on.kind) if on else (None, None)
        history.append(lines.record_line(tag_id, asset_id, kind, each.record, each.from_s, each.quality, place_type))
    _add_use(conn, days)
    return history


def note_use(conn: sa.Connection, asset_id: str, used_at: int) -> None:
    """Note that an asset was in use until a time, if that is since its loan began and later than was known."""
    conn.execute(_USED, {"asset": asset_id, "at": used_at})


def _spread(days: dict[tuple[str, int], _Day], asset_id: str, placed: Placed, use: wire.Use) -> None:
    """Share a span out among its days, in proportion and to the second."""
    length = placed.to_s - placed.from_s
    shared_use = shared_events = 0
    for day, until in _days(placed.from_s, placed.to_s):
        into = until - placed.from_s
        row = days[asset_id, day]
        use_so_far = use.in_use * into // length if length else use.in_use
        events_so_far = use.events * into // length if length else use.events
        row.in_use += use_so_far - shared_use
        row.events += events_so_far - shared_events
        row.seen += until - max(placed.from_s, day * _DAY)
        shared_use, shared_events = use_so_far, events_so_far
    if use.in_use or use.events:
        last = days[asset_id, max(placed.to_s - 1, placed.from_s) // _DAY]
        last.used_at = max(last.used_at or 0, placed.to_s)


def _days(from_s: int, to_s: int) -> Iterator[tuple[int, int]]:
    """The days that a span touches, each with the moment the span leaves it."""
    for day in range(from_s // _DAY, max(to_s - 1, from_s) // _DAY + 1):
        yield day, min(to_s, (day + 1) * _DAY)


def _add_use(conn: sa.Connection, days: dict[tuple[str, int], _Day]) -> None:
    rows = [{"asset_id": asset_id, "day": day, **asdict(row)} for (asset_id, day), row in sorted(days.items())]
    put(conn, use_day, rows, add=("in_use", "events", "seen"), latest=("used_at",))
    latest: dict[str, int] = {}
    for (asset_id, _), row in days.items():
        if row.used_at is not None:
            latest[asset_id] = max(latest.get(asset_id, 0), row.used_at)
    for asset_id, used_at in latest.items():
        note_use(conn, asset_id, used_at)
