"""An InfluxDB that is away, busy, shut or cut off, in front of a real one: every line is in it once in the end."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from brokers import Mosquitto, free_port, until
from gate import Gate, Guard
from influx import Bucket
from kitback import wire
from kitback.history import Drain, status
from kitback.intake import Intake, quarantine
from kitback.register import Register
from paper_tag import ROOT, SetClock, nowhere

from .books import differences, drained, pending
from .fleet import Fleet
from .process import GatewayProcess
from .soak import SOAK, sample

NOW = 1_790_000_000

# --- what a connection to InfluxDB may come to; each takes the port of the real one -----------------------------------


def _request(connection: socket.socket) -> tuple[bytes, bytes]:
    """One HTTP request: its head with the empty line, and its body."""
    said = b""
    while b"\r\n\r\n" not in said:
        said += _more(connection)
    head, _, body = said.partition(b"\r\n\r\n")
    (length,) = (
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += _more(connection)
    return head + b"\r\n\r\n", body


def _more(connection: socket.socket) -> bytes:
    said = connection.recv(65536)
    if not said:
        raise ConnectionError
    return said


def _forward(port: int, head: bytes, body: bytes) -> bytes:
    """Have a request answered by the real server."""
    with socket.create_connection(("127.0.0.1", port), 5) as server:
        server.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body)
        answer = b""
        while said := server.recv(65536):
            answer += said
    return answer


def answers(line: str, *headers: str) -> Callable[[int], Guard]:
    def guard(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall("\r\n".join([f"HTTP/1.1 {line}", "Content-Length: 0", *headers, "\r\n"]).encode())

    return lambda _port: guard


def forgets_the_token(port: int) -> Guard:
    """The real server's own 401."""

    def guard(connection: socket.socket) -> None:
        head, body = _request(connection)
        connection.sendall(_forward(port, head.replace(b"Token ", b"Token nobody:"), body))

    return guard


def cut_mid_body(port: int) -> Guard:
    """The server gets half of the request."""

    def guard(connection: socket.socket) -> None:
        head, body = _request(connection)
        with socket.create_connection(("127.0.0.1", port), 5) as server:
            server.sendall(head + body[: len(body) // 2])

    return guard


def cut_before_the_answer(port: int) -> Guard:
    """The server has written everything, and nobody hears of it."""

    def guard(connection: socket.socket) -> None:
        _forward(port, *_request(connection))

    return guard


def cut_mid_answer(port: int) -> Guard:
    def guard(connection: socket.socket) -> None:
        connection.sendall(_forward(port, *_request(connection))[:20])

    return guard


TROUBLES: dict[str, Callable[[int], Guard]] = {
    "413": answers("413 Request Entity Too Large"),
    "429": answers("429 Too Many Requests", "Retry-After: 1"),
    "500": answers("500 Internal Server Error"),
    "503": answers("503 Service Unavailable"),
    "401": forgets_the_token,
    "cut mid-body": cut_mid_body,
    "cut before the answer": cut_before_the_answer,
    "cut mid-answer": cut_mid_answer,
}


# --- the drain --------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def influx_port(bucket: Bucket) -> int:
    address = urlsplit(bucket.url)
    if address.hostname not in ("127.0.0.1", "localhost") or not address.port:
        pytest.skip("a gate stands only in front of an InfluxDB on this machine")
    return address.port


@pytest.fixture
def fleet(register: Register, clock: SetClock) -> Fleet:
    """A fleet whose upload is over: its history waits in the outbox."""
    fleet = Fleet(0, seed=5, tags=4, records=40)
    fleet.tags[0].note(wire.Alarm, name="unpowered", on=False)
    fleet.enrol(register)
    fleet.hand_to(Intake(register, clock, ROOT, nowhere))
    return fleet


def drain(register: Register, bucket: Bucket) -> None:
    """Until all is written, without the waits between."""
    drain = Drain(register, SetClock(NOW), bucket.sink())
    until(lambda: drain.run_once() and not pending(register, bucket), what="the end of the outbox")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_trouble_before_influxdb_loses_and_doubles_no_line(
    register: Register, fleet: Fleet, bucket: Bucket, influx_port: int, trouble: str
) -> None:
    # To "too large" the answer is smaller pieces, and a line that is too large by itself is refused for good.
    times = 3 if trouble == "413" else 12
    guards = [TROUBLES[trouble](influx_port) for _ in range(times)]
    with closing(Gate(influx_port, *guards)) as gate:
        gated = replace(bucket, url=f"http://127.0.0.1:{gate.port}")
        drain(register, gated)
        assert gate.let_in, "the troubles are over"
        assert not differences(register, fleet.tags, gated)
        assert status(register, gated.sink().name).trouble is None


def test_one_line_that_influxdb_refuses_is_set_aside_and_all_others_are_written(
    register: Register, fleet: Fleet, bucket: Bucket
) -> None:
    """The server's own 400: `on` is text there already."""
    last = fleet.tags[0]
    bucket.sink().write(b'alarm,tag=another,kind=bed on="yes" %d\n' % (NOW * 1_000_000))
    drain(register, bucket)
    with register.read() as conn:
        (aside,) = quarantine.listing(conn)
    assert aside.payload.startswith(f"alarm,tag={last.tag_id},".encode())
    assert "field type conflict" in aside.detail
    bucket.ask("DROP MEASUREMENT alarm")
    assert not differences(register, fleet.tags, bucket, refused=[("alarm", last.tag_id, last.newest)])


# --- the service ------------------------------------------------------------------------------------------------------


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("tags", sample([1000, 60], 1))
def test_an_hours_reports_are_taken_in_while_influxdb_is_away_and_written_when_it_is_back(
    tmp_path: Path, mosquitto: Mosquitto, bucket: Bucket, influx_port: int, tags: int
) -> None:
    """An hour of so many tags that report hourly, eight records each; then its first answers get lost."""
    away = replace(bucket, url=f"http://127.0.0.1:{free_port()}")
    register = Register.open(str(tmp_path / "register.db"))
    fleet = Fleet(mosquitto.port, seed=6, tags=tags, records=8)
    fleet.enrol(register)
    with (
        closing(register),
        closing(fleet),
        GatewayProcess(tmp_path, broker_port=mosquitto.port, bucket=away) as gateway,
    ):
        gateway.start()
        fleet.upload(gateway)
        stands = status(register, away.sink().name)
        assert stands.pending == stands.enqueued >= 8 * tags
        guards = [make(influx_port) for make in (TROUBLES.values() if SOAK else [cut_before_the_answer])]
        with closing(Gate(influx_port, *guards, port=urlsplit(away.url).port or 0)):
            drained(register, away, patience=660 if SOAK else 30)  # up to a minute after each trouble
            gateway.stop()
            assert not differences(register, fleet.tags, away)
