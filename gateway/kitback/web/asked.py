"""What addresses ask for, as both the pages and the API take it."""

from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import Depends, Query

from kitback.collect import Wanted, kpi
from kitback.policy import Policy


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


class KpiQuery(NamedTuple):
    """Which figures are asked for, as typed."""

    month: str
    by: list[str]
    commissioner: str
    kind: str
    pathway: str


def _kpi(
    month: Annotated[str, Query(description="As 2026-10, or all; this month if left out")] = "",
    by: Annotated[
        list[str] | None, Query(description="Apart by commissioner, kind or pathway; may be repeated")
    ] = None,
    commissioner: Annotated[str, Query(description="Who pays for it")] = "",
    kind: Annotated[str, Query(description="bed, hoist or mattress")] = "",
    pathway: Annotated[str, Query(description="As the policy names it: home_first, long_term …")] = "",
) -> KpiQuery:
    """Which figures are asked for. A form sends what was left empty as well."""
    return KpiQuery(month.strip(), [each for each in by or () if each], commissioner.strip(), kind, pathway)


AskedKpi = Annotated[KpiQuery, Depends(_kpi)]
"""Which figures are asked for."""


def wanted_kpi(asked: KpiQuery, policy: Policy, now_s: int) -> kpi.Wanted:
    """The figures that are asked for.

    Raises:
        NoSuch: something that was typed is not known.
    """
    only = {"commissioner": asked.commissioner or None, "kind": asked.kind or None, "pathway": asked.pathway or None}
    return kpi.of_request(policy, now_s, asked.month or None, asked.by, **only)
