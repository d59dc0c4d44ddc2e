"""Keeps history lines that a sink will never take, with its words, in quarantine."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from kitback.register.tables import quarantine
from kitback.register.upsert import insert

REASON: Final = "history"
"""The reason under which they are kept."""
KEPT: Final = 10_000
"""Lines kept; more are only counted, as rejected. A bucket that refuses everything must not fill the disk."""

log = logging.getLogger(__name__)


def keep(conn: sa.Connection, lines: Sequence[tuple[bytes, str]], at: int) -> None:
    """Keep lines, each with the reason why it was refused; a line that is there already is only counted once more."""
    if not lines:
        return
    kept = conn.scalar(sa.select(sa.func.count()).where(quarantine.c.reason == REASON)) or 0
    room = lines[: max(KEPT - kept, 0)]
    if len(room) < len(lines):
        log.error("%d refused history lines are counted but not kept: %d are in quarantine already", len(lines), kept)
    if not room:
        return
    new = insert(conn, quarantine)
    again = {"last_at": at, "times": quarantine.c.times + 1, "detail": new.excluded.detail}
    key = [quarantine.c.tag_id, quarantine.c.journal, quarantine.c.seq, quarantine.c.digest]
    conn.execute(
        new.on_conflict_do_update(index_elements=key, set_=again),
        [
            {
                "first_at": at,
                "last_at": at,
                "times": 1,
                "tag_id": "",
                "journal": "",
                "seq": 0,
                "digest": hashlib.sha256(line).hexdigest(),
                "reason": REASON,
                "detail": words,
                "payload": line,
            }
            for line, words in room
        ],
    )
