"""What each answer of an InfluxDB means; the answers that a healthy server cannot be made to give are scripted."""

import gzip
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from influx import Bucket
from kitback.history.influx import Busy, Influx, NotWritten, Refused, Shut, TooLarge

LINE = b"use,tag=aa,kind=bed in_use=60i 1700000000000001\n"


class Scripted:
    """A server that gives one answer, and remembers the last request."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.body = b""
        self.path = ""
        self.received = b""
        self.asked: dict[str, str] = {}
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                script.path, script.asked = self.path, dict(self.headers.items())
                script.received = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(script.status)
                for name, value in script.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(script.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        Thread(target=script.server.serve_forever, args=[0.01], daemon=True).start()
        yield script
        script.server.shutdown()


@pytest.fixture
def sink(scripted: Scripted) -> Influx:
    return Influx(scripted.url, "a-token", "an-org", "a-bucket")


def test_lines_arrive_as_they_are_compressed_with_the_token_and_in_microseconds(
    scripted: Scripted, sink: Influx
) -> None:
    sink.write(LINE * 50)

    assert gzip.decompress(scripted.received) == LINE * 50
    assert scripted.path == "/api/v2/write?org=an-org&bucket=a-bucket&precision=us"
    assert scripted.asked["Authorization"] == "Token a-token"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (413, TooLarge),
        *((status, Busy) for status in (429, 500, 502, 503, 504)),
        *((status, Shut) for status in (301, 400, 401, 403, 404, 405, 422)),
    ],
)
def test_an_answer_without_words_is_judged_by_its_status(
    scripted: Scripted, sink: Influx, status: int, kind: type[NotWritten]
) -> None:
    scripted.answer(status)
    with pytest.raises(kind, match=f"{re.escape(scripted.url)} answered {status}"):
        sink.write(LINE)


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("body", [b'{"code":"invalid","message":"unable to parse"}', b'{"error":"unable to parse"}'])
def test_a_refusal_in_the_words_of_any_influxdb_is_final(
    scripted: Scripted, sink: Influx, status: int, body: bytes
) -> None:
    scripted.answer(status, body)
    with pytest.raises(Refused, match=r"^unable to parse$"):
        sink.write(LINE)


@pytest.mark.parametrize("body", [b"<html>The plain HTTP request was sent to HTTPS port</html>", b"", b"[]", b"{}"])
def test_a_refusal_that_is_not_influxdbs_own_costs_no_line(scripted: Scripted, sink: Influx, body: bytes) -> None:
    scripted.answer(400, body)
    with pytest.raises(Shut, match="check that this is the address of an InfluxDB"):
        sink.write(LINE)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("soon", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_a_busy_server_may_say_how_long_to_leave_it_alone(
    scripted: Scripted, sink: Influx, header: str, seconds: float | None
) -> None:
    scripted.answer(429, Retry_After=header)
    with pytest.raises(Busy) as busy:
        sink.write(LINE)
    assert busy.value.retry_after_s == seconds


def test_a_server_that_is_not_there_is_busy(scripted: Scripted) -> None:
    scripted.server.server_close()
    with pytest.raises(Busy, match=f"{re.escape(scripted.url)} cannot be reached"):
        Influx(scripted.url, "", "", "").write(LINE)


def test_a_server_that_fails_the_tls_handshake_is_shut(scripted: Scripted) -> None:
    with pytest.raises(Shut, match="check its certificate"):
        Influx(scripted.url.replace("http:", "https:"), "", "", "").write(LINE)


def test_a_real_server_refuses_a_wrong_token_and_a_missing_bucket(bucket: Bucket) -> None:
    with pytest.raises(Shut, match="check the token"):
        Influx(bucket.url, "nobody:nothing", bucket.org, bucket.bucket).write(LINE)
    with pytest.raises(Shut, match="the bucket was made"):
        Influx(bucket.url, bucket.token, bucket.org, "no-such-bucket").write(LINE)


def test_a_real_server_takes_the_same_line_twice_as_one_point(bucket: Bucket) -> None:
    bucket.sink().write(LINE)
    bucket.sink().write(LINE)
    assert bucket.ask("SELECT * FROM use") == [{"time": 1700000000000001, "tag": "aa", "kind": "bed", "in_use": 60}]


def test_a_sink_is_named_without_its_token() -> None:
    assert Influx("http://localhost:8086/", "secret", "org", "history").name == "http://localhost:8086 org/history"
