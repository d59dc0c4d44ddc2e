"""`/healthz`: whether the gateway does what it is for, from what the register knows. Names no address and no tag."""

from collections.abc import Mapping
from typing import Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect import stale_feeds
from kitback.history.upkeep import WARN_PCT
from kitback.policy import Policy
from kitback.register import listening, outbox

_SILENT_S: Final = 180
"""Seconds without a sign that make a part suspect; both the intake and the upkeep give one each minute."""


_UNHEARD: Final[Mapping[listening.Trouble | None, str]] = {
    "broker": "the gateway is not joined to its broker; its log says why",
    "intake": "the gateway hears its tags but cannot take in what they say, nor acknowledge it; its log says why",
    None: "the gateway gives no sign that it listens; does it run?",
}
"""Why tags are not heard, in words."""


class Health(Struct, frozen=True):
    """How the gateway does. `warning`: all is taken in, but somebody should look. `failing`: it is not."""

    status: Literal["ok", "warning", "failing"]
    broker_joined: bool
    register_writable: bool
    history_pending: int
    """Lines that the slowest configured InfluxDB has not had yet."""
    history_trouble: bool
    outbox_full_pct: int
    stale_feeds: list[str]
    """The provider's feeds that have told nothing for too long: no loan of theirs is called overdue meanwhile."""
    problems: list[str]
    """In words; empty when all is well."""


def health(conn: sa.Connection, policy: Policy, now_s: int) -> Health:
    """How the gateway does now."""
    heard, house = listening.heard(conn), listening.house_kept(conn)
    trouble = listening.trouble(conn)
    gives_signs = listening.since(conn, now_s) is not None and heard is not None and now_s - heard <= _SILENT_S
    writable = house is not None and now_s - house <= _SILENT_S
    sinks = [each for each in outbox.standings(conn) if each.configured]
    refused = any(each.trouble for each in sinks)
    room = outbox.room(conn)
    full = room.full_pct >= 100
    failing = [
        *([_UNHEARD[trouble]] if trouble or not gives_signs else []),
        *([f"nothing was written to the register for {_SILENT_S} s; the log says why"] if not writable else []),
        *(["history that waits for InfluxDB fills its room: the intake has stopped"] if full else []),
    ]
    warnings = [
        *(["InfluxDB takes no history; `kitback history status` says why"] if refused else []),
        *(
            [f"history that waits for InfluxDB fills {room.full_pct} % of its room; at 100 % the intake stops"]
            if not full and room.full_pct >= WARN_PCT
            else []
        ),
    ]
    stale = stale_feeds(conn, policy, now_s)
    warnings += [f"the provider's feed {each.source} is stale; `kitback feed status` says since when" for each in stale]
    return Health(
        status="failing" if failing else "warning" if warnings else "ok",
        broker_joined=trouble != "broker" and (trouble is not None or gives_signs),
        register_writable=writable,
        history_pending=max((each.pending for each in sinks), default=0),
        history_trouble=refused,
        outbox_full_pct=room.full_pct,
        stale_feeds=[each.source for each in stale],
        problems=failing + warnings,
    )
