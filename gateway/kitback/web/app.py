"""The web application: the worklist as a page and as JSON, and a word on health."""

import logging
import secrets
from collections.abc import Awaitable, Callable

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from kitback.clock import Clock, now_s
from kitback.collect import is_virtual, worklist
from kitback.policy import Policy
from kitback.register import Register, RegisterError, outbox
from kitback.watch.words import stamp
from kitback.web import pages
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


def create_app(register: Register, clock: Clock, policy: Policy) -> FastAPI:
    """The application over one register.

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

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def show_worklist(request: Request) -> HTMLResponse:
        now = now_s(clock)
        with register.read() as conn:
            items, virtual, notice = worklist(conn), is_virtual(conn), pages.notice(outbox.room(conn))
        lines = pages.lines(items, policy, now)
        return page(request, "worklist.jinja", lines=lines, virtual=virtual, notice=notice, now=stamp(now))

    @app.get("/nhsuk-frontend.css", include_in_schema=False)
    def nhsuk_frontend_css() -> Response:
        return Response(nhsuk_css, media_type="text/css", headers=_CACHED)

    @app.get("/nhsuk-frontend.js", include_in_schema=False)
    def nhsuk_frontend_js() -> Response:
        return Response(nhsuk_js, media_type="text/javascript", headers=_CACHED)

    @app.get("/api/worklist.json")
    def worklist_json() -> Response:
        """The worklist: one object an open flag, the most pressing first."""
        with register.read() as conn:
            items = worklist(conn)
        return Response(msgspec.json.encode(items), media_type="application/json")

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the gateway does what it is for: 200 if so, 503 if not; and what somebody should look at."""
        with register.read() as conn:
            now = health(conn, now_s(clock))
        status = 503 if now.status == "failing" else 200
        return Response(msgspec.json.encode(now), status, media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        with register.read() as conn:
            return Response(exposition(conn, now_s(clock)), media_type=CONTENT_TYPE_LATEST)

    return app
