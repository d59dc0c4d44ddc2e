"""What staff have to do next."""

from kitback.collect.worklist import NoSuch, Wanted, Worklist, WorklistItem, is_virtual, worklist

__all__ = ["NoSuch", "Wanted", "Worklist", "WorklistItem", "is_virtual", "worklist"]
