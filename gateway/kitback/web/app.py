"""The web application: the worklist as a page and as JSON, and a word on health."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from kitback.clock import Clock, now_s
from kitback.collect import NoSuch, Wanted, Worklist, is_virtual, stale_feeds, worklist
from kitback.policy import Policy
from kitback.register import Register, RegisterError, outbox
from kitback.watch import RULES
from kitback.watch.words import stamp
from kitback.web import feed, pages
from kitback.web.health import health
from kitback.web.metrics import exposition
from kitback.web.styles import STATIC, script, style_sheet

_log = logging.getLogger(__name__)
# Nothing on a page comes from elsewhere, and no other site may frame it.
_CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_CACHED = {"Cache-Control": "max-age=3600"}


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


_Asked = Annotated[Wanted, Depends(_wanted)]


def create_app(register: Register, clock: Clock, policy: Policy, feeds: Mapping[str, str] | None = None) -> FastAPI:
    """The application over one register.

    Args:
        feeds: the tokens of those that may tell of loans, by source; None, or none, lets nobody.

    Raises:
        StylesMissing: the pages' styles are not installed.
    """
    app = FastAPI(title="Kitback", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.mount("/static", StaticFiles(directory=STATIC))
    templates = pages.environment()
    nhsuk_css, nhsuk_js = style_sheet(), script()

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.nonce = secrets.token_urlsafe(16)
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = _CONTENT_POLICY.format(nonce=request.state.nonce)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def page(request: Request, name: str, status: int = 200, **values: object) -> HTMLResponse:
        html = templates.get_template(name).render(cspNonce=request.state.nonce, **values)
        return HTMLResponse(html, status)

    @app.exception_handler(RegisterError)
    def unreadable(request: Request, error: RegisterError) -> Response:
        _log.error("%s %s: %s", request.method, request.url.path, error)
        if request.url.path == "/":
            return page(request, "unreadable.jinja", 503)
        return JSONResponse({"status": "the register cannot be read"}, 503)

    @app.exception_handler(NoSuch)
    def no_such(_: Request, error: NoSuch) -> Response:
        return JSONResponse({"status": str(error)}, 400)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def show_worklist(
        request: Request, wanted: _Asked, page_number: Annotated[int, Query(alias="page")] = 1
    ) -> HTMLResponse:
        now, wrong = now_s(clock), None
        with register.read() as conn:
            try:
                found = worklist(conn, policy, now, wanted)
            except NoSuch as error:
                found, wrong = Worklist(items=[], total=0, hidden={}), str(error)
            virtual = is_virtual(conn)
            notices = pages.notices(outbox.room(conn), stale_feeds(conn, policy, now), now)
        sheets = pages.sheets(found.items, policy)
        at = min(max(page_number, 1), len(sheets))
        return page(
            request,
            "worklist.jinja",
            400 if wrong else 200,
            visits=sheets[at - 1],
            worded=lambda item: pages.line(item, policy, now),
            found=found,
            wanted=wanted,
            wrong=wrong,
            kinds=policy.kind,
            rules=[each.name for each in RULES],
            at=at,
            last=len(sheets),
            address=lambda **changed: _address(wanted, **changed),
            virtual=virtual,
            notices=notices,
            now=stamp(now),
        )

    @app.get("/nhsuk-frontend.css", include_in_schema=False)
    def nhsuk_frontend_css() -> Response:
        return Response(nhsuk_css, media_type="text/css", headers=_CACHED)

    @app.get("/nhsuk-frontend.js", include_in_schema=False)
    def nhsuk_frontend_js() -> Response:
        return Response(nhsuk_js, media_type="text/javascript", headers=_CACHED)

    @app.get("/api/worklist.json")
    def worklist_json(wanted: _Asked, limit: Annotated[int | None, Query(ge=1)] = None) -> Response:
        """The worklist: one object an open flag, the most pressing first, with the parts of its rank.

        400: it was asked for of something that is not there.
        """
        with register.read() as conn:
            found = worklist(conn, policy, now_s(clock), wanted, limit)
        return Response(msgspec.json.encode(found.items), media_type="application/json")

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the gateway does what it is for: 200 if so, 503 if not; and what somebody should look at."""
        with register.read() as conn:
            now = health(conn, policy, now_s(clock))
        status = 503 if now.status == "failing" else 200
        return Response(msgspec.json.encode(now), status, media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        with register.read() as conn:
            return Response(exposition(conn, policy, now_s(clock)), media_type=CONTENT_TYPE_LATEST)

    feed.add(app, register, clock, policy, feeds or {})
    return app


def _address(wanted: Wanted, **changed: object) -> str:
    """The page with what is wanted, but for what is changed."""
    asked = {
        "kind": wanted.kind,
        "rule": wanted.rule,
        "place": wanted.place,
        "commissioner": wanted.commissioner,
        "all": "true" if wanted.muted else None,
    }
    return "/?" + urlencode({name: value for name, value in (asked | changed).items() if value})
