"""The policy as types: what the rest of the gateway asks. The defaults' file says what each field means."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from kitback.policy.calendar import Hours
from kitback.policy.period import Period

SETTINGS = ("home", "care_home", "school", "hospital")
"""Where equipment is lent to."""

_Amount = Annotated[int, Meta(ge=0, le=99_999_999)]
"""In pence, millivolts, kilograms, grams or kilometres."""
_Percent = Annotated[int, Meta(ge=0, le=100)]
_Days = Annotated[int, Meta(ge=1, le=999)]


class DeliverySpeed(Struct, frozen=True, kw_only=True):
    """How fast equipment is to be there after it was prescribed."""

    name: str
    within: Period
    warn_before: Period
    """This long before the end, a delivery that is still out is at risk."""


class Pathway(Struct, frozen=True, kw_only=True):
    """Why equipment was lent, and the clocks that follow from it."""

    name: str
    team_response: Period | None
    hours: Hours | None
    """When the team is on duty; None: day and night."""
    delivery_speed: str
    """A key of `Policy.delivery_speed`."""
    loan_period: Period | None
    """None: the loan has no end."""
    review: Period
    review_again: Period | None
    """From one review to the next; None: the first is the only one."""
    collect_within_working_days: _Days | None
    """None: not before a clinician's word."""
    clinician_only: bool


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of equipment: how use and silence are judged, its upkeep, what it is worth, what its trip home costs."""

    name: str
    idle_home: Period
    idle_care_home: Period
    supply: Literal["mains", "battery", "mains or battery"]
    reports_every: Period
    silent_after: Period
    safety_check_within: Period | None
    """Silence or lost power is a safety check, to be made within this long; None: it is a question."""
    low_battery_mv: _Amount
    service_every: Period | None
    examine_every: Period | None
    """Between two thorough examinations; None: it has none."""
    value_pence: _Amount
    """Of one whose own value nobody has noted."""
    credit_pct: _Percent
    """Of its value, given back to the commissioner once it is available again."""
    cleaning_pence: _Amount
    new_co2_kg: _Amount
    """Greenhouse gases of making a new one, as carbon dioxide."""

    def idle(self, setting: str) -> Period:
        """Not used for this long is worth a question. Every setting but a care home counts as home."""
        return self.idle_care_home if setting == "care_home" else self.idle_home


class Feed(Struct, frozen=True, kw_only=True):
    """How far the provider's own system is believed."""

    stale_after: Period
    contradicted_after: Period
    """What a tag still says otherwise so long after what was told, it contradicts."""


class Watch(Struct, frozen=True, kw_only=True):
    """What holds for every loan, on whatever pathway."""

    due_soon: Period
    hospital_hold: Period
    still_needed: Period
    snooze_at_most: Period
    steady_use_days: _Days
    service_warning: Period
    exam_warning: Period
    floor_pence: _Amount


class Retention(Struct, frozen=True, kw_only=True):
    """How long what is personal by linkage is kept."""

    closed_loan: Period
    """After its end, and its equipment's way home."""


class Collection(Struct, frozen=True, kw_only=True):
    """What a trip home costs, in money and carbon, whatever comes back."""

    van_pence: _Amount
    journey_km: _Amount
    """Of a van, for one visit."""
    van_co2_g_per_km: _Amount
    reuse_saves_pct: _Percent
    """Of the carbon of a new one, after cleaning and repair."""
