"""The policy as types: what the rest of the gateway asks."""

from typing import Annotated

from msgspec import Meta, Struct

from kitback.policy.period import Period


class Pathway(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why equipment was lent, and the clocks that follow from it. The defaults' file says what each field means."""

    name: str
    team_response: Period | None
    deliver_by: Period
    loan_period: Period | None
    """None: the loan has no end."""
    review: Period
    collect_within_working_days: Annotated[int, Meta(ge=1)] | None
    """None: not before a clinician's word."""
    clinician_only: bool = False


class Kind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of equipment, and how its use and its tag's silence are judged."""

    name: str
    idle_home: Period
    idle_care_home: Period
    silent_after: Period
    safety_check: bool
    low_battery_mv: Annotated[int, Meta(ge=0)]

    def idle(self, setting: str) -> Period:
        """Not used for this long is worth a question. Every setting but a care home counts as home."""
        return self.idle_care_home if setting == "care_home" else self.idle_home
