"""How many assets are in which state, and how many of their tags were heard in the last day: told when it changed.

They are counted every ten minutes: that takes two scans of all assets.
"""

from typing import Final

import msgspec
import sqlalchemy as sa

from kitback.register import Register, lines, outbox
from kitback.register.assets import KINDS, STATES
from kitback.register.tables import asset, judgement, meta
from kitback.register.upsert import put
from kitback.watch.keep import next_seq

_DAY: Final = 86400
_EVERY: Final = 600
_TOLD: Final = "gauges"
_LENT_OR_READY: Final = ("available", "prescribed", "on_loan")


class _Counts(msgspec.Struct, frozen=True):
    """Of one kind. A count that is 0 is told as well, or the last one would stand."""

    in_state: dict[str, int] = {}
    fitted: int = 0
    heard_24h: int = 0


class _Told(msgspec.Struct, frozen=True):
    """What the history was told last, by kind, and when; and when it was counted last."""

    counted_s: int
    at_s: int
    counts: dict[str, _Counts]


def tell(register: Register, now_s: int) -> None:
    """Tell the history how many there are, if it is time to count and they are others, or it was told a day ago.

    Raises:
        RegisterError: the database failed.
    """
    with register.read() as conn:
        last = _last(conn)
        if last and 0 <= now_s - last.counted_s < _EVERY:
            return
        counts = _counts(conn, now_s)
    with register.write() as conn:
        if last and last.counts == counts and now_s - last.at_s < _DAY:
            _keep(conn, _Told(now_s, last.at_s, counts))
            return
        seq = next_seq(conn)
        told = [line for kind, each in sorted(counts.items()) for line in _lines(kind, each, now_s, seq)]
        outbox.append(conn, told, now_s)
        _keep(conn, _Told(now_s, now_s, counts))


def _keep(conn: sa.Connection, told: _Told) -> None:
    put(conn, meta, [{"name": _TOLD, "value": msgspec.json.encode(told).decode()}])


def _last(conn: sa.Connection) -> _Told | None:
    value = conn.scalar(sa.select(meta.c.value).where(meta.c.name == _TOLD))
    return None if value is None else msgspec.json.decode(value, type=_Told)


def _counts(conn: sa.Connection, now_s: int) -> dict[str, _Counts]:
    row, count = judgement.c, sa.func.count
    heard = count().filter(row.heard_at > now_s - _DAY)
    by_kind = sa.select(row.kind, count(), count(row.loan_ref), count(row.loan_from), count(row.tag_id), heard)
    counted = {kind: _Counts(dict.fromkeys(STATES, 0), 0, 0) for kind in KINDS}
    for kind, all_, lent, out, fitted, heard_24h in conn.execute(by_kind.group_by(row.kind)):
        in_state = dict.fromkeys(STATES, 0) | {"on_loan": out, "prescribed": lent - out, "available": all_ - lent}
        counted[kind] = _Counts(in_state, fitted, heard_24h)
    # Few: to sort all assets by state would take longer than to judge them.
    others = sa.select(asset.c.kind, asset.c.state, count()).where(asset.c.state.not_in(_LENT_OR_READY))
    for kind, state, many in conn.execute(others.group_by("kind", "state")):
        counted[kind].in_state[state] = many
        counted[kind].in_state["available"] -= many
    return counted


def _lines(kind: str, counts: _Counts, now_s: int, seq: int) -> list[bytes]:
    return [
        *(lines.assets_line(kind, state, counts.in_state[state], now_s, seq) for state in STATES),
        lines.fleet_line(kind, counts.fitted, counts.heard_24h, now_s, seq),
    ]
