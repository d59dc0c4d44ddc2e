"""The locator on the register: looks anchors up, follows readings, keeps the changes."""

import sqlalchemy as sa

from kitback import wire
from kitback.locate import reading
from kitback.locate.pepper import peppered
from kitback.locate.reading import Place, Reading
from kitback.locate.whereabouts import UNKNOWN, Whereabouts, follow
from kitback.register.tables import anchor, judgement, place, whereabouts
from kitback.register.upsert import put


class Locator:
    """Called with each fix of an asset, in order; see `register.apply.Locate`."""

    def __init__(self, pepper: bytes) -> None:
        """Locate by anchors that the register knows under this pepper."""
        self._pepper = pepper

    def __call__(self, conn: sa.Connection, asset_id: str, fix: wire.Fix, at_s: int) -> str | None:
        """Take in a fix; returns the type of the place it was heard at, or None when it heard nothing at all."""
        if not fix.heard:
            return None
        heard = [(peppered(self._pepper, each.anchor), each.rssi) for each in fix.heard]
        read = reading.read(heard, _known(conn, [name for name, _ in heard]))
        before = _believed(conn, asset_id)
        after = follow(before, read.place.place_id if read.place else UNKNOWN, at_s)
        if after != before:
            _keep(conn, asset_id, after)
            if before is None or after.place != before.place:
                _keep_change(conn, asset_id, after, read)
        return read.place.type if read.place else "unknown"


def _known(conn: sa.Connection, names: list[str]) -> dict[str, Place]:
    rows = conn.execute(sa.select(anchor.c.anchor, anchor.c.place_id).where(anchor.c.anchor.in_(names)))
    return {row.anchor: _outermost(conn, row.place_id) for row in rows}


def _outermost(conn: sa.Connection, place_id: str) -> Place:
    """The place around a place, up to but without the service."""
    row = conn.execute(sa.select(place).where(place.c.place_id == place_id)).one()
    while row.within is not None:
        around = conn.execute(sa.select(place).where(place.c.place_id == row.within)).one()
        if around.type == "service":
            break
        row = around
    return Place(row.place_id, row.type)


def _believed(conn: sa.Connection, asset_id: str) -> Whereabouts | None:
    row = conn.execute(sa.select(judgement).where(judgement.c.asset_id == asset_id)).one()
    if row.place_type is None:
        return None
    return Whereabouts(row.place_id or UNKNOWN, row.place_from, row.place_seen, row.rival_id, row.rival_from)


def _keep(conn: sa.Connection, asset_id: str, now: Whereabouts) -> None:
    found = sa.select(place.c.type).where(place.c.place_id == now.place).scalar_subquery()
    conn.execute(
        sa.update(judgement)
        .where(judgement.c.asset_id == asset_id)
        .values(
            place_id=now.place or None,
            place_type=sa.func.coalesce(found, "unknown"),
            place_from=now.since,
            place_seen=now.seen,
            rival_id=now.rival,
            rival_from=now.rival_since,
        )
    )


def _keep_change(conn: sa.Connection, asset_id: str, now: Whereabouts, read: Reading) -> None:
    change = {
        "asset_id": asset_id,
        "from_s": now.since,
        "place_id": now.place or None,
        "confidence": read.confidence,
    }
    put(conn, whereabouts, [change])
