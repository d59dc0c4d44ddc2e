"""What the server answers to programs, and in trouble."""

import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from kitback.register.tables import flag
from kitback.web import StylesMissing, create_app, styles
from lending import Service, StoppedClock


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


def test_health_says_ok_while_the_register_can_be_read(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/worklist.json"])
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
    assert len(json.loads(client.get("/api/worklist.json").text)) == 6
    with service.register.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(flag)) == 6
