"""Drives sessions: gathers what has arrived on any, has it taken in, and only then acknowledges and answers.

One thread drives it all, and a message is acknowledged on the connection it came on, so nothing can be acknowledged
behind the back of a reconnect.
"""

import logging
import math
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from kitback.intake.connection import Connection
from kitback.intake.intake import Intake, Message
from kitback.intake.sessions import BATCH, WINDOW, Session
from kitback.register import RegisterError
from kitback.register.leases import LeaseLost, Leases
from kitback.register.listening import Trouble

log = logging.getLogger(__name__)

_GATHER: Final = 0.020
"""Seconds a batch may gather for. Brokers hand out a few messages at a time (Mosquitto: 20 with MQTT 3.1.1), so it may
never fill."""
_QUIET: Final = 0.002
"""Seconds without a message that end the gathering sooner."""
_IDLE: Final = 0.2
"""Seconds between looks at whether to stop, and at sessions that have no broker."""
_SIGN_OF_LIFE: Final = 60.0
_SHARES: Final = 5
"""How often leases are renewed while they last."""
_UNHEARD: Final = 30.0
"""Seconds without a broker after which other gateways are let have its sessions: they may reach it."""
_ASIDE: Final = 300.0
"""Seconds after which a gateway that let others have them asks for its share again."""
_MUCH: Final = 1 << 20
"""Bytes that a broker may leave unread before nothing more is taken in."""
_FIRST_WAIT: Final = 0.1
_PATIENCE: Final = 5.0
"""The longest wait in seconds before a database that failed is tried again."""


class Worker:
    """One thread's worth of sessions."""

    def __init__(self, intake: Intake, sessions: Iterable[Session], leases: Leases) -> None:
        """Prepare the worker; `run` connects its share of the sessions.

        Args:
            leases: say which of the sessions are ours; with one gateway, all are.
        """
        self._intake = intake
        self._leases = leases
        self._all = {session.client_id: session for session in sessions}
        self._sessions: deque[Session] = deque()
        self._share_at = self._held_until = 0.0
        self._heard_at = -math.inf
        self._stands_by = False
        self._gathering_since = 0.0
        self._quiet = True
        self._retry_at = 0.0
        self._wait = _FIRST_WAIT
        self._failing_since: float | None = None
        self._noted_at = 0.0
        self._away_at = math.inf
        self.joined = threading.Event()
        """Set while all sessions that are ours are joined, and the register knows it."""

    def share(self) -> None:
        """Find out which sessions are ours now; `run` does so by itself.

        Raises:
            RegisterError: the database failed.
        """
        asked = time.monotonic()
        held = self._leases.share(self._all.keys(), deaf=self._is_deaf(asked))
        self._held_until = asked + self._leases.seconds
        self._share_at = asked + self._leases.seconds / _SHARES
        if not held and not self._stands_by:
            log.warning("no session is left for this gateway: others hold them; it stands by until one is free")
        self._stands_by = not held
        before = {session.client_id for session in self._sessions}
        self._keep([session for session in self._sessions if session.client_id in held])
        if held != before:
            self.joined.clear()  # until it is noted which sessions are heard now
        if new := held - before:
            self._intake.away(new)  # nobody hears those tags until they are joined
            self._sessions.extend(self._all[name] for name in sorted(new))

    def _is_deaf(self, now: float) -> bool:
        """Whether no session was joined for so long that others should try; now and then it is our turn again."""
        unheard = now - self._heard_at
        none_to_hear = not self._sessions and unheard <= _UNHEARD
        if none_to_hear or unheard > _UNHEARD + _ASIDE or any(session.joined for session in self._sessions):
            self._heard_at = now
        return now - self._heard_at > _UNHEARD

    def run(self, stopping: threading.Event) -> None:
        """Take in what comes until `stopping` is set, whatever happens to broker and database."""
        try:
            while not stopping.is_set():
                self._renew()
                self._tend()
                self._note_listening()
                self._gather(stopping)
                if self._is_time():
                    self._take()
        finally:
            self.joined.clear()
            self._keep(())

    def _tend(self) -> None:
        """Keep alive what is connected; connect one at most, for that may take seconds, which all others wait."""
        for session in self._sessions:
            session.tend()
        away = [session for session in self._sessions if session.connection is None]
        longest = min(away, key=lambda session: session.retry_at, default=None)
        if longest and time.monotonic() >= longest.retry_at:
            longest.connect()

    def _renew(self) -> None:
        now = time.monotonic()
        if now < self._share_at:
            return
        try:
            self.share()
        except RegisterError as error:
            log.error("%s; leases are not renewed", error)
            self._share_at = time.monotonic() + self._leases.seconds / _SHARES
            if time.monotonic() > self._held_until:
                # Somebody else may have them: two who want a session would take it from each other for ever.
                self._keep(())

    def _keep(self, sessions: Collection[Session]) -> None:
        """Leave all other sessions."""
        for session in self._sessions:
            if session not in sessions:
                session.leave()
        self._sessions = deque(sessions)

    def _gather(self, stopping: threading.Event) -> None:
        """Wait until something comes on any session, and read it."""
        before = self._pending()
        connected = {each.fileno(): (session, each) for session, each in self._connected()}
        if connected:
            self._poll(connected)
        else:
            stopping.wait(_IDLE)
        self._quiet = self._pending() == before
        if not before:
            self._gathering_since = time.monotonic()

    def _poll(self, connected: Mapping[int, tuple[Session, Connection]]) -> None:
        poll = select.poll()
        for number, (_, connection) in connected.items():
            poll.register(number, _wanted(connection))
        for number, event in poll.poll(self._patience() * 1000):
            session, connection = connected[number]
            if event & select.POLLOUT:
                connection.flush()
            if event & ~select.POLLOUT:
                connection.receive()
            session.read()

    def _connected(self) -> Iterator[tuple[Session, Connection]]:
        for session in self._sessions:
            if connection := session.connection:
                yield session, connection

    def _pending(self) -> int:
        return sum(len(connection.messages) for _, connection in self._connected())

    def _may_take(self) -> bool:
        """Whether something is there, the database did not just fail, and the brokers have read what we sent."""
        read = all(connection.unsent < _MUCH for _, connection in self._connected())
        return self._pending() > 0 and time.monotonic() >= self._retry_at and read

    def _patience(self) -> float:
        """How long to wait for more, seconds."""
        return _QUIET if self._may_take() else _IDLE

    def _is_time(self) -> bool:
        """Whether what is there should not wait for more."""
        late = time.monotonic() - self._gathering_since > _GATHER
        return self._may_take() and (self._quiet or late or self._pending() >= BATCH)

    def _take(self) -> None:
        """Take in a batch; acknowledge and answer after the transaction, never before."""
        parts: list[tuple[Session, Connection, int]] = []
        room = BATCH
        for session, connection in self._connected():
            if count := min(len(connection.messages), room):
                parts.append((session, connection, count))
                room -= count
        self._sessions.rotate()  # none may fill every batch
        messages = [message for _, connection, count in parts for message in connection.messages[:count]]
        answers: list[Message] = []
        if not self._insist(lambda: answers.extend(self._intake.take(messages))):
            self._failing_since = self._failing_since or time.monotonic()
            return
        self._failing_since = None
        for _, connection, count in parts:
            connection.acknowledge(count)
        for connection in [each for _, each, _ in parts if each.lost is None][:1]:
            connection.publish(answers)
        for _, connection, _ in parts:
            connection.flush()
        self._gathering_since = time.monotonic()

    def _note_listening(self) -> None:
        """Let the register know whether our tags are heard."""
        now, noted = time.monotonic(), self.joined.is_set()
        ours = [session.client_id for session in self._sessions]
        if not self._sessions:
            self._away_at = math.inf  # whoever has them says so
            self.joined.set()
        elif not self._hears(now):
            self.joined.clear()  # and `connected` must come again, whether or not this can be noted
            why: Trouble = "intake" if all(session.joined for session in self._sessions) else "broker"
            self._away_at = now if noted else self._away_at
            if now >= self._away_at:
                self._away_at = math.inf if self._insist(lambda: self._intake.away(ours, why)) else now + _PATIENCE
        elif now < self._retry_at or self._failing_since or (noted and now < self._noted_at + _SIGN_OF_LIFE):
            pass
        elif self._insist(self._intake.still if noted else lambda: self._intake.connected(ours)):
            self._noted_at = now
            self._away_at = math.inf
            self.joined.set()

    def _hears(self, now: float) -> bool:
        """Whether what the tags say arrives, and can be taken in; that may fail for a while."""
        if not self._pending():
            self._failing_since = None
        failing = self._failing_since is not None and now - self._failing_since > _SIGN_OF_LIFE
        return not failing and all(session.joined for session in self._sessions)

    def _insist(self, work: Callable[[], object]) -> bool:
        """Do what needs the database; False when it failed, and nothing is to be done with it for a while."""
        try:
            work()
        except LeaseLost as error:
            log.warning("%s; it is left to that one", error)
            self._share_at = 0.0
            return False
        except RegisterError as error:
            log.error("%s; nothing is acknowledged, next try in %.1f s", error, self._wait)
            self._retry_at = time.monotonic() + self._wait
            self._wait = min(self._wait * 2, _PATIENCE)
            return False
        self._wait = _FIRST_WAIT
        return True


def _wanted(connection: Connection) -> int:
    """What to wait for: nothing more comes in while more than a window is pending, which no broker's messages are that
    wait for us to acknowledge; the answers that keep the connection alive are read."""
    reading = select.POLLIN if len(connection.messages) <= WINDOW else 0
    return reading | (select.POLLOUT if connection.unsent else 0)
