"""Whether a reading moves an asset: a place must be read twice running before it is believed over another. Pure."""

from msgspec import Struct
from msgspec.structs import replace

UNKNOWN = ""
"""The place of whatever is heard where no anchor is known."""


class Whereabouts(Struct, frozen=True):
    """Where an asset is believed to be. Places are ids, or `UNKNOWN`; times are Unix seconds."""

    place: str
    since: int
    seen: int
    """The latest fix that agreed."""
    rival: str | None = None
    """The place that the latest fix read instead."""
    rival_since: int | None = None


def follow(before: Whereabouts | None, place: str, at_s: int) -> Whereabouts:
    """What to believe after a fix that read `place`.

    The first place ever read is believed at once. A fix from before what is known already changes nothing: it comes
    from a backlog that was lost and found.
    """
    if before is None:
        return Whereabouts(place, at_s, at_s)
    if at_s < max(before.seen, before.rival_since or 0):
        return before
    if place == before.place:
        return replace(before, seen=at_s, rival=None, rival_since=None)
    if place == before.rival and before.rival_since is not None:
        return Whereabouts(place, before.rival_since, at_s)
    return replace(before, rival=place, rival_since=at_s)
