"""What a service may change: its pathways, its kinds of equipment, and from when on something is worth a look."""

from kitback.policy.calendar import Hours
from kitback.policy.file import load
from kitback.policy.model import SETTINGS, DeliverySpeed, Kind, Pathway, Watch
from kitback.policy.period import LONDON, Period
from kitback.policy.policy import Clocks, Difference, Entry, Key, Policy, PolicyError, Scalar

__all__ = [
    "LONDON",
    "SETTINGS",
    "Clocks",
    "DeliverySpeed",
    "Difference",
    "Entry",
    "Hours",
    "Key",
    "Kind",
    "Pathway",
    "Period",
    "Policy",
    "PolicyError",
    "Scalar",
    "Watch",
    "load",
]
