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
    "due_s": "Due back",
    "due_soon_s": "Due soon from",
    "exam_due_s": "Thorough examination due",
    "fitted_at": "Tag fitted",
    "heard_at": "Tag last heard",
    "loan_from": "Lent",
    "place_from": "There since",
    "place_name": "Seen at",
    "place_seen": "Last seen there",
    "place_type": "Kind of place",
    "prescribed_s": "Prescribed",
    "review_s": "Review due",
    "service_due_s": "Service due",
    "unpowered_from": "Without mains since",
    "used_at": "Last used",
}
"""What each fact is called."""
ORIGINS: Final = {"P": "published", "J": "Kitback's judgement", "own": "your service's policy"}
"""Where an entry of the policy comes from."""


def basis(evidence: Mapping[str, Any], now_s: int) -> Iterator[tuple[str, str]]:
    """What was seen, and what it was compared with: a name and a value each."""
    for fact, value in evidence["seen"].items():
        if value is not None:
            yield FACTS[fact], _words(fact, value, now_s)
    compared = evidence["compared_with"]
    if compared:
        yield "Compared with", f"{_period(compared['value'])} ({ORIGINS[compared['origin']]})"


def _period(value: str | int) -> str:
    return Period.parse(value).words() if isinstance(value, str) else str(value)


def _words(fact: str, value: str | int, now_s: int) -> str:
    if fact == "battery_mv":
        return f"{int(value) / 1000:.1f} V"
    if fact in ("place_name", "place_type"):
        return str(value).replace("_", " ")
    return moment(int(datetime.fromisoformat(str(value)).timestamp()), now_s)
