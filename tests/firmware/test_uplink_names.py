"""The address of the broker, asked from a name server that may be silent, broken or lying."""

import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from name_server import NameServer

ADDRESS = "192.0.2.7"
DEADLINE_MS = 300

RESOLVE = f"""
import socket, utime
sys.modules["time"] = utime
from tag import names

class Here:
    # Port 53 of the name server is another one on this machine.
    AF_INET, SOCK_DGRAM, socket = socket.AF_INET, socket.SOCK_DGRAM, socket.socket

    @staticmethod
    def getaddrinfo(host, port):
        return socket.getaddrinfo("127.0.0.1", given["port"])

names.socket = Here
began = utime.ticks_ms()
try:
    said = names.resolve(given["host"], "192.168.1.1", utime.ticks_add(began, {DEADLINE_MS}))
except OSError as error:
    said = "OSError"
print(json.dumps([said, utime.ticks_diff(utime.ticks_ms(), began)]))
"""


@pytest.fixture
def name_server() -> Iterator[Callable[..., int]]:
    """Starts a name server; gives its port."""
    started = []

    def start(deaf_for: int = 0) -> int:
        started.append(NameServer(ADDRESS, deaf_for))
        return started[-1].port

    yield start
    for server in started:
        server.close()


def test_a_host_is_looked_up_and_an_address_is_not(on_tag, name_server):
    assert on_tag(RESOLVE, {"host": "broker.test", "port": name_server()})[0] == ADDRESS
    assert on_tag(RESOLVE, {"host": "10.1.2.3", "port": 9})[0] == "10.1.2.3"


def test_a_silent_name_server_is_given_up_by_the_deadline(on_tag, name_server):
    said, took_ms = on_tag(RESOLVE, {"host": "broker.test", "port": name_server(deaf_for=9)})
    assert said == "OSError"
    assert took_ms < DEADLINE_MS + 200


def test_no_name_server_at_all_fails_at_once(on_tag):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert on_tag(RESOLVE, {"host": "broker.test", "port": port})[0] == "OSError"


READ = """
from tag import names
print(json.dumps([names._address(bytes.fromhex(answer), b"\\x12\\x34") for answer in given]))
"""

QUESTION = b"\x06broker\x04test\x00" + b"\x00\x01\x00\x01"
POINTER = b"\xc0\x0c"


def answer(*records: bytes, number: bytes = b"\x12\x34", flags: bytes = b"\x81\x80") -> bytes:
    return number + flags + struct.pack("!HHHH", 1, len(records), 0, 0) + QUESTION + b"".join(records)


def record(type_: int, data: bytes, name: bytes = POINTER) -> bytes:
    return name + struct.pack("!HHIH", type_, 1, 60, len(data)) + data


ALIAS = record(5, b"\x04mqtt" + POINTER)
HOST = record(1, socket.inet_aton(ADDRESS))


@pytest.mark.parametrize(
    ("told", "address"),
    [
        (answer(HOST), ADDRESS),
        (answer(ALIAS, HOST), ADDRESS),
        (answer(record(28, bytes(16)), HOST), ADDRESS),
        (answer(record(1, socket.inet_aton(ADDRESS), b"\x04mqtt\xc0\x0c")), ADDRESS),
        (answer(), None),
        (answer(ALIAS), None),
        (answer(HOST, number=b"\x12\x35"), None),
        (answer(HOST, flags=b"\x01\x00"), None),
        (answer(record(1, b"\x7f")), None),
    ],
)
def test_an_answer_is_read_for_its_first_address(on_tag, told, address):
    assert on_tag(READ, [told.hex()]) == [address]


def test_an_answer_that_ends_early_has_no_address(on_tag):
    whole = answer(ALIAS, HOST)
    assert on_tag(READ, [whole[:length].hex() for length in range(len(whole))]) == [None] * len(whole)
