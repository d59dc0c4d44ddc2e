"""Moves lines from the outbox to a sink: each is written or set aside, whatever fails on the way.

An outbox row is done only after the sink has answered. Whatever stops the drain between the two, the next run writes
the same lines again, which changes nothing: a point is its series and its time.

For each sink, lines enqueued = written + rejected + pending.
"""

import hashlib
import logging
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Protocol

import sqlalchemy as sa

from kitback.clock import Clock, now_s
from kitback.history.influx import Busy, Refused, Shut, TooLarge
from kitback.register import Register, outbox
from kitback.register.tables import quarantine
from kitback.register.upsert import insert

MAX_LINES: Final = 5_000
MAX_BYTES: Final = 1 << 20
"""A batch stops growing before either; a row that is larger is a batch of its own."""

REASON: Final = "history"
"""The reason under which lines that no sink will take are kept in quarantine."""

_ROWS: Final = 100
_IDLE_S: Final = 1.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_LONGEST_OBEYED_S: Final = 600.0

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where lines go."""

    @property
    def name(self) -> str:
        """What the register calls it."""
        ...

    def write(self, lines: bytes) -> None:
        """Write lines; raises a kind of `NotWritten` if they were not all written."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What one batch came to."""

    written: int
    rejected: int
    wait_s: float
    """How long to wait before the next run."""
    trouble: str | None = None
    """Why nothing was written, if the sink would not take it."""


class Drain:
    """Drains the outbox of a register into one sink; one thread's business."""

    def __init__(self, register: Register, clock: Clock, sink: Sink) -> None:
        self._register = register
        self._clock = clock
        self._sink = sink
        self._failures = 0
        self._trouble: str | None = None

    def run_once(self) -> Progress:
        """Write one batch of what is pending.

        Raises:
            RegisterError: the register failed; the batch stays pending.
        """
        with self._register.read() as conn:
            rows = _batch(outbox.pending(conn, self._sink.name, _ROWS))
        if not rows:
            return Progress(0, 0, _IDLE_S)
        try:
            refused = self._write(b"".join(row.lines for row in rows))
        except (Busy, Shut) as trouble:
            return self._hold_back(trouble)
        written = sum(row.count for row in rows) - len(refused)
        with self._register.write() as conn:
            for line, words in refused:
                _set_aside(conn, line, words, now_s(self._clock))
            outbox.advance(conn, self._sink.name, rows[-1].outbox_id, written, len(refused))
        self._recovered(len(refused))
        return Progress(written, len(refused), 0.0)

    def _write(self, lines: bytes) -> list[tuple[bytes, str]]:
        """Write lines, in smaller and smaller pieces where the sink refuses them; returns those it will never take."""
        try:
            self._sink.write(lines)
        except (TooLarge, Refused) as refusal:
            middle = _middle(lines)
            if middle == len(lines):
                return [(lines, str(refusal))]
            return self._write(lines[:middle]) + self._write(lines[middle:])
        return []

    def _hold_back(self, trouble: Busy | Shut) -> Progress:
        wait_s = min(_FIRST_WAIT_S * 2**self._failures, _LONGEST_WAIT_S)
        if isinstance(trouble, Busy) and trouble.retry_after_s is not None:
            wait_s = min(max(wait_s, trouble.retry_after_s), _LONGEST_OBEYED_S)
        self._failures = min(self._failures + 1, 10)
        words = str(trouble)
        if words != self._trouble:
            self._trouble = words
            log.log(logging.ERROR if isinstance(trouble, Shut) else logging.WARNING, "history waits: %s", words)
            with self._register.write() as conn:
                outbox.note_trouble(conn, self._sink.name, words)
        return Progress(0, 0, wait_s, words)

    def _recovered(self, rejected: int) -> None:
        if self._trouble is not None:
            log.info("history is written again to %s", self._sink.name)
        if rejected:
            log.error("%s refused %d history lines; see `kitback quarantine list`", self._sink.name, rejected)
        self._failures, self._trouble = 0, None


def _batch(rows: list[outbox.Row]) -> list[outbox.Row]:
    lines = size = 0

    def fits(row: outbox.Row) -> bool:
        nonlocal lines, size
        lines, size = lines + row.count, size + len(row.lines)
        return lines <= MAX_LINES and size <= MAX_BYTES

    return list(takewhile(fits, rows)) or rows[:1]


def _middle(lines: bytes) -> int:
    """Where to cut lines in two, near the middle; the length of the whole if it is one line."""
    return lines.rfind(b"\n", 0, len(lines) // 2) + 1 or lines.index(b"\n") + 1


def _set_aside(conn: sa.Connection, line: bytes, words: str, at: int) -> None:
    new = insert(conn, quarantine).values(
        first_at=at,
        last_at=at,
        times=1,
        tag_id="",
        journal="",
        seq=0,
        digest=hashlib.sha256(line).hexdigest(),
        reason=REASON,
        detail=words,
        payload=line,
    )
    key = [quarantine.c.tag_id, quarantine.c.journal, quarantine.c.seq, quarantine.c.digest]
    again = {"last_at": at, "times": quarantine.c.times + 1, "detail": words}
    conn.execute(new.on_conflict_do_update(index_elements=key, set_=again))
