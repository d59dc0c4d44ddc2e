"""How each asset stands: the part of its `judgement` row that what its tag says can change, many at once.

Inside a transaction a `Standing` is the only truth; `store` puts it back at the end.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from kitback.register.tables import fitting, judgement
from kitback.register.upsert import among, array, change, packed, texts


class Standing(Struct, array_like=True):
    """One asset, as of the reports taken in so far. Times are Unix seconds; the columns of `judgement` say more."""

    asset_id: str
    kind: str
    loan_from: int | None
    fitted_at: int | None
    heard_at: int | None
    complete_to: int | None
    whole: bool | None
    battery_mv: int | None
    used_at: int | None
    place_id: str | None
    place_type: str | None
    place_from: int | None
    place_seen: int | None
    rival_id: str | None
    rival_from: int | None
    unpowered_from: int | None
    changed: bool = False
    moved: bool = False
    """Whether its place or its power changed, too."""

    def hear(self, heard_at: int, complete_to: int | None, whole: bool, battery_mv: int) -> None:
        """Its tag was heard."""
        self.heard_at, self.complete_to, self.whole, self.battery_mv = heard_at, complete_to, whole, battery_mv
        self.changed = True

    def use(self, until: int) -> None:
        """It was in use until then, which is news if that is since its loan began and later than was known."""
        known = self.used_at
        if known is None:
            known = self.loan_from if self.loan_from is not None else self.fitted_at or 0
        if known < until:
            self.used_at = until
            self.changed = True

    def lose_power(self, since: int) -> None:
        """It has been without power since then, or since whenever earlier is known."""
        if self.unpowered_from is None or self.unpowered_from > since:
            self.unpowered_from = since
            self.changed = self.moved = True

    def get_power(self, at: int) -> None:
        """It got power back then; an alarm that began later goes on."""
        if self.unpowered_from is not None and self.unpowered_from <= at:
            self.unpowered_from = None
            self.changed = self.moved = True

    def stand(self, unpowered: bool, at: int) -> None:
        """Its tag says how it is now; since when, the alarm's own record knows better."""
        if not unpowered:
            self.get_power(self.unpowered_from or 0)
        elif self.unpowered_from is None:
            self.lose_power(at)

    def move(
        self, place_id: str | None, type_: str, since: int, seen: int, rival: str | None, rival_since: int | None
    ) -> None:
        """What is believed of its whereabouts now; a `rival` is the place that the latest fix read instead."""
        self.place_id, self.place_type, self.place_from, self.place_seen = place_id, type_, since, seen
        self.rival_id, self.rival_from = rival, rival_since
        self.changed = self.moved = True


class Fitting(Struct, array_like=True, frozen=True):
    """An asset that a tag was on for a time."""

    tag_id: str
    from_s: int
    to_s: int | None
    """None while fitted."""
    asset: Standing


Fittings = Sequence[Fitting]
"""All assets that a tag was ever on, in order of time."""

_COLUMNS: Final = Standing.__struct_fields__[:-2]
_HEARD: Final = (*_COLUMNS[_COLUMNS.index("heard_at") : _COLUMNS.index("place_id")], "asset_id")
"""What nearly every report changes, and of which row."""
_MOVED: Final = (*_COLUMNS[_COLUMNS.index("heard_at") :], "asset_id")
"""All that is ours to change."""
_decode: Final = msgspec.json.Decoder(Fitting, strict=False).decode
_LOAD = (
    sa.select(
        packed(fitting.c.tag_id, fitting.c.from_s, fitting.c.to_s, array(*(judgement.c[name] for name in _COLUMNS)))
    )
    .join_from(fitting, judgement, fitting.c.asset_id == judgement.c.asset_id)
    .where(among(fitting.c.tag_id, "tags"))
    .order_by(judgement.c.asset_id, fitting.c.from_s)  # one order of locking, see tag_states
    .with_for_update(of=judgement, key_share=True)
)


def load(conn: sa.Connection, tag_ids: Iterable[str]) -> dict[str, Fittings]:
    """What each of these tags, which are held, was ever on; held as well. Two tags may share an asset."""
    found: dict[str, list[Fitting]] = defaultdict(list)
    assets: dict[str, Standing] = {}
    for each in map(_decode, conn.scalars(_LOAD, {"tags": texts(tag_ids)}).all()):
        asset = assets.setdefault(each.asset.asset_id, each.asset)
        found[each.tag_id].append(each if asset is each.asset else replace(each, asset=asset))
    for fittings in found.values():
        if len(fittings) > 1:
            fittings.sort(key=lambda each: each.from_s)
    return dict(found)


def store(conn: sa.Connection, assets: Iterable[Standing]) -> None:
    """Put back the assets that have changed."""
    # By id: two workers on PostgreSQL must not wait for each other.
    changed = sorted((asset for asset in assets if asset.changed), key=attrgetter("asset_id"))
    for columns, moved in ((_HEARD, False), (_MOVED, True)):
        change(conn, judgement, columns, map(attrgetter(*columns), [each for each in changed if each.moved == moved]))


def on_at(fittings: Fittings, at_s: int) -> Fitting | None:
    """Where a tag was at a time."""
    for each in reversed(fittings):
        if each.from_s <= at_s and (each.to_s is None or at_s < each.to_s):
            return each
    return None
