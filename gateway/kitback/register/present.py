"""What a tag's latest report says of the tag and its asset as they are now."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from kitback.register.tables import judgement, tag, tag_now
from kitback.register.upsert import put


@dataclass(frozen=True, slots=True)
class Present:
    """How a tag stands after a report. Times are Unix seconds, `at` is a counter on `clock`."""

    heard_at: int
    journal: str
    clock: int
    at: int
    rate_ppb: int
    complete_to: int | None
    whole: bool
    fw: str
    battery_mv: int


_SHARED = ("heard_at", "complete_to", "whole", "battery_mv")
"""What the asset's judgement says as well."""

_TAG = sa.bindparam("tag", type_=sa.String())
_SECRET = sa.select(tag.c.secret).where(tag.c.tag_id == _TAG)
_READ = sa.select(*(tag_now.c[name] for name in Present.__slots__)).where(tag_now.c.tag_id == _TAG)
_SHARE = (
    sa.update(judgement)
    .where(judgement.c.asset_id == sa.bindparam("asset"))
    .values({name: sa.bindparam(f"new_{name}") for name in _SHARED})
)


def secret_of(conn: sa.Connection, tag_id: str) -> bytes | None:
    """The secret of an enrolled tag, or None for a tag that is not."""
    return conn.scalar(_SECRET, {"tag": tag_id})


def read(conn: sa.Connection, tag_id: str) -> Present | None:
    """How a tag stood after its latest report; None before the first."""
    row = conn.execute(_READ, {"tag": tag_id}).one_or_none()
    return Present(*row) if row else None


def note(conn: sa.Connection, tag_id: str, present: Present, asset_id: str | None) -> None:
    """Note how a tag stands now, for itself and for the asset it is on."""
    values = asdict(present)
    put(conn, tag_now, [{"tag_id": tag_id, **values}])
    if asset_id is not None:
        conn.execute(_SHARE, {"asset": asset_id, **{f"new_{name}": values[name] for name in _SHARED}})
