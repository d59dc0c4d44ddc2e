"""Movements of whatever the tag is screwed to, from the direction of gravity.

The tag may sit at any angle: a backrest turns about a level axis, so gravity turns in the tag's frame by the same
angle. A movement counts once it is over. A jolt turns gravity for a moment only, and leaves it where it was.
"""

from micropython import const

from tag.retained import state

_MOVED = const(87 * 87)  # 5 degrees, as the square of the distance between two directions of 1000 mg
_STILL = const(44 * 44)  # 2.5 degrees


class Tilt:
    """Counts movements. What it knows is kept in `state.tilt`: the direction at rest, and the last one seen."""

    def __init__(self) -> None:
        self.settling = False  # something moves, or just did: look again soon

    def feed(self, x: int, y: int, z: int) -> int:
        """Take a reading in thousandths of g. The number of movements that it ended: 1 or 0."""
        seen = (x, y, z)
        known = state.tilt
        still = _apart(seen, known, 3) < _STILL
        _note(seen, known, 3)
        if not any(known[i] for i in range(3)):  # the first ever: gravity is never nothing
            _note(seen, known, 0)
        moved = _apart(seen, known, 0) >= _MOVED
        self.settling = moved and not still
        if not moved or not still:
            return 0
        _note(seen, known, 0)
        return 1


def _apart(seen, known, at: int) -> int:
    """The square of the distance between what is seen and one of the known directions."""
    return sum((seen[i] - known[at + i]) ** 2 for i in range(3))


def _note(seen, known, at: int) -> None:
    for i in range(3):
        known[at + i] = seen[i]
