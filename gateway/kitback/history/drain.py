"""Moves lines from the outbox to a sink: each is written or set aside, whatever fails on the way.

An outbox row is done only after the sink has answered. Whatever stops the drain between the two, the next run writes
the same lines again, which changes nothing: a point is its series and its time. One batch is under way at a time, so
what was made first is written first.

For each sink, lines enqueued = written + rejected + missed + pending.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kitback.clock import Clock, now_s
from kitback.history import set_aside
from kitback.history.influx import Busy, Refused, Shut, TooLarge
from kitback.register import Register, outbox

MAX_LINES: Final = 10_000
MAX_BYTES: Final = 2 << 20
"""A batch stops growing before either; a row that is larger is a batch of its own."""

_ENOUGH_LINES: Final = MAX_LINES // 2
"""A batch of so many is followed by the next at once; after a smaller one more may gather."""
_GATHER_S: Final = 0.25
"""Each batch costs a request and a small write to the register, whose only writer should be the intake."""
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_LONGEST_OBEYED_S: Final = 600.0

_MEASUREMENT: Final = re.compile(rb"[, ]")

_Aside = list[tuple[bytes, str]]
"""Lines that will never be taken, and why."""

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

    @property
    def done(self) -> bool:
        """Whether there was nothing to write, or nothing would be taken."""
        return self.written == self.rejected == 0


class Drain:
    """Drains the outbox of a register into one sink; one thread's business."""

    def __init__(self, register: Register, clock: Clock, sink: Sink) -> None:
        self._register = register
        self._clock = clock
        self._sink = sink
        self._is_known = False
        self._max_bytes = MAX_BYTES
        self._failures = 0
        self._trouble: str | None = None

    def run_once(self) -> Progress:
        """Write one batch of what is pending.

        Raises:
            RegisterError: the register failed; the batch stays pending.
        """
        if not self._is_known:
            with self._register.write() as conn:
                outbox.add_sink(conn, self._sink.name)
            self._is_known = True
        with self._register.read() as conn:
            rows = outbox.pending(conn, self._sink.name, MAX_LINES, self._max_bytes)
        if not rows:
            return Progress(0, 0, _GATHER_S)
        try:
            aside = self._write(b"".join(row.lines for row in rows))
        except (Busy, Shut) as trouble:
            return self._hold_back(trouble)
        count = sum(row.count for row in rows)
        with self._register.write() as conn:
            if not outbox.advance(conn, self._sink.name, rows, count - len(aside), len(aside)):
                # Another gateway has taken over while this one waited for the sink, and written the same.
                self._recovered(0)
                return Progress(0, 0, _GATHER_S)
            set_aside.keep(conn, aside, now_s(self._clock))
        self._recovered(len(aside))
        is_large = count >= _ENOUGH_LINES or sum(len(row.lines) for row in rows) >= self._max_bytes // 2
        return Progress(count - len(aside), len(aside), 0.0 if is_large else _GATHER_S)

    def _write(self, lines: bytes, *, believing: bool = True) -> _Aside:
        """Write lines, in parts where the sink refuses them; returns those it will never take.

        What a refusal names is asked about once more by itself, since servers have been known to miscount: if it is
        refused again it is set aside. If the rest is refused as well, lines are found by halving, without their names.
        """
        try:
            self._sink.write(lines)
        except TooLarge as refusal:
            if lines.count(b"\n") == 1:
                return [(lines, str(refusal))]
            self._max_bytes = min(self._max_bytes, len(lines) // 2)
            return self._write_each(_halves(lines))
        except Refused as refusal:
            each = _split(lines)
            named = {position: words for position, words in refusal.named.items() if 0 <= position < len(each)}
            if len(each) in (1, len(named), refusal.count):
                return [(line, named.get(position, str(refusal))) for position, line in enumerate(each)]
            if named and believing:
                suspects, rest = _apart(each, named)
                return self._write(suspects) + self._write(rest, believing=False)
            return self._write_each(_by_measurement(each) or _halves(lines))
        return []

    def _write_each(self, parts: Sequence[bytes]) -> _Aside:
        return [line for part in parts for line in self._write(part, believing=False)]

    def _hold_back(self, trouble: Busy | Shut) -> Progress:
        wait_s = min(_FIRST_WAIT_S * 2**self._failures, _LONGEST_WAIT_S)
        if isinstance(trouble, Busy) and trouble.retry_after_s is not None:
            wait_s = min(max(wait_s, trouble.retry_after_s), _LONGEST_OBEYED_S)
        self._failures = min(self._failures + 1, 10)
        words = str(trouble)
        if words != self._trouble:
            level = logging.ERROR if isinstance(trouble, Shut) else logging.WARNING
            log.log(level, "history waits: %s", words, extra={"sink": self._sink.name})
            self._trouble = words
        # Each time, known or not: a gateway with another configuration may meanwhile have told the outbox not to wait.
        with self._register.write() as conn:
            outbox.note_trouble(conn, self._sink.name, words)
        return Progress(0, 0, wait_s, words)

    def _recovered(self, rejected: int) -> None:
        if self._trouble is not None:
            log.info("history is written again to %s", self._sink.name, extra={"sink": self._sink.name})
        if rejected:
            log.error(
                "%s refused %d history lines; see `kitback quarantine list`",
                self._sink.name,
                rejected,
                extra={"sink": self._sink.name},
            )
        self._failures, self._trouble = 0, None


def _split(lines: bytes) -> list[bytes]:
    """Line by line; only a newline ends one, whatever else a text may hold."""
    return [line + b"\n" for line in lines.split(b"\n")[:-1]]


def _halves(lines: bytes) -> tuple[bytes, bytes]:
    """Two parts of more than one line, cut near the middle."""
    middle = lines.rfind(b"\n", 0, len(lines) // 2) + 1 or lines.index(b"\n") + 1
    return lines[:middle], lines[middle:]


def _by_measurement(lines: Sequence[bytes]) -> list[bytes]:
    """A part for each measurement, in order; none if there is only one. Types conflict in a whole measurement."""
    parts: dict[bytes, list[bytes]] = {}
    for line in lines:
        parts.setdefault(_MEASUREMENT.split(line, 1)[0], []).append(line)
    return [b"".join(part) for part in parts.values()] if len(parts) > 1 else []


def _apart(lines: Sequence[bytes], named: dict[int, str]) -> tuple[bytes, bytes]:
    """The lines that were named, and the rest, both in order."""
    rest = b"".join(line for position, line in enumerate(lines) if position not in named)
    return b"".join(lines[position] for position in sorted(named)), rest
