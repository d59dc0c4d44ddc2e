"""A flag that ought to be raised."""

from typing import Final, NamedTuple

from msgspec import Struct

RULES: Final = (
    "idle",
    "overdue",
    "due_soon",
    "review_due",
    "never_used",
    "not_delivered",
    "seen_in_stores",
    "in_use_not_on_loan",
    "off_site",
    "silent",
    "never_heard",
    "battery_low",
    "service_due",
    "thorough_exam_due",
    "unpowered",
    "recall",
)


class Window(NamedTuple):
    """From the first to the last moment that are both still right."""

    first_s: int
    last_s: int

    def __contains__(self, at_s: object) -> bool:
        return isinstance(at_s, int) and self.first_s <= at_s <= self.last_s


class Expected(Struct, frozen=True, kw_only=True):
    """One flag on one asset. Times are Unix seconds."""

    asset_id: str
    rule: str
    since: Window
    """When what it says began, to within what a tag can tell."""
    earliest_s: int
    """Raised before this, it says what is not so."""
    latest_s: int | None
    """Raised after this, it comes too late. None: it may be raised or not (`either_way`)."""
    over: Window
    """When it ought to be closed again, the last moment at the end of the world or later: it may stand on."""
    true: str
    """What is true, in a few words."""
    either_way: str = ""
    """Why it may be raised or not; empty when it must be."""
