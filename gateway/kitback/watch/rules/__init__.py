"""The rules: what each one looks for, since when, what it asks of staff, and which others it overrules.

A rule is an SQL predicate over `judgement`; everything else is asked of its candidates only. Idle means *ask*, never
*fetch*.
"""

from typing import Final

from kitback.watch.rules.clocks import due_soon, not_delivered, overdue, review_due
from kitback.watch.rules.feed import not_back, not_moved
from kitback.watch.rules.place import off_site, seen_in_stores
from kitback.watch.rules.rule import Action, Rule
from kitback.watch.rules.safety import recall, service_due, thorough_exam_due, unpowered
from kitback.watch.rules.tag import battery_low, never_heard, silent
from kitback.watch.rules.use import idle, in_use_not_on_loan, never_used

__all__ = ["RULES", "Action", "Rule"]

RULES: Final = (
    unpowered,
    silent,
    recall,
    not_delivered,
    thorough_exam_due,
    seen_in_stores,
    not_moved,
    overdue,
    off_site,
    never_used,
    idle,
    review_due,
    due_soon,
    in_use_not_on_loan,
    not_back,
    service_due,
    never_heard,
    battery_low,
)
"""Every rule, in the order in which staff would want to hear of them."""
