"""One writer at a time, in turn: who has just written does not go before who waits.

SQLite lets in whoever asks at the right moment. A thread that writes batch after batch asks again at once, while the
others sleep between their tries: without turns they would wait for seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final


class TooLong(Exception):
    """Another thread has not let go of its turn."""


class Turns:
    """Of the threads of one process."""

    def __init__(self, wait_s: float) -> None:
        """Make it that nobody waits for longer than `wait_s` seconds until it is next, and then until it may write."""
        self._wait_s: Final = wait_s
        self._next, self._writing = Lock(), Lock()

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for one's turn, and hold it.

        Raises:
            TooLong: somebody else would not let go of it.
        """
        self._wait_for(self._next)
        try:
            self._wait_for(self._writing)
        finally:
            self._next.release()
        try:
            yield
        finally:
            self._writing.release()

    def _wait_for(self, lock: Lock) -> None:
        if not lock.acquire(timeout=self._wait_s):
            raise TooLong
