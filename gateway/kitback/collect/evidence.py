"""What a flag rests on, in words."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from kitback.policy import Period
from kitback.watch.words import moment

FACTS: Final = {
    "battery_mv": "Battery of the tag",
    "complete_to": "The tag has told of all up to",
    "deliver_by_s": "To be delivered by",
    "deliver_risk_s": "Delivery at risk from",
    "due_s": "Due back",
    "due_soon_s": "Due soon from",
    "exam_due_s": "Thorough examination due",
    "fitted_at": "Tag fitted",
    "free_from": "On no loan since",
    "heard_at": "Tag last heard",
    "home_from": "Hold released",
    "loan_from": "Lent",
    "place_from": "There since",
    "place_name": "Seen at",
    "place_seen": "Last seen there",
    "place_type": "Kind of place",
    "prescribed_s": "Prescribed",
    "recall_ref": "Safety notice",
    "recalled_from": "Called back",
    "review_s": "Review due",
    "service_due_s": "Service due",
    "unpowered_from": "Without mains since",
    "used_at": "Last used",
    "used_by_paid_carers": "Used by paid carers",
    "used_free_from": "First used since then",
}
"""What each fact is called."""
ORIGINS: Final = {"P": "published", "J": "Kitback's judgement", "own": "your service's policy"}
"""Where an entry of the policy comes from."""
_WORDS: Final = ("place_name", "place_type", "recall_ref")
"""Facts that are words already; the others are times, but for what is measured or yes and no."""


def basis(evidence: Mapping[str, Any], now_s: int) -> Iterator[tuple[str, str]]:
    """What was seen, and what it was compared with: a name and a value each."""
    for fact, value in evidence["seen"].items():
        if value is not None:
            yield FACTS[fact], _seen(fact, value, now_s)
    compared = evidence["compared_with"]
    if compared:
        yield "Compared with", f"{_agreed(compared['entry'], compared['value'])} ({ORIGINS[compared['origin']]})"


def _seen(fact: str, value: str | int, now_s: int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if fact.endswith("_mv"):
        return _volts(int(value))
    if fact in _WORDS:
        return str(value).replace("_", " ")
    return moment(int(datetime.fromisoformat(str(value)).timestamp()), now_s)


def _agreed(entry: str, value: str | int) -> str:
    """An entry of the policy: a length of time by itself, all else with its name."""
    field = entry.rpartition(".")[2]
    if field.endswith("_mv"):
        return _volts(int(value))
    try:
        return Period.parse(str(value)).words()
    except ValueError:
        return f"{field.replace('_', ' ')} {value}"


def _volts(millivolts: int) -> str:
    return f"{millivolts / 1000:.1f} V"
