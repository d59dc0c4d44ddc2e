"""What staff have to do next, and what they have to do it with."""

from kitback.collect.ready import Board, board
from kitback.collect.worklist import (
    NoSuch,
    Wanted,
    Worklist,
    WorklistItem,
    is_virtual,
    stale_feeds,
    stale_figures,
    stale_words,
    worklist,
)

__all__ = [
    "Board",
    "NoSuch",
    "Wanted",
    "Worklist",
    "WorklistItem",
    "board",
    "is_virtual",
    "stale_feeds",
    "stale_figures",
    "stale_words",
    "worklist",
]
