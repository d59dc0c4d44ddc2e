"""The pages that staff look at."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse

from kitback.collect import NoSuch, Worklist, board, is_virtual, kpi, ready_words, stale_feeds, stale_figures, worklist
from kitback.collect.collections import listing
from kitback.collect.stores import starts
from kitback.register import outbox
from kitback.watch import RULES
from kitback.watch.words import stamp
from kitback.web import collections, pages
from kitback.web.asked import AskedKpi, AskedWorklist, wanted_kpi, worklist_address
from kitback.web.site import Site


def add_pages(app: FastAPI, site: Site) -> None:
    """Show the register to staff."""

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def show_worklist(
        request: Request, wanted: AskedWorklist, page_number: Annotated[int, Query(alias="page")] = 1
    ) -> HTMLResponse:
        now, wrong = site.now_s(), dict[str, str]()
        with site.register.read() as conn:
            try:
                found = worklist(conn, site.policy, now, wanted)
            except NoSuch as error:
                found, wrong = Worklist(items=[], total=0, hidden={}), {error.what: str(error)}
            virtual = is_virtual(conn)
            notices = pages.notices(outbox.room(conn), stale_feeds(conn, site.policy, now), now)
        sheets = pages.sheets(found.items, site.policy)
        at = min(max(page_number, 1), len(sheets))
        return site.page(
            request,
            "worklist.jinja",
            400 if wrong else 200,
            visits=sheets[at - 1],
            worded=lambda item: pages.line(item, site.policy, now),
            found=found,
            wanted=wanted,
            wrong=wrong,
            kinds=site.policy.kind,
            rules=[each.name for each in RULES],
            at=at,
            last=len(sheets),
            address=lambda **changed: worklist_address(wanted, **changed),
            virtual=virtual,
            notices=notices,
            now=stamp(now),
        )

    @app.get("/ready", response_class=HTMLResponse, include_in_schema=False)
    def show_ready(request: Request, kind: str = "", near: str = "") -> HTMLResponse:
        now, wrong = site.now_s(), dict[str, str]()
        with site.register.read() as conn:
            try:
                found = board(conn, site.policy, now, kind=kind or None, near=near.strip() or None)
            except NoSuch as error:
                found, wrong = board(conn, site.policy, now), {error.what: str(error)}
            known, virtual = starts(conn), is_virtual(conn)
        start = found.near and found.near.place_id
        return site.page(
            request,
            "ready.jinja",
            400 if wrong else 200,
            board=found,
            words=ready_words,
            kind="" if wrong else kind,
            near=start,
            starts=pages.with_start(known, found.near),
            wrong=wrong,
            kinds=site.policy.kind,
            virtual=virtual,
            now=stamp(now),
        )

    @app.get("/collections", response_class=HTMLResponse, include_in_schema=False)
    def show_collections(request: Request) -> HTMLResponse:
        now = site.now_s()
        with site.register.read() as conn:
            found, virtual = listing(conn, site.policy, now), is_virtual(conn)
        return site.page(
            request,
            "collections.jinja",
            to_book=collections.to_book(found, site.policy, now),
            booked=collections.booked(found, site.policy, now),
            workshop=collections.in_the_workshop(found, site.policy, now),
            virtual=virtual,
            now=stamp(now),
        )

    @app.get("/kpi", response_class=HTMLResponse, include_in_schema=False)
    def show_kpis(request: Request, asked: AskedKpi) -> HTMLResponse:
        now, wrong, groups = site.now_s(), dict[str, str](), list[kpi.Group]()
        with site.register.read() as conn:
            try:
                wanted = wanted_kpi(asked, site.policy, now)
                groups = kpi.report(kpi.read(conn), site.policy, now, wanted)
            except NoSuch as error:
                wrong = {error.what: str(error)}
            virtual = is_virtual(conn)
            notices = [stale_figures(each, now) for each in stale_feeds(conn, site.policy, now)]
        return site.page(
            request,
            "kpi.jinja",
            400 if wrong else 200,
            groups=groups,
            words=kpi.words,
            asked=asked,
            apart=[(each, each.title()) for each in kpi.BY],
            kinds=[(name, each.name) for name, each in site.policy.kind.items()],
            pathways=[(name, each.name) for name, each in site.policy.pathway.items()],
            policy=site.policy,
            wrong=wrong,
            virtual=virtual,
            notices=notices,
            now=stamp(now),
        )
