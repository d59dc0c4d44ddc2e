"""Keeps one story time for many virtual tags and the gateway they talk to.

Between two reports a tag runs as fast as the machine lets it. When it wants the network it has to wait its turn: the
conductor lets one tag at a time on, in the order of story time, and then sets the gateway's clock to that tag's time
and lets it run. So the gateway sees all reports in order and at the right time, whatever the machine's speed.

They speak lines over a loopback socket. Times are true Unix microseconds.

    tag        hello <tag_id> <t>   it is (again) at t
               at <t>               progress
               want <t>             it wants the network at t, and waits
               free <t>             its session is over
               bye <t>              its story is over
    conductor  go <t>               its session begins, perhaps later than wanted
               on                   after `free`: its story goes on
               over                 after `free`: that was all the story needs of it
"""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final, Self, cast

from kitback.virtual.story_clock import StoryClock

_POLL_S: Final = 0.02  # how long `__exit__` may have to wait


@dataclass
class _Tag:
    known: int
    """It will want nothing before this time."""
    asker: BinaryIO | None = None
    """Where its `want` came from, while it waits."""


@dataclass(frozen=True)
class Progress:
    """How far a story has come."""

    now_us: int
    """Story time that every tag has reached."""
    sessions: int
    """Network sessions there have been."""
    live: int
    """Tags whose story is not over."""


def _never(_tag_id: str, _at_us: int) -> bool:
    return False


class Conductor:
    """Conducts the named tags over one gateway's clock. A context manager: tags can connect inside it.

    Args:
        has_told_all: asked after each session of a tag, with the time: whether its story may end here already.
    """

    def __init__(
        self, clock: StoryClock, tag_ids: Iterable[str], has_told_all: Callable[[str, int], bool] = _never
    ) -> None:
        self._clock = clock
        self._has_told_all = has_told_all
        start = clock.now_us()
        self._tags = {tag_id: _Tag(start) for tag_id in tag_ids}
        self._on_network: str | None = None
        self._sessions = 0
        self._held = False
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Line)
        self._server.conductor = self

    @property
    def port(self) -> int:
        """Loopback port for the tags."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="conductor", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def hold(self) -> None:
        """Let no further session begin; one that is on goes on."""
        with self._changed:
            self._held = True

    def release(self) -> None:
        """Undo `hold`."""
        with self._changed:
            self._held = False
            self._grant()

    def progress(self) -> Progress:
        with self._changed:
            earliest = min((tag.known for tag in self._tags.values()), default=self._clock.now_us())
            return Progress(earliest, self._sessions, len(self._tags))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every tag's story is over. Returns whether that came to pass within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._tags, timeout)

    def wait_for_session(self, number: int, timeout: float | None = None) -> bool:
        """Wait until the session of that number, counted from 1, has begun."""
        with self._changed:
            return self._changed.wait_for(lambda: self._sessions >= number, timeout)

    # --- what tags say, each under the lock ---

    def heard(self, tag_id: str, word: str, at: int, line: BinaryIO) -> None:
        """A tag said something."""
        with self._changed:
            tag = self._tags.get(tag_id)
            if tag is None:
                return
            tag.known = max(tag.known, at)
            if word == "want":
                tag.asker = line
            elif word in ("hello", "free", "bye"):
                tag.asker = None
                if self._on_network == tag_id:
                    self._on_network = None
                    self._clock.freeze()
            if word == "free":
                line.write(b"over\n" if self._has_told_all(tag_id, at) else b"on\n")
            if word == "bye":
                del self._tags[tag_id]
            self._grant()
            self._changed.notify_all()

    def _grant(self) -> None:
        """Begin the next session, if it is certain which tag comes next."""
        if self._on_network is not None or self._held or not self._tags:
            return
        tag_id, tag = min(self._tags.items(), key=lambda item: (item[1].known, item[1].asker is None, item[0]))
        if tag.asker is None:
            return
        self._on_network = tag_id
        self._sessions += 1
        self._clock.jump_to(tag.known)
        tag.known = self._clock.now_us()
        self._clock.run()
        line, tag.asker = tag.asker, None
        line.write(b"go %d\n" % tag.known)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    conductor: Conductor


class _Line(socketserver.StreamRequestHandler):
    """One tag's line. When it breaks the tag is expected back: it restarts now and then."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        conductor = cast(_Server, self.server).conductor
        tag_id = ""
        for line in self.rfile:
            word, *rest = line.decode().split()
            if word == "hello":
                tag_id = rest[0]
            conductor.heard(tag_id, word, int(rest[-1]), cast(BinaryIO, self.wfile))


def say_bye(port: int, tag_id: str, at_us: int) -> None:
    """Tell the conductor on this port that nothing more comes from a tag whose process is gone."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(f"hello {tag_id} {at_us}\nbye {at_us}\n".encode())
