"""One asset as the rules see it: its row of the judgement table, a few facts besides, and the policy that applies."""

from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from kitback.policy import Kind, Pathway, Watch
from kitback.register.tables import collection, judgement, loan, place, recall, use_day


class Row(NamedTuple):
    """What the register knows; the columns of `judgement` by their names, and below them what is looked up."""

    asset_id: str
    kind: str
    loan_ref: str | None
    pathway: str | None
    setting: str | None
    prescribed_s: int | None
    deliver_by_s: int | None
    deliver_risk_s: int | None
    loan_from: int | None
    due_s: int | None
    due_soon_s: int | None
    review_s: int | None
    fed_by: str | None
    """The feed that tells of the loan."""
    held_until: int | None
    home_from: int | None
    free_from: int | None
    service_due_s: int | None
    exam_due_s: int | None
    recalled_from: int | None
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
    unpowered_from: int | None
    place_name: str | None
    used_by_paid_carers: bool | None
    """None: not asked, for it has no thorough examinations."""
    recall_ref: str | None
    """The oldest safety notice that calls it back."""
    used_free_from: int | None
    """End of the first day's use since it is on no loan."""
    fetched_from: int | None
    """Since when somebody has asked for it to be fetched; null when nobody has."""


free_since: Final = sa.case(
    (judgement.c.free_from > judgement.c.fitted_at, judgement.c.free_from), else_=judgement.c.fitted_at
)
"""Since when use is not any loan's."""

_USED_FREE = sa.select(sa.func.min(use_day.c.used_at)).where(
    use_day.c.asset_id == judgement.c.asset_id, use_day.c.used_at > free_since
)
_PAID_CARERS = sa.select(loan.c.used_by_paid_carers).where(loan.c.loan_ref == judgement.c.loan_ref)
_RECALL = (
    sa.select(recall.c.recall_ref)
    .where(recall.c.asset_id == judgement.c.asset_id, recall.c.ended_s.is_(None))
    .order_by(recall.c.from_s, recall.c.recall_id)
    .limit(1)
)
_FETCHED = sa.select(collection.c.requested_s).where(
    collection.c.loan_ref == judgement.c.loan_ref, collection.c.ended_s.is_(None)
)
_LOOKED_UP: Final[dict[str, sa.ColumnElement[Any]]] = {
    "place_name": place.c.name,
    "used_by_paid_carers": sa.case((judgement.c.exam_due_s.is_not(None), _PAID_CARERS.scalar_subquery())),
    "recall_ref": sa.case((judgement.c.recalled_from.is_not(None), _RECALL.scalar_subquery())),
    "used_free_from": sa.case((judgement.c.loan_ref.is_(None), _USED_FREE.scalar_subquery())),
    "fetched_from": sa.case((judgement.c.loan_ref.is_not(None), _FETCHED.scalar_subquery())),
}
PLAIN: Final = len(Row._fields) - len(_LOOKED_UP)
"""So many fields of `Row`, its first ones, are columns of `judgement`."""
SELECT: Final[sa.Select[*tuple[Any, ...]]] = sa.select(
    *(_LOOKED_UP[name] if name in _LOOKED_UP else judgement.c[name] for name in Row._fields)
).join_from(judgement, place, judgement.c.place_id == place.c.place_id, isouter=True)
"""Selects what `Row` holds, in its order."""


class Case(Struct, frozen=True):
    """An asset at one moment, with the policy that applies to it."""

    row: Row
    kind: Kind
    pathway: Pathway | None
    """None when it is on no loan, or the policy does not know its pathway; it is judged all the same."""
    watch: Watch
    now_s: int
    listening_from: int
    """Since when the gateway has been there to hear; later than now while it is not."""

    @property
    def clinician_only(self) -> bool:
        """Whether nothing automated may prompt contact with the home."""
        return self.pathway is not None and self.pathway.clinician_only

    @property
    def held(self) -> bool:
        """Whether somebody is in hospital, or staff have another reason not to wonder that it is not used."""
        return self.row.held_until is not None and self.row.held_until > self.now_s

    @property
    def watched_from(self) -> int:
        """Since when use would have been seen: the loan's beginning, or the tag's fitting if that came later."""
        return max(self.row.loan_from or 0, self.row.fitted_at or 0)

    @property
    def unused_s(self) -> int:
        """Seconds without use, up to the last moment the tag has told of: silence is not idleness."""
        return max(0, (self.row.complete_to or 0) - (self.row.used_at or self.watched_from))

    @property
    def silent(self) -> bool:
        """Whether the tag, on this loan, has not been heard for longer than it may while somebody listened."""
        if self.row.heard_at is None:
            return True
        quiet_from = max(self.row.heard_at, self.row.loan_from or 0, self.listening_from)
        return self.now_s - quiet_from >= self.kind.silent_after.seconds

    @property
    def used_lately(self) -> bool:
        """Whether, as far as the tag has told, it was in use less long ago than would make it idle."""
        idle = self.kind.idle(self.row.setting or "")
        return self.row.used_at is not None and self.unused_s < idle.seconds

    @property
    def on_its_way_home(self) -> bool:
        """Whether somebody has asked for it to be fetched, and it was not used since."""
        asked_s = self.row.fetched_from
        return asked_s is not None and (self.row.used_at is None or self.row.used_at <= asked_s)

    @property
    def battery_low(self) -> bool:
        """Whether the tag's last word was of a low battery."""
        return self.row.battery_mv is not None and self.row.battery_mv < self.kind.low_battery_mv

    def told_of(self, moment_s: int) -> bool:
        """Whether its tag would have told by now what it knew at a moment. As `Thresholds.told_of`."""
        row = self.row
        return (
            row.fitted_at is None
            or self.listening_from <= max(moment_s, self.now_s - self.kind.silent_after.seconds)
            or (row.complete_to is not None and row.complete_to >= moment_s)
        )

    @property
    def late(self) -> bool:
        """Whether it is known not to have been delivered in time."""
        by_s = self.row.deliver_by_s
        return by_s is not None and by_s <= self.now_s and self.told_of(by_s)
