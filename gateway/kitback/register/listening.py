"""Since when the gateways have been listening to the tags: silence while they were away says nothing about them.

Each session on the broker brings the reports of some of the tags, and is one gateway's at a time. What is said here of
all tags holds only while all sessions are listened to.
"""

from collections.abc import Collection, Iterable
from typing import Final, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from kitback.register.tables import meta
from kitback.register.upsert import put

AWAY: Final = 600
"""Seconds without a sign of listening that make an absence."""

_SESSION: Final = "listening "
"""Begins the name of what is known of a session."""
_ONLY: Final = ("only",)
"""The session where none is known by name."""
_HOUSE: Final = "house_kept"

Trouble = Literal["broker", "intake"]
"""Why tags are not heard: their gateway has not joined its broker, or has, but cannot take in what they say."""


class _Heard(Struct, array_like=True):
    """What is known of a session. Times are Unix seconds."""

    trouble: Trouble | None = "broker"
    """Why nobody listens to it; None while somebody does."""
    since: int | None = None
    """When the stretch of listening began."""
    last: int | None = None
    """The latest sign of it."""


_decode = msgspec.json.Decoder(_Heard).decode
_encode = msgspec.json.Encoder().encode


def expect(conn: sa.Connection, sessions: Iterable[str]) -> None:
    """These sessions there are: until each is listened to, not all tags are."""
    known = _known(conn)
    _keep(conn, {name: _Heard() for name in sessions if name not in known})


def connected(conn: sa.Connection, now_s: int, sessions: Collection[str] | None = None) -> None:
    """A gateway has joined its broker; a long enough gap before it begins a new stretch of listening.

    Args:
        sessions: those that it joined, by name; None is all that are known, here and below.
    """
    known = _known(conn, sessions)
    for name in sessions or known or _ONLY:
        heard = known.setdefault(name, _Heard())
        if heard.last is None or now_s - heard.last > AWAY:
            heard.since = now_s
        heard.last, heard.trouble = now_s, None
    _keep(conn, known)


def still(conn: sa.Connection, now_s: int, sessions: Collection[str] | None = None) -> None:
    """What is heard by a gateway that listens says that it still does."""
    listened = {name: heard for name, heard in _known(conn, sessions).items() if heard.trouble is None}
    for heard in listened.values():
        heard.last = now_s
    _keep(conn, listened)


def away(conn: sa.Connection, sessions: Collection[str] | None = None, why: Trouble = "broker") -> None:
    """Nobody listens to these sessions: their gateway has just started, has lost its broker, or fails."""
    known = _known(conn, sessions)
    for name in sessions or known or _ONLY:
        known.setdefault(name, _Heard()).trouble = why
    _keep(conn, known)


def heard(conn: sa.Connection) -> int | None:
    """Up to when there are signs that all sessions were listened to, Unix seconds; None when there never were."""
    return min((each.last or 0 for each in _known(conn).values()), default=0) or None


def trouble(conn: sa.Connection) -> Trouble | None:
    """Why not all sessions are listened to; None if all are, or if those who should cannot even say so."""
    return min((each.trouble for each in _known(conn).values() if each.trouble), default=None)


def kept_house(conn: sa.Connection, now_s: int) -> None:
    """The gateway's own upkeep has been done, which writes to the register."""
    put(conn, meta, [{"name": _HOUSE, "value": str(now_s)}])


def house_kept(conn: sa.Connection) -> int | None:
    """When the upkeep was last done, Unix seconds; None when never."""
    return _read(conn, _HOUSE)


def since(conn: sa.Connection, now_s: int) -> int | None:
    """When the present stretch of listening to all sessions began, Unix seconds; None while there is none.

    A gateway that was killed, or hangs, does not say that it is away: it gives no sign of listening.
    """
    known = _known(conn).values()
    began = [
        each.since for each in known if each.trouble is None and each.last is not None and now_s - each.last <= AWAY
    ]
    return max((each for each in began if each is not None), default=None) if len(began) == len(known) else None


def _known(conn: sa.Connection, sessions: Collection[str] | None = None) -> dict[str, _Heard]:
    """What is known of sessions, by name."""
    names = meta.c.name.startswith(_SESSION) if sessions is None else meta.c.name.in_([_SESSION + s for s in sessions])
    rows = conn.execute(sa.select(meta).where(names).order_by(meta.c.name))
    return {name.removeprefix(_SESSION): _decode(value) for name, value in rows}


def _keep(conn: sa.Connection, sessions: dict[str, _Heard]) -> None:
    rows = [{"name": _SESSION + name, "value": _encode(each).decode()} for name, each in sorted(sessions.items())]
    put(conn, meta, rows)


def _read(conn: sa.Connection, name: str) -> int | None:
    value: str | None = conn.scalar(sa.select(meta.c.value).where(meta.c.name == name))
    return None if value is None else int(value)
