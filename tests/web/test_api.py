"""What the server answers to programs, and in trouble."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from kitback.register import counters, listening, outbox
from kitback.register.tables import flag
from kitback.web import StylesMissing, create_app, styles
from lending import NOW, Service, StoppedClock
from stocking import second_store, stock


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(create_app(service.register, StoppedClock(), service.policy))


@pytest.mark.usefixtures("busy")
def test_the_worklist_as_json_is_one_object_a_flag(client: TestClient) -> None:
    answer = client.get("/api/worklist.json")
    assert answer.headers["content-type"] == "application/json"
    items = answer.json()
    assert [item["asset_id"] for item in items][:2] == ["MAT-0983", "HST-0119"]
    assert {"asset_id", "loan_ref", "kind", "reason", "sentence", "since"} <= set(items[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", items[0]["since"])


@pytest.mark.usefixtures("busy")
def test_the_json_worklist_is_narrowed_as_the_page_is_and_shows_the_parts_of_a_rank(client: TestClient) -> None:
    items = client.get("/api/worklist.json", params={"place": "home", "kind": "bed", "limit": 1}).json()
    assert [item["asset_id"] for item in items] == ["BED-0388"]
    assert {"score", "value_pence", "days", "confidence", "parts"} <= set(items[0]["rank"])


@pytest.mark.parametrize("address", ["/", "/api/worklist.json"])
@pytest.mark.usefixtures("busy")
def test_what_is_not_there_to_be_asked_for_is_said(client: TestClient, address: str) -> None:
    answer = client.get(address, params={"place": "Narnia"})
    assert answer.status_code == 400
    assert "there is no place" in answer.text
    assert "give its id, or its name as the register has it" in answer.text


@pytest.fixture
def well(service: Service) -> None:
    """A gateway that has just been heard of, with an InfluxDB."""
    with service.register.write() as conn:
        listening.connected(conn, NOW - 60)
        listening.kept_house(conn, NOW - 60)
        outbox.add_sink(conn, "http://influx.internal o/b")
        outbox.set_cap(conn, 10**6)


@pytest.mark.usefixtures("well")
def test_health_is_ok_while_all_parts_give_signs_of_life(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "broker_joined": True,
        "register_writable": True,
        "history_pending": answer.json()["history_pending"],
        "history_trouble": False,
        "outbox_full_pct": 0,
        "stale_feeds": [],
        "problems": [],
    }


def fill(conn: sa.Connection, pct: int) -> None:
    outbox.set_cap(conn, 100 * outbox.room(conn).waiting // pct)


@pytest.mark.parametrize(
    ("fault", "status", "problem"),
    [
        (listening.away, 503, "not joined to its broker"),
        (lambda conn: listening.away(conn, why="intake"), 503, "cannot take in what they say"),
        (lambda conn: listening.still(conn, NOW - 600), 503, "gives no sign that it listens"),
        (lambda conn: listening.kept_house(conn, NOW - 600), 503, "nothing was written to the register"),
        (lambda conn: fill(conn, 100), 503, "the intake has stopped"),
        (lambda conn: fill(conn, 60), 200, "at 100 % the intake stops"),
        (lambda conn: outbox.note_trouble(conn, "http://influx.internal o/b", "401"), 200, "InfluxDB takes no history"),
    ],
)
@pytest.mark.usefixtures("well")
def test_health_says_what_is_wrong_and_names_no_address(
    client: TestClient, service: Service, fault: Callable[[sa.Connection], None], status: int, problem: str
) -> None:
    with service.register.write() as conn:
        outbox.append(conn, [b"x" * 1000], NOW)
        fault(conn)
    answer = client.get("/healthz")
    assert answer.status_code == status
    assert answer.json()["status"] == ("failing" if status == 503 else "warning")
    (said,) = answer.json()["problems"]
    assert problem in said
    assert "influx.internal" not in answer.text


@pytest.mark.parametrize(("why", "joined"), [("broker", False), ("intake", True)])
@pytest.mark.usefixtures("well")
def test_a_gateway_that_fails_to_take_in_has_joined_its_broker_all_the_same(
    client: TestClient, service: Service, why: listening.Trouble, joined: bool
) -> None:
    with service.register.write() as conn:
        listening.away(conn, why=why)
    assert client.get("/healthz").json()["broker_joined"] is joined


@pytest.mark.usefixtures("well")
def test_metrics_are_the_registers_counters_in_prometheus_words(client: TestClient, service: Service) -> None:
    with service.register.write() as conn:
        counters.add(
            conn,
            {"received": 9, "quarantined.not_signed": 2, "quarantine.dropped": 3, "records.applied": 5, "later": 1},
        )
        outbox.append(conn, [b"a", b"b"], NOW)
        outbox.append(conn, [b"c"], NOW)
        rows = outbox.pending(conn, "http://influx.internal o/b", 2, 1000)
        outbox.advance(conn, "http://influx.internal o/b", rows, 1, 1)
        enqueued = outbox.enqueued(conn)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    told = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert told["kitback_messages_received_total",] == 9
    assert told["kitback_messages_quarantined_total", "not_signed"] == 2
    assert told["kitback_records_applied_total",] == 5
    assert told["kitback_records_quarantined_dropped_total",] == 3
    assert told["kitback_later_total",] == 1
    assert told["kitback_history_lines_enqueued_total",] == enqueued
    assert told["kitback_history_lines_total", "http://influx.internal o/b", "written"] == 1
    assert told["kitback_history_pending_lines", "http://influx.internal o/b"] == enqueued - rows[0].count
    assert told["kitback_listening",] == 1
    assert told["kitback_outbox_cap_bytes",] == 10**6


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(
    ("pct", "words"), [(40, None), (60, "The dashboards are behind"), (100, "takes in nothing new")]
)
def test_staff_are_told_when_history_is_stuck(
    client: TestClient, service: Service, pct: int, words: str | None
) -> None:
    with service.register.write() as conn:
        outbox.append(conn, [b"x" * 1000], NOW)
        fill(conn, pct)
    page = client.get("/").text
    assert ("whoever looks after Kitback" in page) == (words is not None)
    assert words is None or words in page


@pytest.mark.parametrize("path", ["/", "/ready", "/healthz", "/metrics", "/api/worklist.json", "/api/ready.json"])
def test_a_register_that_cannot_be_read_is_said_without_its_secrets(
    client: TestClient, service: Service, tmp_path: Path, path: str
) -> None:
    service.register.close()
    (tmp_path / "register.db").write_bytes(b"not a database" * 100)
    for leftover in tmp_path.glob("register.db-*"):
        leftover.unlink()
    answer = client.get(path)
    assert answer.status_code == 503
    assert "cannot" in answer.text
    assert str(tmp_path) not in answer.text


@pytest.mark.parametrize("path", ["/", "/api/worklist.json", "/static/kitback.css", "/nhsuk-frontend.css"])
def test_every_answer_keeps_the_browser_to_kitback_alone(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_worklist_stays_in_no_cache(client: TestClient) -> None:
    assert client.get("/").headers["cache-control"] == "no-store"
    assert client.get("/api/worklist.json").headers["cache-control"] == "no-store"


def test_the_board_is_as_it_is_now_whenever_it_is_asked_for(client: TestClient) -> None:
    assert client.get("/ready").headers["cache-control"] == "no-store"
    assert client.get("/api/ready.json").headers["cache-control"] == "no-store"


def test_scripts_need_a_nonce_that_nobody_can_guess(client: TestClient) -> None:
    seen = {re.search("'nonce-([^']+)'", client.get("/").headers["content-security-policy"])[1] for _ in range(3)}  # type: ignore[index]
    assert len(seen) == 3


def test_no_font_comes_from_elsewhere(client: TestClient) -> None:
    css = client.get("/nhsuk-frontend.css").text
    assert "Frutiger" not in css
    assert "https://" not in css.replace("https://creativecommons.org", "")


def test_no_nhs_logo_is_shown(client: TestClient) -> None:
    assert "nhsuk-header__logo" not in client.get("/").text


def test_missing_styles_are_named_with_the_remedy(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(styles, "_NHSUK", tmp_path)
    with pytest.raises(StylesMissing, match="npm ci"):
        create_app(service.register, StoppedClock(), service.policy)


@pytest.mark.usefixtures("busy")
def test_a_flag_of_a_pathway_the_policy_lost_is_still_shown(client: TestClient, service: Service) -> None:
    with service.register.write() as conn:
        conn.execute(sa.text("UPDATE loan SET pathway = 'holiday'"))
    assert "holiday" in client.get("/").text
    assert len(json.loads(client.get("/api/worklist.json").text)) == 7
    with service.register.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(flag)) == 7


# --- the ready-now board


@pytest.fixture
def stocked(service: Service) -> Service:
    second_store(service)
    stock(service, "BED-1")
    stock(service, "BED-2", store_id="north")
    stock(service, "HST-1", "hoist", exam_due_s=None)
    service.lend("MAT-1", "mattress", pathway="home_first", days=40)
    return service


@pytest.mark.usefixtures("stocked")
def test_the_board_as_json_is_by_kind_and_store_the_nearest_first(client: TestClient) -> None:
    answer = client.get("/api/ready.json", params={"near": "Loughborough Hospital"})
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert (found["as_of"], found["near"]["place_id"]) == ("2025-11-12T11:00:00Z", "hospital")
    beds, hoists, mattresses = found["kinds"]
    assert [(each["store_id"], each["km"], each["ready"]) for each in beds["stores"]] == [
        ("north", 0.0, 1),
        ("store", 16.5, 1),
    ]
    assert hoists["stores"][1]["not_ready"][0]["why"] == "exam_unknown"
    assert mattresses["next"][0]["stage"] == "due_soon"


@pytest.mark.usefixtures("stocked")
def test_the_board_can_be_asked_for_one_kind_and_for_few(client: TestClient) -> None:
    (beds,) = client.get("/api/ready.json", params={"kind": "bed", "limit": 1}).json()["kinds"]
    assert beds["ready"] == 2
    assert client.get("/api/ready.json", params={"limit": 0}).status_code == 422


def test_a_number_that_no_database_can_hold_is_refused(client: TestClient) -> None:
    assert client.get("/api/ready.json", params={"limit": 10**24}).status_code == 422


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize("address", ["/ready", "/api/ready.json"])
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("near=Narnia", "there is no place"),
        ("kind=boat", "there is no kind"),
        ("near=home", "not kept: give the hospital"),
    ],
)
def test_what_the_board_cannot_tell_is_said(client: TestClient, address: str, asked: str, words: str) -> None:
    answer = client.get(f"{address}?{asked}")
    assert answer.status_code == 400
    assert words in answer.text
    assert ("nhsuk-error-message" in answer.text) == (address == "/ready"), "beside the field"


@pytest.mark.usefixtures("busy", "stocked")
@pytest.mark.parametrize("address", ["/api/worklist.json", "/api/ready.json"])
def test_what_the_api_answers_is_what_its_document_says(client: TestClient, address: str) -> None:
    document = client.get("/api/openapi.json").json()
    content = document["paths"][address]["get"]["responses"]["200"]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    jsonschema.validate(client.get(address).json(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"kinds": "many"}, schema)


def test_the_document_says_what_the_fields_of_the_board_mean(client: TestClient) -> None:
    named = client.get("/api/openapi.json").json()["components"]["schemas"]
    assert named["Board"]["description"] == "What can be lent now, and what comes back soon."
    assert {"Board", "AtStore", "Ready", "HeldBack", "Coming", "WorklistItem"} <= named.keys()
    assert {each["name"] for each in _parameters(client, "/api/ready.json")} == {"kind", "near", "limit"}


def _parameters(client: TestClient, address: str) -> list[dict[str, str]]:
    parameters: list[dict[str, str]] = client.get("/api/openapi.json").json()["paths"][address]["get"]["parameters"]
    return parameters


# --- what cannot be understood


@pytest.mark.parametrize(
    ("asked", "words"),
    [("page=x", "give a whole number"), ("page=1.5", "give a whole number"), ("all=x", "true or false")],
)
def test_a_page_says_in_plain_words_what_it_cannot_understand(client: TestClient, asked: str, words: str) -> None:
    answer = client.get(f"/?{asked}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert f"<strong>{asked.partition('=')[0]}</strong>: " in answer.text
    assert words in answer.text
    assert answer.headers["content-security-policy"]


def test_the_api_says_it_to_programs(client: TestClient) -> None:
    answer = client.get("/api/worklist.json?limit=x")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "limit"]
