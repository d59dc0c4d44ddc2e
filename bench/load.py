"""The load: a process that publishes reports made ahead of time at QoS 1, and hears the acks as the tags would.

Packets lie ready, byte by byte as they go out, and a socket is given as many of them at once as may be in flight; of
what comes back only packet types and lengths are looked at. So it costs a small part of what a client library does.
"""

import contextlib
import multiprocessing
import socket
import struct
import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from bench.fleet import ROOT, Fleet

_SHARDS = 16
_CONNECTIONS = 4
_TICK_S = 0.002
_PATIENCE_S = 30.0
"""Without any answer for so long the rest is lost."""
_CONNECT, _CONNACK, _SUBSCRIBE, _PUBACK, _PUBLISH = 0x10, 0x20, 0x82, 0x40, 0x30


@dataclass(frozen=True)
class Plan:
    """What to send, and how."""

    port: int
    fleet: Fleet
    first: int
    """How many reports of the fleet went before."""
    messages: int
    window: int
    """Reports in flight at most: without their tag's ack, or without the broker's PUBACK."""
    answered: bool = True
    """Whether tags are answered, and the window is theirs."""
    rate: float = 0.0
    """Reports a second, instead of as many as the window lets; 0 is no such bound."""
    markers: int = 0
    """Marker reports to send beside the others, evenly while these last."""
    as_lines: bool = False
    """Whether the records go as line protocol instead of our reports."""


@dataclass
class Sent:
    """What became of a load. Times are of the monotonic clock, in seconds."""

    messages: int = 0
    """Published and acknowledged by the broker, markers included."""
    answers: int = 0
    """Acks of the gateway that reached the tags."""
    began: float = 0.0
    ended: float = 0.0
    """When the last one was answered (or acknowledged, if tags get no answers)."""
    bytes: int = 0
    markers: list[float] = field(default_factory=list)
    """When each marker was sent."""


class Load:
    """A load in a process of its own, which makes its packets before it is told to begin."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        context = multiprocessing.get_context("spawn")
        self._parent, child = context.Pipe()
        self._process = context.Process(target=_run, args=(plan, child), daemon=True)
        self._process.start()
        child.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def ready(self) -> None:
        """Wait until the packets are made."""
        self._parent.recv()

    def begin(self) -> None:
        self._parent.send("begin")

    def done(self) -> bool:
        return self._parent.poll()

    def result(self) -> Sent:
        """Wait until all is sent and answered; the process stays until `close`.

        Raises:
            RuntimeError: not all was.
        """
        sent: Sent = self._parent.recv()
        reports = self._plan.messages + self._plan.markers
        if missing := reports - (sent.answers if self._plan.answered else sent.messages):
            raise RuntimeError(f"{missing} reports of {reports} got no answer within {_PATIENCE_S:.0f} s")
        return sent

    def close(self) -> None:
        self._parent.close()
        self._process.join()


class _Line:
    """One MQTT 3.1.1 connection with what is to go over it."""

    def __init__(self, port: int, name: str, messages: Iterable[tuple[str, bytes]], subscriptions: list[str]) -> None:
        self._packets = bytearray()
        self._ends = array("Q", [0])
        for number, (topic, payload) in enumerate(messages):
            _append_publish(self._packets, number % 65_535 + 1, topic.encode(), payload)
            self._ends.append(len(self._packets))
        self._view = memoryview(self._packets)
        self._out = 0
        self._owed = bytearray()
        self._rest = b""
        self.count = len(self._ends) - 1
        self.pubacks = self.answers = 0
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _join(self.sock, name, subscriptions)
        self.sock.setblocking(False)

    def send(self, allowed: int) -> None:
        """Send the packets up to the one numbered `allowed`, as far as the socket takes them."""
        with contextlib.suppress(BlockingIOError):
            if self._owed:
                del self._owed[: self.sock.send(self._owed)]
            end = self._ends[min(allowed, self.count)]
            while self._out < end:
                self._out += self.sock.send(self._view[self._out : min(end, self._out + 262_144)])

    def receive(self) -> None:
        """Count what has come, and note the PUBACKs owed for it."""
        try:
            data = self._rest + self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        at, size = 0, len(data)
        while at + 4 <= size:
            if data[at] == _PUBACK:
                self.pubacks += 1
                at += 4
                continue
            length, body = _length(data, at + 1)
            if body + length > size:
                break
            if data[at] & 0xF0 == _PUBLISH:
                self.answers += 1
                if data[at] & 0x06:
                    ident = body + 2 + int.from_bytes(data[body : body + 2], "big")
                    self._owed += b"\x40\x02" + data[ident : ident + 2]
            at = body + length
        self._rest = data[at:]


def _run(plan: Plan, parent: Connection) -> None:
    numbers = range(plan.first, plan.first + plan.messages)
    made = plan.fleet.lines if plan.as_lines else plan.fleet.message
    lines = [
        _Line(
            plan.port,
            f"load-{i}",
            (made(n) for n in numbers if n % plan.fleet.tags % _CONNECTIONS == i),
            _acks(range(i, _SHARDS, _CONNECTIONS)) if plan.answered else [],
        )
        for i in range(_CONNECTIONS)
    ]
    marker = _Line(plan.port, "load-marker", map(plan.fleet.marker, range(plan.markers)), [])
    parent.send("ready")
    parent.recv()
    sent = _send(plan, lines, marker)
    for line in (*lines, marker):
        line.sock.close()
    parent.send(sent)
    parent.poll(None)  # what it has used up can be read off it until it is told to go


def _send(plan: Plan, lines: list[_Line], marker: _Line) -> Sent:
    sent = Sent(began=time.monotonic())
    sent.ended = sent.began
    lasts = plan.messages / plan.rate if plan.rate else 0.0
    heard = 0
    while True:
        now = time.monotonic()
        for line in lines:
            done = line.answers if plan.answered else line.pubacks
            allowed = done + plan.window // len(lines)
            if plan.rate:
                allowed = min(allowed, int((now - sent.began) * plan.rate / len(lines)) + 1)
            line.send(allowed)
        due = min(plan.markers, int((now - sent.began) / lasts * plan.markers) + 1) if lasts else plan.markers
        marker.send(due)
        sent.markers += [time.monotonic()] * (due - len(sent.markers))
        time.sleep(_TICK_S)  # so that much is read at once
        for line in (*lines, marker):
            line.receive()
        # The markers' acks come over the lines, too: these have subscribed to all tags of their shards.
        total = sum(line.answers for line in lines) if plan.answered else sum(line.pubacks for line in (*lines, marker))
        if total > heard:
            heard, sent.ended = total, time.monotonic()
        if heard >= plan.messages + plan.markers:
            break
        if time.monotonic() - sent.ended > _PATIENCE_S:
            break
    sent.messages = sum(line.pubacks for line in (*lines, marker))
    sent.answers = sum(line.answers for line in lines)
    sent.bytes = sum(len(line._packets) for line in lines)
    return sent


def _acks(shards: Iterable[int]) -> list[str]:
    return [f"{ROOT}/{shard:x}/+/down/ack" for shard in shards]


def _append_publish(packets: bytearray, ident: int, topic: bytes, payload: bytes) -> None:
    length = 2 + len(topic) + 2 + len(payload)
    packets.append(_PUBLISH | 0x02)
    _append_length(packets, length)
    packets += struct.pack("!H", len(topic)) + topic + struct.pack("!H", ident) + payload


def _append_length(packet: bytearray, length: int) -> None:
    while length > 127:
        packet.append(length & 127 | 128)
        length >>= 7
    packet.append(length)


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A packet's remaining length, and where it begins. The four bytes after the type must be there, or it is short."""
    length = shift = 0
    while data[at] & 128:
        length |= (data[at] & 127) << shift
        shift += 7
        at += 1
    return length | data[at] << shift, at + 1


def _join(sock: socket.socket, name: str, subscriptions: list[str]) -> None:
    """Connect with a clean session, and subscribe at QoS 1 as tags do."""
    client = name.encode()
    head = b"\x00\x04MQTT\x04\x02" + struct.pack("!H", 0) + struct.pack("!H", len(client)) + client
    _say(sock, _CONNECT, head)
    _expect(sock, _CONNACK)
    if subscriptions:
        topics = b"".join(struct.pack("!H", len(topic)) + topic.encode() + b"\x01" for topic in subscriptions)
        _say(sock, _SUBSCRIBE, b"\x00\x01" + topics)
        _expect(sock, 0x90)


def _say(sock: socket.socket, kind: int, body: bytes) -> None:
    packet = bytearray([kind])
    _append_length(packet, len(body))
    sock.sendall(packet + body)


def _expect(sock: socket.socket, kind: int) -> None:
    head = sock.recv(2, socket.MSG_WAITALL)
    if not head or head[0] != kind:
        raise ConnectionError(f"the broker answers {head!r}, not {kind:#x}")
    sock.recv(head[1], socket.MSG_WAITALL)
