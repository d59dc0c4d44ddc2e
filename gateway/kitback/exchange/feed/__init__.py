"""The provider's feed: loans, deliveries and returns from the provider's own system, so that nobody keys them twice."""

from kitback.exchange.feed.file import read
from kitback.exchange.feed.message import COLUMNS, Message, Said, Wrong, from_cells, from_json
from kitback.exchange.feed.status import Standing, Trouble, standings, troubles
from kitback.exchange.feed.taking import Outcome, Taken, Taking, take

__all__ = [
    "COLUMNS",
    "Message",
    "Outcome",
    "Said",
    "Standing",
    "Taken",
    "Taking",
    "Trouble",
    "Wrong",
    "from_cells",
    "from_json",
    "read",
    "standings",
    "take",
    "troubles",
]
