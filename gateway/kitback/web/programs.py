"""The API: what the pages show, for programs."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Response

from kitback.collect import Board, WorklistItem, board, kpi, worklist
from kitback.collect.ready import SHOWN
from kitback.web.api import as_json
from kitback.web.asked import AskedKpi, AskedWorklist, wanted_kpi
from kitback.web.site import Site

_MOST: Final = 1_000_000
"""Pieces of equipment; a number that no database can hold is none."""
ANSWERS: Final[dict[str, Any]] = {
    "/api/worklist.json": list[WorklistItem],
    "/api/ready.json": Board,
    "/api/kpi.json": kpi.Answer,
}
"""What each address answers, for the OpenAPI document."""


def add_api(app: FastAPI, site: Site) -> None:
    """Tell the register to programs."""

    @app.get("/api/worklist.json")
    def worklist_json(wanted: AskedWorklist, limit: Annotated[int | None, Query(ge=1)] = None) -> Response:
        """The worklist: one object an open flag, the most pressing first, with the parts of its rank.

        400: it was asked for of something that is not there.
        """
        with site.register.read() as conn:
            found = worklist(conn, site.policy, site.now_s(), wanted, limit)
        return as_json(found.items)

    @app.get("/api/ready.json")
    def ready_json(
        kind: Annotated[str, Query(description="bed, hoist or mattress")] = "",
        near: Annotated[str, Query(description="A place's id or name: the stores nearest to it first")] = "",
        limit: Annotated[
            int, Query(ge=1, le=_MOST, description="So many of each kind in each store at most; the counts are of all")
        ] = SHOWN,
    ) -> Response:
        """The ready-now board: what can be lent this hour, by kind and store, and what comes back soon.

        Ready is what is available, not called back by a safety notice, and in date; of a kind that is thoroughly
        examined only what has a known examination. 400: kind or place are not known, or nobody knows
        where the place is.
        """
        with site.register.read() as conn:
            return as_json(
                board(conn, site.policy, site.now_s(), kind=kind or None, near=near.strip() or None, limit=limit)
            )

    @app.get("/api/kpi.json")
    def kpi_json(asked: AskedKpi) -> Response:
        """The KPIs of a month and of now, each with what is above the line and what is below it, in numbers and words.

        A figure with nothing below the line has no value. 400: month, grouping, kind or pathway are not known.
        """
        now = site.now_s()
        wanted = wanted_kpi(asked, site.policy, now)
        with site.register.read() as conn:
            records = kpi.read(conn)
        return as_json(kpi.answer(kpi.report(records, site.policy, now, wanted), now))
