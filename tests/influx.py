"""A real InfluxDB for tests: Debian's 1.6.7 on free ports in a temporary folder.

1.6.7 lacks `/api/v2/write`, which 1.8, 2 and 3 all have, so a small front maps that path to `/write`, and a token
`user:password` to Basic authentication, as 1.8 does. Everything else, every answer included, is the server's own.

A newer server takes its place when KITBACK_TEST_INFLUX_URL, _TOKEN, _ORG and _BUCKET name one. Its bucket is emptied
before each test, so run such tests in one process (`pytest -n 0`).
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from kitback.history import Influx

_USER, _PASSWORD = "kitback", secrets.token_hex(8)
_DEADLINE_S = 20

_CONFIG = """
bind-address = "127.0.0.1:0"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "inmem"
[http]
  bind-address = "127.0.0.1:0"
  auth-enabled = true
  log-enabled = false
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
"""


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own on a running server."""

    url: str
    token: str
    org: str
    bucket: str

    def sink(self) -> Influx:
        """The bucket as the product sees it."""
        return Influx(self.url, self.token, self.org, self.bucket)

    def ask(self, influxql: str) -> list[dict[str, Any]]:
        """The rows that a query in InfluxQL returns, tags and columns together; times are Unix microseconds."""
        asked = urlencode({"db": self.bucket, "q": influxql, "epoch": "u"}).encode()
        request = urllib.request.Request(f"{self.url}/query", asked, {"Authorization": f"Token {self.token}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_DEADLINE_S) as response:  # noqa: S310
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{influxql}: {error.read().decode()}") from error
        (result,) = answer["results"]
        if "error" in result:
            raise AssertionError(f"{influxql}: {result['error']}")
        return [
            series.get("tags", {}) | dict(zip(series["columns"], row, strict=True))
            for series in result.get("series", [])
            for row in series["values"]
        ]

    def points(self) -> int:
        """How many points the bucket holds: no field of Kitback is in every point, so rows are counted."""
        return sum(len(self.ask(f'SELECT * FROM "{m["name"]}"')) for m in self.ask("SHOW MEASUREMENTS"))  # noqa: S608


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    influxd_port: int

    def do_POST(self) -> None:
        path, query = urlsplit(self.path)[2:4]
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if path == "/api/v2/write":
            path = "/write"
            asked = {"db": asked["bucket"], "precision": asked["precision"].replace("us", "u")}
        headers = {name: self.headers[name] for name in ("Content-Type", "Content-Encoding") if name in self.headers}
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Token":
            headers["Authorization"] = "Basic " + b64encode(token.encode()).decode()
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed half-way: InfluxDB itself takes nothing of that
            self.close_connection = True
            return
        server = HTTPConnection("127.0.0.1", self.influxd_port, timeout=_DEADLINE_S)
        server.request("POST", f"{path}?{urlencode(asked)}", body, headers)
        answer = server.getresponse()
        content = answer.read()
        server.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def influxd(folder: Path) -> Iterator[Bucket]:
    """A server with its data in `folder`, for as long as the block runs; its bucket is still to be made."""
    program = shutil.which("influxd")
    if program is None:
        raise RuntimeError("influxd is missing: run deploy/test-packages as root, or install Debian's influxdb")
    (folder / "influxdb.toml").write_text(_CONFIG.format(folder=folder))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-config", str(folder / "influxdb.toml")], stdout=log, stderr=log)
    try:
        port = _listening_port(folder / "log", process)
        front = type("Front", (_Front,), {"influxd_port": port})
        with ThreadingHTTPServer(("127.0.0.1", 0), front) as server:
            Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            bucket = Bucket(url, f"{_USER}:{_PASSWORD}", "kitback", "")
            bucket.ask(f"CREATE USER {_USER} WITH PASSWORD '{_PASSWORD}' WITH ALL PRIVILEGES")
            yield bucket
            server.shutdown()
    finally:
        process.kill()
        process.wait()


def _listening_port(log: Path, process: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + _DEADLINE_S
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"Listening on HTTP.*addr=127\.0\.0\.1:(\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.02)
    raise RuntimeError(f"influxd did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """The server of this test run: the one that the environment names, or one that is started."""
    if url := os.environ.get("KITBACK_TEST_INFLUX_URL"):
        token, org, bucket = (os.environ[f"KITBACK_TEST_INFLUX_{name}"] for name in ("TOKEN", "ORG", "BUCKET"))
        yield Bucket(url.rstrip("/"), token, org, bucket)
        return
    with influxd(tmp_path_factory.mktemp("influx")) as server:
        yield server


def empty_bucket(server: Bucket) -> Bucket:
    """A bucket with nothing in it: the one that the environment names, or a new one."""
    if server.bucket:
        server.ask("DELETE FROM /.*/")
        return server
    own = replace(server, bucket=f"test-{secrets.token_hex(6)}")
    own.ask(f'CREATE DATABASE "{own.bucket}"')
    return own


@pytest.fixture
def bucket(influx_server: Bucket) -> Bucket:
    """An empty bucket."""
    return empty_bucket(influx_server)
