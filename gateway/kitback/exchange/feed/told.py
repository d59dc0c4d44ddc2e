"""What a feed has said of one loan, whatever the order it came in: of each field what was said last.

Two messages of the same second that part: the greater one in writing holds. So putting together is the same in any
order, and doing it again changes nothing.
"""

import json
from collections.abc import Mapping
from typing import Final

import msgspec

from kitback.exchange.feed.message import Fact

Told = dict[str, tuple[int, Fact]]
"""Of each field: when it was said, by the source's clock, and what."""

LISTED: Final = "listed"
"""Whether a whole file had the loan in it: kept beside the fields."""
_decode: Final = msgspec.json.Decoder(dict[str, tuple[int, Fact]]).decode


def load(text: str) -> Told:
    """As it is kept."""
    return _decode(text)


def dump(told: Told) -> str:
    """As it is kept: the same for the same."""
    return json.dumps({name: told[name] for name in sorted(told)}, separators=(",", ":"))


def merged(told: Told, said_s: int, facts: Mapping[str, Fact]) -> Told:
    """With what a message says."""
    new = dict(told)
    for name, fact in facts.items():
        if name not in new or _order(said_s, fact) > _order(*new[name]):
            new[name] = (said_s, fact)
    return new


def facts(told: Told) -> dict[str, Fact]:
    """What holds; what was taken back is left out."""
    return {name: fact for name, (_, fact) in told.items() if fact is not None and name != LISTED}


def said_s(told: Told) -> int:
    """When it was last said that there is such a loan."""
    return max((at for name, (at, fact) in told.items() if name != LISTED or fact), default=0)


def missing(told: Told) -> bool:
    """Whether a whole file no longer listed it, and nothing was said of it since."""
    at, listed = told.get(LISTED, (0, True))
    return listed is False and at > said_s(told)


def _order(said_s: int, fact: Fact) -> tuple[int, str]:
    return said_s, json.dumps(fact)
