"""One connection, on a real socket: what goes out is whole and in order, and belongs to this connection alone."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from brokers import AnyBroker
from kitback.intake.connection import Client, Connection
from kitback.intake.packets import Packets

V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
ONE = b"\x32\x06\x00\x01t\x00\x05x"
"""A message with QoS 1 and id 5, for MQTT 3.1.1."""
ANOTHER = b"\x32\x06\x00\x01t\x00\x06y"
UNCONFIRMED = b"\x30\x04\x00\x01tz"


@contextmanager
def connected(version: MQTTProtocolVersion) -> Iterator[tuple[Connection, socket.socket]]:
    """A connection, and the broker's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours, brokers = socket.create_connection(server.getsockname()), server.accept()[0]
    with ours, brokers:
        yield Connection(ours, version), brokers


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    with connected(V311) as both:
        yield both


def everything(connection: Connection, broker: socket.socket, size: int) -> bytes:
    """What the broker reads, while the connection goes on sending."""
    got = bytearray()
    broker.settimeout(10)
    while len(got) < size:
        got += broker.recv(100_000)
        connection.flush()
    return bytes(got)


def test_messages_are_acknowledged_in_order_and_those_without_an_id_are_not(
    ends: tuple[Connection, socket.socket],
) -> None:
    connection, broker = ends
    broker.sendall(ONE + UNCONFIRMED + ANOTHER)
    while len(connection.messages) < 3:
        connection.receive()
    connection.acknowledge(2)
    assert connection.messages == [("t", b"y")]
    connection.acknowledge(1)
    connection.flush()
    assert everything(connection, broker, 8) == b"\x40\x02\x00\x05\x40\x02\x00\x06"


@pytest.mark.parametrize("version", [V5, V311])
def test_answers_are_messages_as_any_client_reads_them(version: MQTTProtocolVersion) -> None:
    answers = [("kitback/1/00000001/down/ack", b"a" * size) for size in (0, 95, 96, 97, 98, 4096)]
    read = Packets(with_properties=version == V5)
    with connected(version) as (connection, broker):
        connection.publish(answers)
        size = connection.unsent
        connection.flush()
        read.feed(everything(connection, broker, size))
    assert read.messages == answers
    assert read.ids == [b""] * len(answers)


def test_what_the_broker_does_not_take_at_once_follows_whole_and_in_order(
    ends: tuple[Connection, socket.socket],
) -> None:
    connection, broker = ends
    answers = [("t", f"{number:05}".encode() * 200) for number in range(20_000)]
    connection.publish(answers)
    connection.flush()
    size = len(answers) * 1006
    assert 0 < connection.unsent < size
    connection.send(b"\xc0\x00")  # paho's own go after them, not between
    read = Packets(with_properties=False)
    read.feed(everything(connection, broker, size + 2))
    assert read.messages == answers
    assert bytes(read.others) == b"\xc0\x00"
    assert connection.unsent == 0


def test_a_connection_that_broke_is_lost_for_both_directions(ends: tuple[Connection, socket.socket]) -> None:
    connection, broker = ends
    broker.close()
    while connection.lost is None:
        connection.receive()
    connection.acknowledge(0)
    connection.publish([("t", b"x")])
    connection.flush()
    assert connection.for_paho
    assert connection.recv(1) == b""


def test_what_is_not_mqtt_loses_the_connection(ends: tuple[Connection, socket.socket]) -> None:
    connection, broker = ends
    broker.sendall(ONE + b"\x34\x00")
    while connection.lost is None:
        connection.receive()
    assert "ends before" in connection.lost or "QoS" in connection.lost


def test_paho_still_makes_its_socket_where_we_put_ours(broker: AnyBroker) -> None:
    """If this fails with a newer paho-mqtt, see what has become of `Client._create_socket`: all else rests on it."""
    client = Client("contract", V311)
    client.connect("127.0.0.1", broker.port)
    assert client.connection is not None
    assert client.socket() is client.connection
    client.disconnect()
    assert client.connection.lost is not None
