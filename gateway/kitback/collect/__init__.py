"""What staff have to do next."""

from kitback.collect.worklist import (
    NoSuch,
    Wanted,
    Worklist,
    WorklistItem,
    is_virtual,
    stale_feeds,
    stale_words,
    worklist,
)

__all__ = ["NoSuch", "Wanted", "Worklist", "WorklistItem", "is_virtual", "stale_feeds", "stale_words", "worklist"]
