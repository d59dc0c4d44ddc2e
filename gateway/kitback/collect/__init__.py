"""What staff have to do next."""

from kitback.collect.worklist import WorklistItem, is_virtual, worklist

__all__ = ["WorklistItem", "is_virtual", "worklist"]
