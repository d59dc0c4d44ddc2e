"""`POST /api/feed`: the provider's system tells of its loans, if it has a token; all of a request is taken, or none."""

from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from kitback.register import assets, feeds
from kitback.register.tables import feed_item, loan
from kitback.web import create_app
from lending import DAY, HOUR, NOW, Service, StoppedClock

TOKEN = "sixteen letters, or more"
SAID = "2025-11-12T09:00:00Z"
TOLD = {"id": "1", "said": SAID, "asset": "BED-1", "pathway": "home_first", "place": "home", "delivered": "2025-11-11"}


@pytest.fixture
def client(service: Service) -> TestClient:
    with service.register.write() as conn:
        assets.add_asset(conn, "BED-1", "bed", "Model 7", NOW - DAY)
    tokens = {"acme": TOKEN, "other": "another one, as long"}
    return TestClient(create_app(service.register, StoppedClock(), service.policy, tokens))


def _post(client: TestClient, body: Any, token: str | None = TOKEN) -> Any:
    return client.post("/api/feed", json=body, headers={"Authorization": f"Bearer {token}"} if token else {})


def test_a_message_becomes_a_loan_of_the_source_whose_token_it_came_with(client: TestClient, service: Service) -> None:
    answer = _post(client, TOLD)
    assert (answer.status_code, answer.json()["taken"][0]["outcome"]) == (200, "applied")
    assert _post(client, TOLD).json()["taken"][0]["outcome"] == "unchanged"
    with service.register.read() as conn:
        assert conn.execute(sa.select(loan.c.loan_ref, loan.c.fed_by)).all() == [("acme-1", "acme")]


def test_what_could_not_be_applied_is_answered_with_the_remedy(client: TestClient) -> None:
    (taken,) = _post(client, TOLD | {"asset": "BED-9"}).json()["taken"]
    assert taken["outcome"] == "waiting"
    assert "add it" in taken["trouble"]


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1]])
def test_nobody_tells_anything_without_a_token(client: TestClient, service: Service, token: str | None) -> None:
    assert _post(client, TOLD, token).status_code == 401
    with service.register.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(feed_item)) == 0


def test_without_a_configured_token_there_is_no_feed(service: Service) -> None:
    client = TestClient(create_app(service.register, StoppedClock(), service.policy))
    assert _post(client, TOLD, "").status_code == 404


def test_of_a_request_with_a_mistake_nothing_is_taken_and_the_mistake_is_named(
    client: TestClient, service: Service
) -> None:
    answer = _post(client, {"messages": [TOLD, TOLD | {"id": "2", "delivered": "soon"}, {"id": "3"}]})
    assert answer.status_code == 422
    assert [(each["message"], each["field"]) for each in answer.json()["wrong"]] == [(1, "delivered"), (2, "said")]
    with service.register.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(feed_item)) == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": 3}', b"\xff"])
def test_what_is_no_message_is_refused_in_words(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/feed", content=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 422


def test_too_much_at_once_is_refused(client: TestClient) -> None:
    assert _post(client, {"messages": [TOLD] * 501}).status_code == 413
    assert _post(client, TOLD | {"commissioner": "x" * (1 << 20)}).status_code == 413


def test_a_stale_feed_is_said_on_the_page_in_health_and_in_the_metrics(client: TestClient, service: Service) -> None:
    _post(client, TOLD)
    with service.register.write() as conn:
        conn.execute(sa.update(feeds.feed).values(told_to_s=NOW - 40 * HOUR))
    assert "feed acme has told nothing since" in client.get("/").text
    assert client.get("/healthz").json()["stale_feeds"] == ["acme"]
    families = {each.name: each for each in text_string_to_metric_families(client.get("/metrics").text)}
    assert [sample.value for sample in families["kitback_feed_stale"].samples] == [1.0]


def test_a_feed_that_is_fresh_is_not_spoken_of(client: TestClient) -> None:
    _post(client, TOLD)
    assert "has told nothing since" not in client.get("/").text
    assert client.get("/healthz").json()["stale_feeds"] == []
