"""What one fix says: the place whose known anchors are heard best. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

_FLOOR_DBM = -100
"""An anchor this weak still says that it is there, and little more."""


class Place(Struct, frozen=True):
    """A place as the locator sees it: the outermost below the service itself."""

    place_id: str
    type: str


class Reading(Struct, frozen=True):
    """Where one fix says an asset is."""

    place: Place | None
    """None: anchors were heard, but none that is known. Unknown is a place, too."""
    confidence: float
    """The share of this place in all that was heard of known anchors, 0 to 1."""


UNKNOWN = Reading(None, 0.0)


def read(heard: Sequence[tuple[str, int]], known: Mapping[str, Place]) -> Reading:
    """Read a fix that heard something.

    Args:
        heard: anchors and their RSSI in dBm.
        known: the places of those anchors that have one.
    """
    weight: dict[Place, int] = defaultdict(int)
    for anchor, rssi in heard:
        if anchor in known:
            weight[known[anchor]] += max(rssi - _FLOOR_DBM, 1)
    if not weight:
        return UNKNOWN
    best = max(weight, key=lambda place: (weight[place], place.place_id))
    return Reading(best, weight[best] / sum(weight.values()))
