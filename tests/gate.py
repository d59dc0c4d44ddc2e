"""A gate in front of a server: the first connections go as a test wants, all later ones through to the server."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable

Guard = Callable[[socket.socket], None]
"""Serves one connection of the tag until either side has had enough."""


class Gate:
    """Listens on a port of this machine, any free one if it is 0. `let_in` counts the connections that went through."""

    def __init__(self, server_port: int, *guards: Guard, port: int = 0) -> None:
        self.let_in = 0
        self._server_port = server_port
        self._guards = list(guards)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        if self._guards:
            guard = self._guards.pop(0)
        else:
            self.let_in += 1
            guard = through(self._server_port)
        with connection, contextlib.suppress(OSError):
            guard(connection)


def through(port: int, stop_at: Callable[[bytes], bool] = lambda _: False) -> Guard:
    """To a server on this machine; until the tag says something to stop at, after which there is only silence."""

    def guard(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as server:
            other = {connection: server, server: connection}
            while True:
                for side in select.select([*other], [], [])[0]:
                    said = side.recv(65536)
                    if not said:
                        return
                    if side is connection and stop_at(said):
                        silent(connection)
                        return
                    other[side].sendall(said)

    return guard


def silent(connection: socket.socket) -> None:
    """Takes everything and says nothing."""
    while connection.recv(65536):
        pass


def hangs_up(connection: socket.socket) -> None:
    """Closes after the first thing that is said."""
    connection.recv(65536)


def babbles(connection: socket.socket) -> None:
    """Lets the tag in, and from then on talks without a pause: MQTT messages that are not for it."""
    connection.recv(65536)
    connection.sendall(b"\x20\x02\x00\x00")
    while True:
        connection.sendall(b"\x30\x04\x00\x01x." * 1000)
