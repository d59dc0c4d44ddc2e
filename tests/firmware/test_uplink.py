"""The tag's MQTT session: one write a packet, an end to every wait, no trust in lengths."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue

import paho.mqtt.client as mqtt
import pytest

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03\x00\x01\x01"
DEADLINE_S = 0.3

Serve = Callable[[socket.socket], None]


@pytest.fixture
def server() -> Iterator[Callable[[Serve], int]]:
    """Starts a broker that serves one connection as told; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def start(serve: Serve) -> int:
        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                serve(connection)

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[0].start()
        return listener.getsockname()[1]

    yield start
    listener.close()
    for thread in threads:
        thread.join(5)


SESSION = f"""
import utime
sys.modules["time"] = utime
from tag.uplink import Uplink

class Config:
    root, host, user, password, authority = "kitback", "127.0.0.1", None, None, b""
    port = given

said = []
uplink = None
began = utime.ticks_ms()
try:
    uplink = Uplink(Config, "0a0b0c", utime.ticks_add(began, {int(DEADLINE_S * 1000)}))
    uplink.send(b"x" * 3000)
    said = [bytes(message).decode() for message in uplink.answers(100)]
except Exception as error:
    said = type(error).__name__
if uplink:
    uplink.close()
print(json.dumps([said, utime.ticks_diff(utime.ticks_ms(), began)]))
"""


def packet(connection: socket.socket, type_: int) -> bytes:
    """One read, which has to be one whole packet of that type."""
    data = connection.recv(8192)
    length, i = 0, 1
    while True:
        length |= (data[i] & 0x7F) << 7 * (i - 1)
        i += 1
        if not data[i - 1] & 0x80:
            break
    assert (data[0] & 0xF0, len(data)) == (type_, i + length)
    return data


def publish(topic: bytes, body: bytes) -> bytes:
    rest = len(topic).to_bytes(2, "big") + topic + body
    assert len(rest) < 128
    return bytes([0x30, len(rest)]) + rest


def open_session(connection: socket.socket) -> None:
    packet(connection, 0x10)
    connection.sendall(CONNACK)
    packet(connection, 0x80)
    connection.sendall(SUBACK)
    take_report(connection)


def take_report(connection: socket.socket) -> None:
    published = packet(connection, 0x30)
    connection.sendall(b"\x40\x02" + published[-3002:-3000])


def take_ping(connection: socket.socket) -> None:
    packet(connection, 0xC0)
    connection.sendall(b"\xd0\x00")


def test_an_answer_that_is_held_back_is_freed_by_one_ping(on_tag, server):
    def serve(connection: socket.socket) -> None:
        open_session(connection)
        take_ping(connection)
        connection.sendall(publish(b"kitback/c/0a0b0c/down/ack", b"late"))
        packet(connection, 0xE0)

    # It listens for long enough that a server on a busy computer does answer, and no longer than until it did.
    session = SESSION.replace("began, 300)", "began, 5000)").replace(
        "[bytes(message).decode() for message in uplink.answers(100)]", "[next(uplink.answers(4000)).decode()]"
    )
    assert on_tag(session, server(serve))[0] == ["late"]


def test_every_packet_leaves_in_one_write_and_answers_are_heard(on_tag, server):
    ended: Queue[bytes] = Queue()

    def serve(connection: socket.socket) -> None:
        open_session(connection)
        connection.sendall(publish(b"kitback/c/0a0b0c/down/ack", b"one") + publish(b"elsewhere", b"two"))
        take_ping(connection)
        ended.put(packet(connection, 0xE0))

    said, took_ms = on_tag(SESSION, server(serve))
    assert said == ["one"]
    assert took_ms < 1000 * DEADLINE_S
    assert ended.get(timeout=5) == b"\xe0\x00"


def test_a_kept_session_is_not_subscribed_again(on_tag, server):
    def serve(connection: socket.socket) -> None:
        connect = packet(connection, 0x10)
        assert connect[9] & 2 == 0, "asks for a clean session"
        connection.sendall(b"\x20\x02\x01\x00")
        take_report(connection)
        take_ping(connection)
        packet(connection, 0xE0)

    assert on_tag(SESSION, server(serve))[0] == []


def test_an_answer_is_not_waited_for_past_the_deadline(on_tag, server):
    def serve(connection: socket.socket) -> None:
        open_session(connection)
        take_ping(connection)
        packet(connection, 0xE0)

    said, took_ms = on_tag(SESSION.replace("answers(100)", "answers(5000)"), server(serve))
    assert said == []
    assert took_ms < 1000 * DEADLINE_S + 200


def silent(connection: socket.socket) -> None:
    packet(connection, 0x10)
    while connection.recv(100):
        pass


def half_an_answer(connection: socket.socket) -> None:
    packet(connection, 0x10)
    connection.sendall(CONNACK[:3])
    while connection.recv(100):
        pass


def refusal(connection: socket.socket) -> None:
    packet(connection, 0x10)
    connection.sendall(b"\x20\x02\x00\x05")


def hang_up(connection: socket.socket) -> None:
    packet(connection, 0x10)


def nonsense(connection: socket.socket) -> None:
    packet(connection, 0x10)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n")


def drip(connection: socket.socket) -> None:
    """A byte now and then, for ever."""
    packet(connection, 0x10)
    connection.sendall(CONNACK)
    end = time.monotonic() + 3
    with contextlib.suppress(OSError):
        connection.sendall(b"\x30")
        while time.monotonic() < end:
            connection.sendall(b"\xff")
            threading.Event().wait(0.02)


def huge(connection: socket.socket) -> None:
    """A message of 256 MiB, which a tag has no room for."""
    packet(connection, 0x10)
    with contextlib.suppress(OSError):
        connection.sendall(CONNACK + b"\x30\xff\xff\xff\x7f\xff\xff" + bytes(1 << 21))


def babble(connection: socket.socket) -> None:
    """Messages without a pause, until the tag hangs up."""
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(50 * publish(b"kitback/c/0a0b0c/down/ack", b"word"))


def babble_instead_of_a_suback(connection: socket.socket) -> None:
    packet(connection, 0x10)
    connection.sendall(CONNACK)
    babble(connection)


def babble_instead_of_a_puback(connection: socket.socket) -> None:
    packet(connection, 0x10)
    connection.sendall(CONNACK)
    packet(connection, 0x80)
    connection.sendall(SUBACK)
    babble(connection)


@pytest.mark.parametrize(
    "serve",
    [
        silent,
        half_an_answer,
        refusal,
        hang_up,
        nonsense,
        drip,
        huge,
        babble_instead_of_a_suback,
        babble_instead_of_a_puback,
    ],
)
def test_a_broker_that_misbehaves_fails_the_report_in_time(on_tag, server, serve):
    said, took_ms = on_tag(SESSION, server(serve))
    assert said in ("OSError", "MQTTException", "AssertionError")
    assert took_ms < 1000 * DEADLINE_S + 200


WRITES = """
from tag import sockets

writes = []
flush = sockets.Socket.flush

def told(socket):
    packet = bytes(socket._out[: socket._pending])
    flush(socket)
    if packet:
        writes.append(packet)

sockets.Socket.flush = told
"""


@pytest.mark.parametrize("listening", ["sum(1 for _ in uplink.answers(5000))", "uplink.mail(5000)"])
def test_a_broker_that_never_stops_talking_is_left_in_order_at_the_deadline(on_tag, server, listening):
    def serve(connection: socket.socket) -> None:
        open_session(connection)
        babble(connection)

    session = SESSION.replace("[bytes(message).decode() for message in uplink.answers(100)]", listening)
    # What the server hears last is no proof: the tag hangs up with much unread, which may overtake its last words.
    session = session.replace("\nclass Config", WRITES + "\nclass Config", 1).replace(
        "json.dumps([said,", "json.dumps([said, writes[-1].hex(),"
    )
    said, last, took_ms = on_tag(session, server(serve))
    assert not isinstance(said, str), "no error"
    assert took_ms < 1000 * DEADLINE_S + 200
    assert last == "e000"


def test_a_closed_port_fails_the_report(on_tag):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert on_tag(SESSION, port)[0] == "OSError"


AWAY_AND_BACK = """
import utime
sys.modules["time"] = utime
from tag.uplink import Uplink

class Config:
    root, host, user, password, authority = "kitback", "127.0.0.1", None, None, b""
    port = given

uplink = Uplink(Config, "0a0b0c", utime.ticks_add(utime.ticks_ms(), 5000))
letters = []
while len(letters) < 2:
    letter = uplink.mail(500)
    if not letter:
        break
    letters.append([part.decode() for part in letter])
uplink.close()
print(json.dumps(letters))
"""


def test_what_is_sent_to_a_sleeping_tag_is_there_when_it_is_back(on_tag, broker):
    assert on_tag(AWAY_AND_BACK, broker.port) == []
    sender = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    sender.connect("127.0.0.1", broker.port)
    sender.loop_start()
    for channel in "down/settings", "down/command":
        told = sender.publish(f"kitback/c/0a0b0c/{channel}", channel, qos=1, retain=channel == "down/settings")
        told.wait_for_publish(5)
    assert on_tag(AWAY_AND_BACK, broker.port) == [[channel] * 2 for channel in ("down/settings", "down/command")]
    assert on_tag(AWAY_AND_BACK, broker.port) == [], "each of them once"
    sender.disconnect()
    sender.loop_stop()


def test_a_message_that_the_tag_has_no_room_for_is_taken_as_an_empty_one_and_does_not_come_again(on_tag, broker):
    assert on_tag(AWAY_AND_BACK, broker.port) == []
    sender = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    sender.connect("127.0.0.1", broker.port)
    sender.loop_start()
    for message in b"x" * 10_000, b"small":
        sender.publish("kitback/c/0a0b0c/down/command", message, qos=1).wait_for_publish(5)
    sender.disconnect()
    sender.loop_stop()
    assert on_tag(AWAY_AND_BACK, broker.port) == [["down/command", ""], ["down/command", "small"]]
    assert on_tag(AWAY_AND_BACK, broker.port) == []
