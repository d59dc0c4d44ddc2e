"""What a service may change: its pathways, its kinds of equipment, and from when on something is worth a look."""

from kitback.policy.model import Kind, Pathway
from kitback.policy.period import LONDON, Period
from kitback.policy.policy import Entry, Key, Policy, PolicyError, Scalar, load

__all__ = ["LONDON", "Entry", "Key", "Kind", "Pathway", "Period", "Policy", "PolicyError", "Scalar", "load"]
