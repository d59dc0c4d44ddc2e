"""A name server that gives every host the same address."""

import socket
import threading


class NameServer:
    """Listens on a free port of this machine. It is deaf for the first few questions."""

    def __init__(self, address: str, deaf_for: int = 0) -> None:
        self._address = socket.inet_aton(address)
        self._deaf_for = deaf_for
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, asker = self._socket.recvfrom(512)
            if not query:
                return
            if self._deaf_for:
                self._deaf_for -= 1
                continue
            record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + self._address
            self._socket.sendto(query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + query[12:] + record, asker)
