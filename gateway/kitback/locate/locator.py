"""The locator on the register: looks anchors up, follows readings, keeps the changes."""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from kitback.locate import reading
from kitback.locate.pepper import peppered
from kitback.locate.reading import Place, Reading
from kitback.locate.whereabouts import UNKNOWN, Whereabouts, follow
from kitback.register.apply import Sighting
from kitback.register.standings import Standing
from kitback.register.tables import anchor, place, whereabouts
from kitback.register.upsert import put


class Locator:
    """Called with the fixes of a transaction, in order; see `register.apply.Locate`."""

    def __init__(self, pepper: bytes) -> None:
        """Locate by anchors that the register knows under this pepper."""
        self._pepper = pepper

    def __call__(self, conn: sa.Connection, sightings: Sequence[Sighting]) -> list[str | None]:
        """Take in fixes; returns of each the type of the place it was heard at, None for one that heard nothing."""
        heard = {each.anchor for sighting in sightings for each in sighting.fix.heard}
        names = {name: peppered(self._pepper, name) for name in heard}
        known = _known(conn, names.values())
        changes: list[dict[str, object]] = []
        types: list[str | None] = []
        for sighting in sightings:
            if not sighting.fix.heard:
                types.append(None)
                continue
            read = reading.read([(names[each.anchor], each.rssi) for each in sighting.fix.heard], known)
            changes += _believe(sighting.asset, read, sighting.at_s)
            types.append(read.place.type if read.place else "unknown")
        put(conn, whereabouts, changes)
        return types


def _known(conn: sa.Connection, names: Iterable[str]) -> Mapping[str, Place]:
    """The places of those anchors that have one: the outermost around each, up to but without the service."""
    rows = conn.execute(sa.select(anchor.c.anchor, anchor.c.place_id).where(anchor.c.anchor.in_(list(names))))
    at = {row.anchor: row.place_id for row in rows}
    tree: dict[str, tuple[str, str | None]] = {}
    wanted = set(at.values())
    while wanted:  # as often as the tree is deep
        found = conn.execute(
            sa.select(place.c.place_id, place.c.type, place.c.within).where(place.c.place_id.in_(wanted))
        )
        tree |= {place_id: (type_, within) for place_id, type_, within in found}
        wanted = {within for _, within in tree.values() if within is not None} - tree.keys()
    return {name: _outermost(tree, place_id) for name, place_id in at.items()}


def _outermost(tree: Mapping[str, tuple[str, str | None]], place_id: str) -> Place:
    type_, within = tree[place_id]
    while within is not None and tree[within][0] != "service":
        place_id = within
        type_, within = tree[place_id]
    return Place(place_id, type_)


def _believe(asset: Standing, read: Reading, at_s: int) -> list[dict[str, object]]:
    """Let an asset follow a reading; returns the change of whereabouts to keep, if it is one."""
    before = _believed(asset)
    after = follow(before, read.place.place_id if read.place else UNKNOWN, at_s)
    if after == before:
        return []
    moved = before is None or after.place != before.place
    # A new place is the one that was just read.
    type_ = (read.place.type if read.place else "unknown") if moved else asset.place_type or "unknown"
    asset.move(after.place or None, type_, after.since, after.seen, after.rival, after.rival_since)
    if not moved:
        return []
    return [
        {
            "asset_id": asset.asset_id,
            "from_s": after.since,
            "place_id": after.place or None,
            "confidence": read.confidence,
        }
    ]


def _believed(asset: Standing) -> Whereabouts | None:
    if asset.place_type is None or asset.place_from is None or asset.place_seen is None:
        return None
    place_id = asset.place_id or UNKNOWN
    return Whereabouts(place_id, asset.place_from, asset.place_seen, asset.rival_id, asset.rival_from)
