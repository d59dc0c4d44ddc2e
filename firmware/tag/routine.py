"""How often the tag notes that nothing is new: once a day, or once a week while no gateway has heard it for hours.

A quiet span of use, the same anchors again, its own health. So a month away costs a few dozen records, and the journal
keeps its room for what does happen.
"""

from micropython import const

from tag.retained import state

_DAY_S = const(86_400)
_WEEK_S = const(604_800)
_AWAY = const(8)  # reports failed in a row


def away() -> bool:
    """Whether no gateway has heard this tag for hours."""
    return state.failures >= _AWAY


def every_s() -> int:
    """Seconds from one such note to the next."""
    return _WEEK_S if away() else _DAY_S
