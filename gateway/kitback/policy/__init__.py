"""What a service may change: its pathways, its kinds of equipment, and from when on something is worth a look."""

from kitback.policy.calendar import Hours
from kitback.policy.explain import Facts, Reckoned, explain, moment
from kitback.policy.file import Checked, Mistake, check, load, restore
from kitback.policy.model import SETTINGS, Collection, DeliverySpeed, Feed, Kind, Pathway, Watch
from kitback.policy.period import LONDON, Period
from kitback.policy.policy import VAN, Clocks, Difference, Entry, Key, Policy, PolicyError, Scalar

__all__ = [
    "LONDON",
    "SETTINGS",
    "VAN",
    "Checked",
    "Clocks",
    "Collection",
    "DeliverySpeed",
    "Difference",
    "Entry",
    "Facts",
    "Feed",
    "Hours",
    "Key",
    "Kind",
    "Mistake",
    "Pathway",
    "Period",
    "Policy",
    "PolicyError",
    "Reckoned",
    "Scalar",
    "Watch",
    "check",
    "explain",
    "load",
    "moment",
    "restore",
]
