"""One asset on loan, as a rule sees it: its row of the judgement table and the policy that applies to it."""

from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from kitback.policy import Kind, Pathway
from kitback.register.tables import judgement, place


@dataclass(frozen=True, slots=True)
class Row:
    """What the register knows; the columns of `judgement` by their names, and the name of the place."""

    asset_id: str
    kind: str
    loan_ref: str
    pathway: str
    setting: str
    loan_from: int
    due_s: int | None
    fitted_at: int | None
    heard_at: int | None
    complete_to: int | None
    battery_mv: int | None
    used_at: int | None
    place_id: str | None
    place_type: str | None
    place_from: int | None
    place_seen: int | None
    unpowered_from: int | None
    place_name: str | None


SELECT: sa.Select[*tuple[Any, ...]] = sa.select(
    *(judgement.c[column.name] for column in fields(Row) if column.name != "place_name"), place.c.name
).join_from(judgement, place, judgement.c.place_id == place.c.place_id, isouter=True)
"""Selects what `Row` holds, in its order."""


@dataclass(frozen=True, slots=True)
class Case:
    """A candidate of one rule, with the policy that applies to it."""

    row: Row
    kind: Kind
    pathway: Pathway | None
    """None when the policy does not know the loan's pathway; it is judged all the same."""
    now_s: int
    listening_from: int
    """Since when the gateway has been there to hear; `now_s` while it is not."""

    @property
    def clinician_only(self) -> bool:
        """Whether nothing automated may prompt contact with the home."""
        return self.pathway is not None and self.pathway.clinician_only

    @property
    def watched_from(self) -> int:
        """Since when use would have been seen: the loan's beginning, or the tag's fitting if that came later."""
        return max(self.row.loan_from, self.row.fitted_at or 0)

    @property
    def unused_s(self) -> int:
        """Seconds without use, up to the last moment the tag has told of: silence is not idleness."""
        return max(0, (self.row.complete_to or 0) - (self.row.used_at or self.watched_from))

    @property
    def silent(self) -> bool:
        """Whether the tag, on this loan, has not been heard for longer than it may while somebody listened."""
        if self.row.heard_at is None:
            return True
        quiet_from = max(self.row.heard_at, self.row.loan_from, self.listening_from)
        return self.now_s - quiet_from >= self.kind.silent_after.seconds

    @property
    def used_lately(self) -> bool:
        """Whether, as far as the tag has told, it was in use less long ago than would make it idle."""
        return self.row.used_at is not None and self.unused_s < self.kind.idle(self.row.setting).seconds

    @property
    def battery_low(self) -> bool:
        """Whether the tag's last word was of a low battery."""
        return self.row.battery_mv is not None and self.row.battery_mv < self.kind.low_battery_mv
