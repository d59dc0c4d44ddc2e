"""The figures as programs get them."""

import pytest
from starlette.testclient import TestClient

import kpi_example as example
from kitback.register import Register
from kitback.web import create_app
from lending import StoppedClock


@pytest.fixture
def client(register: Register) -> TestClient:
    example.enter(register, example.read())
    return TestClient(create_app(register, StoppedClock(example.NOW), example.POLICY))


def test_the_figures_of_this_month_and_of_now_come_with_both_sides_of_their_line(client: TestClient) -> None:
    told = client.get("/api/kpi.json").json()
    assert told["at"] == "2026-11-30T12:00:00Z"
    assert [each["month"] for each in told["groups"]] == ["2026-11", None]
    figures = {(each["name"], each["of"]): each for group in told["groups"] for each in group["figures"]}
    rate = figures["return_rate_pct", ""]
    assert (rate["numerator"], rate["denominator"], rate["value"], rate["unit"]) == (3, 9, 33.3, "%")
    assert rate["denominator_counts"] == "items issued (delivered) in the month"
    assert figures["delivery_on_time_pct", "discharge"]["value"] is None
    assert figures["loans_overdue", ""]["value"] == 2


def test_every_month_apart_by_two_things_and_narrowed(client: TestClient) -> None:
    asked = {"month": "all", "by": ["kind", "pathway"], "commissioner": "County"}
    groups = client.get("/api/kpi.json", params=asked).json()["groups"]
    october = [each["of"] for each in groups if each["month"] == "2026-10"]
    assert {"kind": "mattress", "pathway": "end_of_life"} in october
    assert {"kind": "bed", "pathway": "long_term"} not in october, "that is the City's and Rutland's"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"month": "October"}, "write it as 2026-10"),
        ({"by": "town"}, "there are commissioner, kind, pathway"),
        ({"kind": "bde"}, "did you mean"),
        ({"pathway": "home_frst"}, "did you mean"),
        ({"commissioner": "city"}, 'there is no commissioner "city"; did you mean "City"?'),
    ],
)
def test_what_is_not_known_is_said(client: TestClient, asked: dict[str, str], told: str) -> None:
    answer = client.get("/api/kpi.json", params=asked)
    assert answer.status_code == 400
    assert told in answer.json()["status"]


def test_the_answer_is_in_the_apis_document(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()
    answer = document["paths"]["/api/kpi.json"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["$ref"].split("/")[-1] in document["components"]["schemas"]
