"""What each answer of an InfluxDB means; the answers that a healthy server cannot be made to give are scripted."""

import gzip
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from gate import Gate, hangs_up
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
                self.send_response_only(script.status)
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


def test_lines_arrive_as_they_are_with_the_token_and_in_microseconds(scripted: Scripted, sink: Influx) -> None:
    sink.write(LINE * 50)

    assert scripted.received == LINE * 50
    assert scripted.path == "/api/v2/write?org=an-org&bucket=a-bucket&precision=us"
    assert scripted.asked["Authorization"] == "Token a-token"
    assert scripted.asked["Content-Encoding"] == "identity"


def test_on_the_way_to_another_machine_lines_are_compressed(scripted: Scripted) -> None:
    Influx(scripted.url.replace("127.0.0.1", "0.0.0.0"), "t", "o", "b").write(LINE * 50)  # noqa: S104

    assert scripted.asked["Content-Encoding"] == "gzip"
    assert gzip.decompress(scripted.received) == LINE * 50
    assert len(scripted.received) < len(LINE) * 10


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (413, TooLarge),
        *((status, Busy) for status in (408, 429, 500, 502, 503, 504, 507)),
        *((status, Shut) for status in (301, 400, 401, 403, 404, 405, 422)),
    ],
)
def test_an_answer_without_words_is_judged_by_its_status(
    scripted: Scripted, sink: Influx, status: int, kind: type[NotWritten]
) -> None:
    scripted.answer(status)
    with pytest.raises(kind, match=f"{re.escape(scripted.url)} answered {status}"):
        sink.write(LINE)


REFUSALS = [
    # 1.8: some lines written; none; a bucket that keeps a day
    (400, {"error": "partial write: field type conflict: input field is type string, already exists dropped=2"}, {}, 2),
    (400, {"error": "unable to parse 'x': missing fields"}, {}, None),
    (400, {"error": "partial write: points beyond retention policy dropped=1"}, {}, 1),
    # 2
    (400, {"code": "invalid", "message": "unable to parse 'x': missing fields"}, {}, None),
    (
        422,
        {
            "code": "unprocessable entity",
            "message": "failure writing points to database: partial write: dropped 3 points outside retention policy "
            "of duration 1h0m0s",
        },
        {},
        3,
    ),
    # 3, asked by its own path and by the one of 2, which in some versions calls it the server's failure
    (
        400,
        {
            "error": "partial write of line protocol occurred",
            "data": [
                {"original_line": "x", "line_number": 2, "error_message": "No fields were provided"},
                {"original_line": "y", "line_number": 7, "error_message": "invalid column type"},
            ],
        },
        {1: "No fields were provided", 6: "invalid column type"},
        None,
    ),
    (
        400,
        {
            "error": "parsing failed for write_lp endpoint",
            "data": {"original_line": "x", "line_number": 1, "error_message": "No fields were provided"},
        },
        {0: "No fields were provided"},
        None,
    ),
    (400, {"code": "invalid", "message": "write buffer error: parsing for line protocol failed"}, {}, None),
    (500, {"code": "internal error", "message": "partial write of line protocol occurred"}, {}, None),
    (422, {"error": "Update to schema would exceed number of columns per table limit of 500 columns"}, {}, None),
    # Its clouds name the first
    (
        400,
        {"code": "invalid", "line": 3, "message": "failed to parse line protocol"},
        {2: "failed to parse line protocol"},
        None,
    ),
]


@pytest.mark.parametrize(("status", "body", "named", "count"), REFUSALS)
def test_what_any_influxdb_says_of_lines_is_final_and_says_of_which(
    scripted: Scripted, sink: Influx, status: int, body: dict[str, object], named: dict[int, str], count: int | None
) -> None:
    scripted.answer(status, json.dumps(body).encode())
    with pytest.raises(Refused) as refused:
        sink.write(LINE)
    assert str(refused.value) == body.get("message", body.get("error"))
    assert (refused.value.named, refused.value.count) == (named, count)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>The plain HTTP request was sent to HTTPS port</html>",
        b"",
        b"[]",
        b"{}",
        b'{"error":"database is required"}',
        b'{"code":"invalid","message":"invalid precision"}',
        b'{"error":"Authorization header was malformed"}',
        b'{"code":"invalid","message":"db name must use ASCII letters, numbers, underscores and hyphens only"}',
    ],
)
def test_a_refusal_that_is_not_about_lines_costs_none(scripted: Scripted, sink: Influx, body: bytes) -> None:
    scripted.answer(400, body)
    with pytest.raises(Shut, match="check that this is the address of an InfluxDB"):
        sink.write(LINE)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("soon", None),
        ("-3", None),
        ("Wed, 21 Oct 2026 07:30:00 GMT", 120.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:30:00", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
    ],
)
def test_a_busy_server_may_say_how_long_to_leave_it_alone(
    scripted: Scripted, sink: Influx, header: str, seconds: float | None
) -> None:
    scripted.answer(429, Retry_After=header, Date="Wed, 21 Oct 2026 07:28:00 GMT")
    with pytest.raises(Busy) as busy:
        sink.write(LINE)
    assert busy.value.retry_after_s == seconds


def test_what_a_server_says_is_kept_as_words_that_any_database_takes(scripted: Scripted, sink: Influx) -> None:
    named = [{"line_number": 1, "error_message": "no\udc00 field\x00s"}]
    scripted.answer(400, json.dumps({"error": "partial\x00 write\r\n", "data": named}).encode())
    with pytest.raises(Refused) as refused:
        sink.write(LINE)
    assert (str(refused.value), refused.value.named) == ("partial  write  ", {0: "no  field s"})


def test_an_answer_that_is_no_text_is_taken_for_a_bad_day(scripted: Scripted, sink: Influx) -> None:
    scripted.answer(502, b"\xff\xfe\x00")
    with pytest.raises(Busy):
        sink.write(LINE)


def test_a_connection_cut_in_the_middle_of_the_lines_leaves_them_to_be_written_again(bucket: Bucket) -> None:
    port = int(bucket.url.rpartition(":")[2])
    gate = Gate(port, hangs_up)
    sink = Influx(f"http://127.0.0.1:{gate.port}", bucket.token, bucket.org, bucket.bucket)
    lines = b"".join(b"use,tag=aa,kind=bed in_use=60i %d\n" % number for number in range(20_000))
    try:
        with pytest.raises(Busy, match="cannot be reached"):
            sink.write(lines)
        sink.write(lines)
    finally:
        gate.close()
    assert bucket.points() == 20_000


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
