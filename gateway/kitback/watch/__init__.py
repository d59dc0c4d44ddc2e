"""Judges the register: rules find what is worth staff's attention, and keep it as flags until it is over."""

from kitback.watch.judge import Judged, judge
from kitback.watch.rules import RULES, Action, Rule

__all__ = ["RULES", "Action", "Judged", "Rule", "judge"]
