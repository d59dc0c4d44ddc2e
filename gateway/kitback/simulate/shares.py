"""How common what is, and how long it lasts. Every number says where it comes from.

**P** is published, with its source; everything else is **made up** for the simulation. Nobody measured it: figures that
follow from these shares say how the rules behave, never how people do.
"""

from typing import Final

from kitback.simulate.truth import Cause, Kind, Setting

KIND: Final[dict[Kind, float]] = {"bed": 45, "mattress": 35, "hoist": 20}
"""Made up. Beds and mattresses mostly go out together, hoists more rarely."""

PATHWAY: Final = {
    "long_term": 24,
    "hospital_discharge": 22,
    "home_first": 19,
    "care_home": 9,
    "end_of_life": 9,
    "reablement": 7,
    "urgent_community_response": 6,
    "crisis_response": 4,
}
"""Made up. Nothing that Kitback knows is lent as a short-term wheelchair."""

SETTING: Final[dict[Setting, float]] = {"home": 93, "care_home": 4, "school": 2, "hospital": 1}
"""Made up; of every pathway but `care_home`, which is always one."""

CAUSE: Final[dict[Cause, float]] = {
    "needed": 34,
    "recovered": 16,
    "died": 9,
    "admitted": 8,
    "home_network_down": 4,
    "never_needed": 4,
    "delivered_late": 4,
    "moved_house": 3,
    "returned_unreported": 3,
    "unplugged": 3,
    "flat_battery": 3,
    "broken_tag": 2,
    "lent_on": 2,
    "not_delivered": 2,
    "booked_back_too_soon": 2,
    "broken_pump": 2,
    "badly_fitted_tag": 1,
    "tag_without_power": 1,
}
"""Made up. `unplugged` and `broken_pump` befall mattresses only, `flat_battery` only tags without mains: another loan
that draws one of them is `needed`. On `end_of_life` nobody recovers: who would, dies."""

CARE_DAYS: Final = {
    "crisis_response": 4,
    "urgent_community_response": 12,
    "home_first": 34,
    "reablement": 34,
    "hospital_discharge": 36,
    "end_of_life": 25,
    "long_term": 110,
    "care_home": 110,
}
"""How long it is needed, from delivery: the median in days. Made up, around the care periods that are P: 72 hours of
crisis care, six weeks of Home First."""

NEVER_TOLD: Final = 0.43
"""Of equipment that nobody needs any more, what nobody tells the service of: P, 3.5 million items lent in 2017/18 and
about 2 million returned (BBC, THIIS)."""

TOLD_DAYS: Final = 6
"""And otherwise, how long until it has been fetched: the median in days. Made up; five working days from the request
are P (Vale of York)."""

SPEED_HOURS: Final[dict[str, tuple[float, float]]] = {
    "crisis_response": (1, 3.9),
    "urgent_community_response": (1, 3.9),
    "hospital_discharge": (1, 3.9),
    "end_of_life": (1, 3.9),
    "home_first": (3, 23),
    "reablement": (3, 23),
    "long_term": (10, 70),
    "care_home": (10, 70),
    "discharge": (0.8, 1.9),
}
"""A van that is in time comes between so many hours after the prescription. The delivery speeds are P: 4 and 24 hours
and 3 days, 2 hours at best from hospital. When within that, is made up."""

DISCHARGE: Final = 0.1
"""Of loans on `hospital_discharge`, those for which the fastest speed was asked for. Made up."""

SURVEYED: Final = 0.85
"""Of homes, those where whoever set it up noted the radios. Made up."""

PAID_CARERS: Final = 0.3
"""Of loans, those whose equipment paid carers use. Made up."""

BED_ON_BATTERY: Final = 0.15
"""Of beds, those whose tag gets no mains from the bed. Made up. A hoist's tag never does, a mattress's always."""

NETWORK_GAP_DAYS: Final = 20
"""At home a network is away for some hours every so many days, on average. Made up."""

POWER_CUT_DAYS: Final = 90
"""A home has no electricity for minutes to an hour every so many days, on average. Made up."""

STRAY_DAYS: Final[dict[Kind, float]] = {"bed": 20, "mattress": 60, "hoist": 60}
"""While nobody needs it, somebody sits on a bed, tries a pump or a hoist every so many days, on average. Made up."""

DEMONSTRATED: Final = 0.5
"""Of deliveries, those with a demonstration that its tag takes for use. Made up."""

AWAY_DAYS: Final = {"gateway": 30, "broker": 30}
"""The gateway does not run, and the broker is out of reach, every so many days, on average. Made up."""

RECALLED: Final = 0.01
"""Of assets, those that a safety notice calls back. Made up."""
