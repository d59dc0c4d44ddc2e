"""A socket as umqtt.simple should have had it; put in place of the `socket` in its module.

umqtt writes a packet in pieces, which costs a delayed ACK (40 ms and more) each time: here they leave in one. It waits
without end and trusts what it reads: here everything ends by the deadline, reads are whole or raise, and what there is
no room for is thrown away. A socket that failed once is closed: what follows in it can no longer be told apart.

After the deadline nothing is read any more, however much there is: it would never end with a broker that goes on
talking. What can be written at once still is, so that a session may end in order.
"""

import errno
import select
import socket
import time

from micropython import const

from tag import names, tls

_ROOM = const(4096 + 128)  # the largest message, its topic and MQTT's own bytes
_PATIENCE_MS = const(3000)  # for the other end to do anything at all


class Sockets:
    """Stands for the module `socket`. All sockets made here end their waits at the tick `deadline`.

    They speak TLS when the DER certificate of an `authority` is given (not b"").
    """

    def __init__(self, deadline: int, dns_server: str, host: str, authority: bytes) -> None:
        self._deadline = deadline
        self._dns_server = dns_server
        self._host = host
        self._authority = authority

    def getaddrinfo(self, host: str, port: int):
        return socket.getaddrinfo(names.resolve(host, self._dns_server, self._deadline), port)

    def socket(self):
        return Socket(self._deadline, self._host, self._authority)


class Socket:
    """As much of a socket as umqtt.simple uses, and `ready` and `over`."""

    def __init__(self, deadline: int, host: str, authority: bytes) -> None:
        self._deadline = deadline
        self._host = host
        self._authority = authority
        self._raw = socket.socket()
        self._poll = select.poll()
        self._out = bytearray(_ROOM)
        self._pending = 0
        self._ahead = b""  # what `ready` had to read

    def connect(self, address) -> None:
        self._raw.setblocking(False)
        try:
            self._raw.connect(address)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        self._poll.register(self._raw, select.POLLOUT)
        self._wait(select.POLLOUT)
        if self._authority:
            self._poll.unregister(self._raw)
            self._raw = tls.wrap(self._raw, self._host, self._authority)
            self._poll.register(self._raw, select.POLLOUT)

    def write(self, data, length: int = -1) -> None:
        """Take the next piece of a packet. It leaves with the others before anything is read."""
        if length < 0:
            length = len(data)
        if self._pending + length > _ROOM:
            self._fail(errno.ENOBUFS)
        self._out[self._pending : self._pending + length] = memoryview(data)[:length]
        self._pending += length

    def flush(self) -> None:
        """Send what was written."""
        rest = memoryview(self._out)[: self._pending]
        self._pending = 0
        while rest:
            self._wait(select.POLLOUT)
            rest = rest[self._raw.write(rest) or 0 :]

    def read(self, length: int) -> bytes:
        """Exactly so many bytes, or OSError. None of them when there is no room for so many.

        umqtt then takes the message for an empty one, and acknowledges it: else the broker would send it for ever.
        """
        self.flush()
        if length > _ROOM:
            self._skip(length)
            return b""
        data = self._ahead[:length]
        self._ahead = self._ahead[length:]
        while len(data) < length:
            self._wait(select.POLLIN)
            piece = self._raw.read(length - len(data))
            if piece == b"":
                self._fail(errno.ECONNRESET)
            data += piece or b""
        return data

    def ready(self, ms: int) -> bool:
        """Whether there is something to read, now or within so many milliseconds."""
        self.flush()
        until = time.ticks_add(time.ticks_ms(), min(ms, self._left()))
        while not self.over():
            if self._ahead:
                return True
            self._poll.modify(self._raw, select.POLLIN)
            if not self._poll.poll(max(0, time.ticks_diff(until, time.ticks_ms()))):
                break
            # Only a read tells: what came may be TLS's own, and nothing for us.
            piece = self._raw.read(1)
            if piece == b"":
                self._fail(errno.ECONNRESET)
            self._ahead = piece or b""
        return False

    def over(self) -> bool:
        """Whether the deadline has passed, and nothing is read any more."""
        return self._left() <= 0

    def setblocking(self, blocking: bool) -> None:
        """umqtt switches waits off and on again; here they end in any case."""

    def settimeout(self, seconds) -> None:
        """As `setblocking`."""

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._raw.close()

    def _left(self) -> int:
        return time.ticks_diff(self._deadline, time.ticks_ms())

    def _skip(self, length: int) -> None:
        scratch = memoryview(self._out)  # everything in it was sent
        length -= len(self._ahead)
        self._ahead = b""
        while length:
            self._wait(select.POLLIN)
            count = self._raw.readinto(scratch[: min(length, _ROOM)])
            if count == 0:
                self._fail(errno.ECONNRESET)
            length -= count or 0

    def _wait(self, event: int) -> None:
        """Until the socket is ready for that."""
        if event == select.POLLIN and self.over():
            raise OSError(errno.ETIMEDOUT)  # and the session may still be ended
        self._poll.modify(self._raw, event)
        found = self._poll.poll(max(0, min(_PATIENCE_MS, self._left())))
        if not found:
            self._fail(errno.ETIMEDOUT)
        if found[0][1] & (select.POLLERR | select.POLLHUP) and not found[0][1] & event:
            self._fail(errno.ECONNRESET)

    def _fail(self, code: int) -> None:
        self._pending = 0
        self._raw.close()
        raise OSError(code)
