"""What is pushed, against a stand-in that keeps what a Grafana would keep. No real Grafana has been asked."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from kitback.history.grafana import History, PushFailed, push

TOKEN = "glsa_a-service-account"
HISTORY = History("http://influxdb:8086", "a-read-token", "history")


class StandIn:
    """The few paths of Grafana's HTTP API that a push needs; each answer as Grafana documents it."""

    def __init__(self) -> None:
        self.sources: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.health: tuple[int, dict[str, str]] = (200, {"status": "OK", "message": "3 measurements found"})
        self.refuse: dict[tuple[str, str], int] = {}
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    status, answer = 401, {"message": "Invalid API key"}
                elif status := stand_in.refuse.get((self.command, self.path), 0):
                    answer = {"message": "refused by the test"}
                else:
                    status, answer = stand_in.answer(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            do_GET = do_POST = do_PUT = _handle  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/grafana"

    def answer(  # noqa: PLR0911
        self, method: str, path: str, body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        missing = 404, {"message": "not found"}
        match method, path.removeprefix("/grafana/api").split("/")[1:]:
            case "GET", ["datasources", "uid", uid]:
                return (200, self.sources[uid]) if uid in self.sources else missing
            case "POST", ["datasources"]:
                self.sources[body["uid"]] = body
                return 200, {"datasource": body}
            case "PUT", ["datasources", "uid", uid] if uid in self.sources:
                self.sources[uid] = body
                return 200, {"datasource": body}
            case "GET", ["datasources", "uid", uid, "health"] if uid in self.sources:
                return self.health
            case "GET", ["folders", uid]:
                return (200, {"uid": uid, "title": self.folders[uid]}) if uid in self.folders else missing
            case "POST", ["folders"]:
                self.folders[body["uid"]] = body["title"]
                return 200, body
            case "POST", ["dashboards", "db"] if body["folderUid"] in self.folders and body["overwrite"]:
                uid = body["dashboard"]["uid"]
                self.dashboards[uid] = body["dashboard"]
                return 200, {"uid": uid, "url": f"/grafana/d/{uid}/a-title", "status": "success"}
        return 400, {"message": f"not expected: {method} {path}"}


@pytest.fixture
def grafana() -> Iterator[StandIn]:
    stand_in = StandIn()
    with stand_in.server:
        Thread(target=stand_in.server.serve_forever, args=[0.01], daemon=True).start()
        yield stand_in
        stand_in.server.shutdown()


def test_a_new_grafana_gets_the_data_source_the_folder_and_the_dashboards(grafana: StandIn) -> None:
    pushed = push(grafana.url, TOKEN, HISTORY)

    (dashboard,) = grafana.dashboards.values()
    assert dashboard["title"] == "Stores today"
    asked = {panel["datasource"]["uid"] for panel in dashboard["panels"]}
    assert asked == set(grafana.sources)
    assert pushed.addresses == [f"{grafana.url}/d/kitback-stores-today"]
    assert pushed.warning is None


def test_the_data_source_reads_the_bucket_in_influxql_with_the_token_kept_secret(grafana: StandIn) -> None:
    push(grafana.url, TOKEN, HISTORY)

    (source,) = grafana.sources.values()
    assert (source["type"], source["url"], source["jsonData"]["dbName"]) == ("influxdb", HISTORY.url, "history")
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token a-read-token"}
    assert "a-read-token" not in json.dumps(source["jsonData"])


def test_a_second_push_brings_the_same_things_up_to_date(grafana: StandIn) -> None:
    push(grafana.url, TOKEN, HISTORY)
    grafana.folders["kitback"] = "Stores (renamed by staff)"
    grafana.dashboards["kitback-stores-today"] = {"title": "an older one"}

    push(f"{grafana.url}/", TOKEN, History("http://elsewhere:8086", "another", "history"))

    assert [source["url"] for source in grafana.sources.values()] == ["http://elsewhere:8086"]
    assert grafana.folders == {"kitback": "Stores (renamed by staff)"}
    assert grafana.dashboards["kitback-stores-today"]["title"] == "Stores today"


@pytest.mark.parametrize("status", [200, 400])
def test_a_history_that_grafana_cannot_read_is_a_warning(grafana: StandIn, status: int) -> None:
    grafana.health = (status, {"status": "ERROR", "message": "no measurements found"})

    pushed = push(grafana.url, TOKEN, HISTORY)

    assert pushed.addresses
    assert "http://influxdb:8086 yet:" in str(pushed.warning)
    assert "no measurements found" in str(pushed.warning)


def test_a_wrong_token_is_told_as_such(grafana: StandIn) -> None:
    with pytest.raises(PushFailed, match="does not know the token: make a new one"):
        push(grafana.url, "wrong", HISTORY)


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (("POST", "/grafana/api/datasources"), 403, "give its service account the role Admin"),
        (("POST", "/grafana/api/datasources"), 409, "already has something of that name"),
        (("POST", "/grafana/api/dashboards/db"), 412, "already has something of that name"),
        (("POST", "/grafana/api/folders"), 500, "refused by the test"),
    ],
)
def test_a_refusal_says_what_to_do(grafana: StandIn, request_: tuple[str, str], status: int, words: str) -> None:
    grafana.refuse[request_] = status
    with pytest.raises(PushFailed, match=words):
        push(grafana.url, TOKEN, HISTORY)


def test_a_grafana_that_is_not_there_is_told_as_such() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(PushFailed, match=f"Grafana at {url} cannot be reached"):
            push(url, TOKEN, HISTORY)


def test_a_server_that_is_no_grafana_is_told_as_such(grafana: StandIn) -> None:
    with pytest.raises(PushFailed, match="Grafana at"):
        push(grafana.url.removesuffix("/grafana") + "/elsewhere", TOKEN, HISTORY)


@pytest.mark.parametrize("url", ["localhost:3000", "", "ftp://localhost"])
def test_an_address_without_http_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(PushFailed, match="begins with http"):
        push(url, TOKEN, HISTORY)


def test_no_secret_is_shown_when_the_history_is_printed() -> None:
    assert "a-read-token" not in repr(HISTORY)
