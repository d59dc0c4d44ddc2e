"""Deletes from InfluxDB what was erased from the register, once the outbox has none of it, and sees that it is gone."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from kitback.clock import Clock, now_s
from kitback.history.influx import NotWritten
from kitback.register import Register, erasure
from kitback.register.erasure import Series

_EVERY_S: Final = 60
_AT_ONCE: Final = 50
"""Each is asked for twice over the network; what is to be written waits meanwhile."""

log = logging.getLogger(__name__)


class Store(Protocol):
    """Where points can be deleted."""

    @property
    def name(self) -> str:
        """What the register calls it."""
        ...

    def delete(self, measurement: str | None, tag: tuple[str, str], from_s: int, to_s: int) -> int:
        """Delete all points with a tag of a time, of one measurement or of all; returns how many are left."""
        ...


class Eraser:
    """Takes what is erased out of the history; the business of the thread that drains, between two batches.

    So no batch that was read before is written after.
    """

    def __init__(self, register: Register, clock: Clock, store: Store) -> None:
        self._register = register
        self._clock = clock
        self._store = store
        self._again_s = 0
        self._said: str | None = None

    def run_once(self) -> None:
        """Delete some of what is pending; what fails is said once, and tried again a minute later.

        Raises:
            RegisterError: the register failed.
        """
        now = now_s(self._clock)
        if now < self._again_s:
            return
        with self._register.read() as conn:
            series = erasure.pending(conn, _AT_ONCE)
        gone = list(self._gone(series))
        if gone:
            with self._register.write() as conn:
                erasure.done(conn, gone, now)
        if len(gone) < _AT_ONCE:
            self._again_s = now + _EVERY_S

    def _gone(self, series: Iterable[Series]) -> Iterator[int]:
        """Which of them the history has none of any more, as far as it answers."""
        try:
            for each in series:
                if self._is_gone(each):
                    yield each.erasure_id
        except NotWritten as trouble:
            if str(trouble) != self._said:
                log.error("what was erased is still in %s: %s", self._store.name, trouble)
            self._said = str(trouble)
        else:
            self._said = None

    def _is_gone(self, series: Series) -> bool:
        if series.tag_id is not None:
            left = self._store.delete(None, ("tag", series.tag_id), series.from_s, series.to_s)
        else:
            left = self._store.delete("flag", ("asset", series.asset_id or ""), series.from_s, series.to_s)
        if left:
            log.error("%s holds %d points that were to be erased: it is asked again", self._store.name, left)
        return not left
