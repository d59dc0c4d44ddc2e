"""Gives InfluxDB 1.6 the write path of its successors: of each request only the first line is rewritten.

For the bench, in front of a server without authentication. Everything after the first line is passed on as it is.
"""

import contextlib
import multiprocessing
import re
import socket
import threading
from urllib.parse import parse_qs, urlencode

_WRITE = re.compile(rb"POST /api/v2/write\?(\S+) HTTP/1.1\r\n")
_SIZE = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_PRECISION = {"ns": "n", "us": "u"}


class Front:
    """The front as a process of its own, on a port that it keeps while it is away."""

    def __init__(self, to: int, port: int) -> None:
        self._to, self.port = to, port
        self._process: multiprocessing.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self._process = multiprocessing.Process(target=_serve, args=(listener, self._to), daemon=True)
        self._process.start()
        listener.close()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.join()
            self._process = None


def _serve(listener: socket.socket, to: int) -> None:
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", to))
        threading.Thread(target=_ask, args=(client, server), daemon=True).start()
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()


def _ask(client: socket.socket, server: socket.socket) -> None:
    """Pass requests on until the client goes."""
    held = bytearray()
    with contextlib.suppress(OSError):
        while said := client.recv(1 << 18):
            held += said
            while (end := held.find(b"\r\n\r\n") + 4) >= 4:
                size = _SIZE.search(held, 0, end)
                whole = end + (int(size[1]) if size else 0)
                if len(held) < whole:
                    break
                server.sendall(_WRITE.sub(_older, bytes(held[:whole]), count=1))
                del held[:whole]
    server.close()


def _older(found: re.Match[bytes]) -> bytes:
    asked = {name: values[0] for name, values in parse_qs(found[1].decode()).items()}
    precision = asked.get("precision", "ns")
    query = urlencode({"db": asked["bucket"], "precision": _PRECISION.get(precision, precision)})
    return f"POST /write?{query} HTTP/1.1\r\n".encode()


def _pass_on(server: socket.socket, client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while said := server.recv(1 << 16):
            client.sendall(said)
    client.close()
