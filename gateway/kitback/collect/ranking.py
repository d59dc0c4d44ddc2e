"""How pressing a flag is among others that ask for the same: value x days x confidence, and why.

Confidence is the product of what bears on the rule, between 0 and 1:

| part | for rules about | is |
| --- | --- | --- |
| the tag talks | use, place | 1 if it was heard within the `silent_after` of its kind, else 0.5 |
| its records | use | the share of the time since (the last 28 days of it) that they cover, 0.1 at least |
| its clock | use | 1 if its present clock was ever set by ours, else 0.5: its times are estimated |
| the place | place | what the locator gives it |

What rests on the register's own dates, or on what a tag said of itself, is as sure as it gets: 1.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from kitback.policy import Kind
from kitback.watch.words import length

DAY_S: Final = 86400
LOOK_BACK_S: Final = 28 * DAY_S
"""Records older than this say little of how well a tag tells of the present."""
_AT_LEAST: Final = 0.1
"""Of what records cover: a flag that rests on hardly any is still to be found at the end of the list."""
_DOUBTFUL: Final = 0.5

ON_USE: Final = ("idle", "never_used", "overdue", "due_soon", "in_use_not_on_loan")
"""Rules that rest on what the tag tells of use."""
ON_PLACE: Final = ("seen_in_stores", "off_site", "not_moved", "not_back")
"""Rules that rest on where it was heard."""


class Part(Struct, frozen=True):
    """One thing that makes a flag more or less sure."""

    factor: float
    because: str


class Rank(Struct, frozen=True, kw_only=True):
    """Where a flag stands among those that ask for the same, and why."""

    score: int
    """Pounds x days x confidence."""
    value_pence: int
    """What a new one costs."""
    value_from: str
    """`asset`: its own; `policy`: what the policy says of its kind."""
    days: int
    """Since what the flag says began; a day begun counts."""
    confidence: float
    """0 to 1: the product of `parts`."""
    parts: list[Part]


class Grounds(Struct, frozen=True, kw_only=True):
    """What the register knows that a rank is made of."""

    rule: str
    since: int
    own_value_pence: int | None
    heard_at: int | None
    seen_s: int | None
    """Seconds since then, or of the last `LOOK_BACK_S`, that records cover."""
    clock_set: bool
    place_confidence: float | None


def rank(grounds: Grounds, kind: Kind, now_s: int) -> Rank:
    """The rank of one flag at `now_s`."""
    parts = list(_parts(grounds, kind, now_s))
    confidence = 1.0
    for part in parts:
        confidence *= part.factor
    own = grounds.own_value_pence
    value_pence = kind.value_pence if own is None else own
    days = max(0, now_s - grounds.since) // DAY_S + 1
    return Rank(
        score=round(value_pence / 100 * days * confidence),
        value_pence=value_pence,
        value_from="policy" if own is None else "asset",
        days=days,
        confidence=round(confidence, 2),
        parts=parts,
    )


def _parts(grounds: Grounds, kind: Kind, now_s: int) -> Iterator[Part]:
    if grounds.rule in ON_USE + ON_PLACE:
        yield _talks(grounds, kind, now_s)
    if grounds.rule in ON_USE:
        yield _covered(grounds, now_s)
        if not grounds.clock_set:
            yield Part(_DOUBTFUL, "its clock was never set: its times are estimated")
    if grounds.rule in ON_PLACE and grounds.place_confidence is not None:
        yield Part(grounds.place_confidence, f"the place is {grounds.place_confidence:.0%} sure")


def _talks(grounds: Grounds, kind: Kind, now_s: int) -> Part:
    if grounds.heard_at is None:
        return Part(_DOUBTFUL, "its tag was never heard")
    quiet = now_s - grounds.heard_at
    if quiet < kind.silent_after.seconds:
        return Part(1, "its tag talks")
    return Part(_DOUBTFUL, f"its tag was not heard for {length(quiet)}")


def _covered(grounds: Grounds, now_s: int) -> Part:
    period = min(max(now_s - grounds.since, 1), LOOK_BACK_S)
    share = min(1.0, max(_AT_LEAST, (grounds.seen_s or 0) / period))
    return Part(round(share, 2), f"its records cover {share:.0%} of the time")
