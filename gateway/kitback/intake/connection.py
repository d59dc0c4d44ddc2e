"""One connection to a broker: paho leads it, but messages, their PUBACKs and our answers pass paho by.

paho is given a `Connection` for a socket. What it reads from it are the packets that are no messages; what it writes
goes out between ours, in whole packets. The place where paho makes its socket, `Client._create_socket`, is the one
private part of paho that is relied on, here only.
"""

import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Final, cast

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from kitback.intake.packets import Malformed, Packets

_CHUNK: Final = 1 << 16
"""Bytes to read at once; more than a TLS record, so that none of one stays behind where `poll` cannot see it."""
_PUBACK: Final = b"\x40\x02"
_PUBLISH: Final = b"\x30"
CLOSED: Final = "closed"
"""Why a connection is lost that paho has ended; it knows better."""
_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """A connected socket. What came on it is acknowledged on it or never: a later connection knows nothing of it."""

    def __init__(self, sock: socket.socket, protocol: MQTTProtocolVersion) -> None:
        """Take over a socket that has just been connected."""
        sock.setblocking(False)
        # Each packet leaves at once: an answer right after a PUBACK would otherwise wait for that one's ACK, 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._properties = b"\0" if protocol == MQTTProtocolVersion.MQTTv5 else b""
        self._packets = Packets(with_properties=bool(self._properties))
        self._out = bytearray()
        self.lost: str | None = None
        """Why it can be used no more; paho sees an end of the stream then."""

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        """Topics and payloads not acknowledged yet, in order of arrival."""
        return self._packets.messages

    @property
    def for_paho(self) -> bool:
        """Whether there is something that paho has to read."""
        return bool(self._packets.others) or self.lost is not None

    @property
    def unsent(self) -> int:
        """Bytes that the broker has not taken yet."""
        return len(self._out)

    def receive(self) -> None:
        """Take in what has come; call it when the socket is readable."""
        try:
            self._packets.feed(b"".join(self._chunks()))
        except Malformed as error:
            self.lost = str(error)

    def _chunks(self) -> Iterator[bytes]:
        """What has come, up to a chunk or two. With TLS a read gives one record, which may be one message."""
        size = 0
        try:
            while size < _CHUNK and (data := self._sock.recv(_CHUNK)):
                size += len(data)
                yield data
            if size < _CHUNK:
                self.lost = "the broker closed the connection"
        except _NOT_NOW:
            pass
        except OSError as error:
            self.lost = str(error)

    def acknowledge(self, count: int) -> None:
        """Acknowledge the oldest messages, and forget them; `flush` sends it."""
        ids = [each for each in self._packets.ids[:count] if each]
        del self._packets.ids[:count], self._packets.messages[:count]
        self._out += _PUBACK.join([b"", *ids])

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish messages with QoS 0; `flush` sends them."""
        after_topic = self._properties
        parts: list[bytes] = []
        for topic, payload in messages:
            name = topic.encode()
            length = 2 + len(name) + len(after_topic) + len(payload)
            parts += (_PUBLISH, _length(length), len(name).to_bytes(2), name, after_topic, payload)
        self._out += b"".join(parts)

    def flush(self) -> None:
        """Send what the broker will take; call it again when the socket is writable."""
        try:
            while self._out and self.lost is None:
                del self._out[: self._sock.send(self._out)]
        except _NOT_NOW:
            pass
        except OSError as error:
            self.lost = str(error)

    # What paho calls.

    def recv(self, size: int) -> bytes:
        others = self._packets.others
        if not others and self.lost is None:
            raise BlockingIOError
        data = bytes(others[:size])
        del others[:size]
        return data

    def send(self, data: bytes | bytearray) -> int:
        self._out += data
        self.flush()
        return len(data)

    def close(self) -> None:
        self.lost = self.lost or CLOSED
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""


class Client(paho.Client):
    """paho's client for one connection."""

    connection: Connection | None = None
    """Known once connected."""

    def __init__(self, client_id: str, protocol: MQTTProtocolVersion) -> None:
        """Prepare the client of a session that the broker keeps."""
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if protocol == MQTTProtocolVersion.MQTTv5 else False,
            protocol=protocol,
            reconnect_on_failure=False,
        )

    def _create_socket(self) -> Connection:
        self.connection = Connection(cast("socket.socket", super()._create_socket()), self.protocol)
        return self.connection


def _length(value: int) -> bytes:
    """A packet's length as MQTT writes it; an answer's fits two bytes."""
    return value.to_bytes(1) if value < 128 else bytes((value & 127 | 128, value >> 7))
