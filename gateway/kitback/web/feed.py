"""`POST /api/feed`: the provider's system tells of its loans, message by message."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from kitback.clock import Clock, now_s
from kitback.exchange.feed import Said, Wrong, from_json, take
from kitback.policy import Policy
from kitback.register import Register

_BYTES_AT_MOST: Final = 1 << 20
_AT_MOST: Final = 500
"""Messages in one request."""


class _Several(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[msgspec.Raw]


class _Refused(Exception):
    """A request that is not taken: nothing of it is."""

    def __init__(self, status: int, says: str, **more: object) -> None:
        self.answer = JSONResponse({"status": says, **more}, status)


def add(app: FastAPI, register: Register, clock: Clock, policy: Policy, tokens: Mapping[str, str]) -> None:
    """Let sources tell, each with its token; without any there is no such address."""
    known = {source: _digest(token) for source, token in tokens.items()}

    @app.post("/api/feed", response_model=None)
    async def feed(request: Request) -> Response:
        """Take one message, or `{"messages": [...]}`; docs/feed.md has the format. All are taken, or none.

        200: taken; of each what came of it. 401: no token, or not one of ours. 413: too much at once. 422: it cannot be
        read; `wrong` says which message, which field and what to do.
        """
        try:
            source = _source(known, request.headers.get("authorization", ""))
            messages = _read(await _body(request), now_s(clock))
        except _Refused as error:
            return error.answer
        taken = await run_in_threadpool(take, register, policy, source, messages, now_s(clock))
        return Response(msgspec.json.encode({"taken": taken}), media_type="application/json")


def _source(known: Mapping[str, bytes], header: str) -> str:
    if not known:
        raise _Refused(404, "no feed is configured here: give it a token in the gateway's configuration, [feeds]")
    scheme, _, token = header.partition(" ")
    given = _digest(token.strip())
    # All are compared, each in constant time: how long it takes tells nothing.
    ours = [source for source, digest in known.items() if hmac.compare_digest(digest, given)]
    if scheme.lower() != "bearer" or not ours:
        raise _Refused(401, "give the token of your feed: Authorization: Bearer …")
    return ours[0]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _BYTES_AT_MOST:
            raise _Refused(413, f"more than {_BYTES_AT_MOST >> 20} MiB: send it in parts")
    return bytes(body)


def _read(body: bytes, now: int) -> list[Said]:
    several = body.lstrip()[:1] == b"{" and b'"messages"' in body
    try:
        raw = msgspec.json.decode(body, type=_Several).messages if several else [msgspec.Raw(body)]
    except msgspec.MsgspecError as error:
        raise _Refused(422, f"the request cannot be read: {error}; docs/feed.md has the format") from error
    if len(raw) > _AT_MOST:
        raise _Refused(413, f"more than {_AT_MOST} messages: send them in parts")
    messages, wrong = [], []
    for number, each in enumerate(raw):
        try:
            messages.append(from_json(each, now, None))
        except Wrong as error:
            wrong.append({"message": number, "field": error.column, "what": error.what})
    if wrong:
        raise _Refused(422, "nothing was taken", wrong=wrong)
    return messages
