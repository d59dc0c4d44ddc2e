"""The web application: the pages of staff, the same as JSON, and a word on health."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from kitback.clock import Clock
from kitback.collect import NoSuch
from kitback.policy import Policy
from kitback.register import Register, RegisterError
from kitback.web import feed, pages
from kitback.web.api import Api, as_json
from kitback.web.health import health
from kitback.web.metrics import exposition
from kitback.web.programs import ANSWERS, add_api
from kitback.web.site import Site
from kitback.web.staff import add_pages
from kitback.web.styles import STATIC, script, style_sheet

_log = logging.getLogger(__name__)
# Nothing on a page comes from elsewhere, and no other site may frame it.
_CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_CACHED = {"Cache-Control": "max-age=3600"}


def create_app(register: Register, clock: Clock, policy: Policy, feeds: Mapping[str, str] | None = None) -> FastAPI:
    """The application over one register.

    Args:
        feeds: the tokens of those that may tell of loans, by source; None, or none, lets nobody.

    Raises:
        StylesMissing: the pages' styles are not installed.
    """
    app = Api(ANSWERS, title="Kitback", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.mount("/static", StaticFiles(directory=STATIC))
    site = Site(register, clock, policy, pages.environment())
    add_pages(app, site)
    add_api(app, site)
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

    @app.exception_handler(RegisterError)
    def unreadable(request: Request, error: RegisterError) -> Response:
        _log.error("%s %s: %s", request.method, request.url.path, error)
        if request.url.path in pages.MENU:
            return site.page(request, "unreadable.jinja", 503)
        return JSONResponse({"status": "the register cannot be read"}, 503)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        if request.url.path in pages.MENU:
            return site.page(request, "not_understood.jinja", 400, troubles=pages.troubles(error.errors()))
        return await request_validation_exception_handler(request, error)

    @app.exception_handler(NoSuch)
    def no_such(_: Request, error: NoSuch) -> Response:
        return JSONResponse({"status": str(error)}, 400)

    @app.get("/nhsuk-frontend.css", include_in_schema=False)
    def nhsuk_frontend_css() -> Response:
        return Response(nhsuk_css, media_type="text/css", headers=_CACHED)

    @app.get("/nhsuk-frontend.js", include_in_schema=False)
    def nhsuk_frontend_js() -> Response:
        return Response(nhsuk_js, media_type="text/javascript", headers=_CACHED)

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the gateway does what it is for: 200 if so, 503 if not; and what somebody should look at."""
        with register.read() as conn:
            now = health(conn, policy, site.now_s())
        status = 503 if now.status == "failing" else 200
        return as_json(now, status)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        with register.read() as conn:
            return Response(exposition(conn, policy, site.now_s()), media_type=CONTENT_TYPE_LATEST)

    feed.add(app, register, clock, policy, feeds or {})
    return app
