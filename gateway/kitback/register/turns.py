"""One writer at a time, in the order in which they came.

SQLite lets in whoever asks at the right moment. A thread that writes batch after batch asks again at once, while the
others sleep between their tries: without a queue they would wait for seconds.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final


class TooLong(Exception):
    """The turn of who waited did not come."""


class Turns:
    """A queue of threads."""

    def __init__(self, wait_s: float) -> None:
        """Let nobody wait for longer than `wait_s` seconds."""
        self._wait_s: Final = wait_s
        self._guard = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()
        """One for each who waits, which is let go of when it is its turn."""

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for one's turn, and hold it.

        Raises:
            TooLong: it did not come.
        """
        self._wait()
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            place = Lock()
            place.acquire()
            self._waiting.append(place)
        if place.acquire(timeout=self._wait_s):
            return
        with self._guard:
            if place in self._waiting:  # otherwise it has come just now
                self._waiting.remove(place)
                raise TooLong

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
