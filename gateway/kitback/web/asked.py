"""What addresses ask for, as both the pages and the API take it."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from kitback.collect import Wanted


def _wanted(
    kind: Annotated[str, Query(description="bed, hoist or mattress")] = "",
    rule: Annotated[str, Query(description="What found it: idle, overdue …")] = "",
    place: Annotated[str, Query(description="A place's id or name; what is within it counts")] = "",
    commissioner: Annotated[str, Query(description="Who pays for it")] = "",
    all: Annotated[bool, Query(description="Also what is muted, or held")] = False,  # noqa: A002 - as people type it
) -> Wanted:
    """Which flags are asked for. A form sends what was left empty as well."""
    return Wanted(
        kind=kind or None,
        rule=rule or None,
        place=place.strip() or None,
        commissioner=commissioner.strip() or None,
        muted=all,
    )


AskedWorklist = Annotated[Wanted, Depends(_wanted)]
"""Which flags are asked for."""


def worklist_address(wanted: Wanted, **changed: object) -> str:
    """The page with what is wanted, but for what is changed."""
    asked = {
        "kind": wanted.kind,
        "rule": wanted.rule,
        "place": wanted.place,
        "commissioner": wanted.commissioner,
        "all": "true" if wanted.muted else None,
    }
    return "/?" + urlencode({name: value for name, value in (asked | changed).items() if value})
