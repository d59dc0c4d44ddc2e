"""`kitback ready`: the board in the terminal and for programs."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kitback.cli import ready
from kitback.cli.app import app
from kitback.collect.ready import SHOWN
from kitback.policy import load
from lending import NOW, Service
from stocking import bring_home, hear, second_store, stock


def kitback(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def done(*arguments: str) -> str:
    told = kitback(*arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


@pytest.fixture(autouse=True)
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in date, is so at the tests' own moment."""
    monkeypatch.setattr("kitback.clock.now_s", lambda _: NOW)


@pytest.fixture
def stocked(service: Service) -> Service:
    second_store(service)
    stock(service, "BED-1")
    stock(service, "BED-2", store_id="north", service_due_s=None)
    stock(service, "HST-1", "hoist")
    stock(service, "HST-2", "hoist", exam_due_s=None)
    hear(service, "HST-1", "north", "store")
    bring_home(service, "MAT-0983", "booked")
    return service


def test_as_many_are_shown_as_on_the_page() -> None:
    assert ready._SHOWN == SHOWN


def test_its_help_says_what_ready_means() -> None:
    told = " ".join(kitback("ready", "--help").output.split())
    assert "available, in date, by kind and store" in told
    assert "straight line" in told


@pytest.mark.usefixtures("stocked")
def test_the_board_for_people_says_what_is_ready_where_and_what_its_tag_says() -> None:
    told = done("ready", "--near", "hospital")
    assert "Profiling bed: 2 ready; km from Loughborough Hospital in a straight line" in told
    assert told.index("BED-2") < told.index("BED-1"), "the nearer store first"
    assert "16.5 km" in told
    assert "Service by 4 August 2026" in told
    assert "Service not known" in told
    assert "Examination by 4 February 2026" in told
    assert "Hoist: 1 ready, 1 of them not where the register has it" in told
    assert "Not here, says its tag: at Loughborough store" in told
    assert "Hoist: 1 held back" in told
    assert "No thorough examination is known" in told
    assert "Pressure mattress: 0 ready" in told
    assert told.count("none ready") == 3
    assert "Pressure mattress, on its way back: 1 collection booked" in told
    assert "Collection booked for 11:00 on 13 November." in told


@pytest.mark.usefixtures("stocked")
def test_the_board_for_programs_is_that_of_the_api() -> None:
    (beds,) = json.loads(done("ready", "--json", "--kind", "bed"))["kinds"]
    assert beds["ready"] == 2
    assert [each["items"][0]["asset_id"] for each in beds["stores"]] == ["BED-1", "BED-2"]


def test_a_long_shelf_is_cut_short_and_says_so(service: Service) -> None:
    for n in range(3):
        stock(service, f"BED-{n}")
        stock(service, f"HST-{n}", "hoist", exam_due_s=None)
    told = done("ready", "--limit", "1")
    assert told.count("+ 2") == 2
    assert told.count("more: --limit") == 2


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--near", "Narnia"), "there is no place"), (("--kind", "beds"), 'did you mean "bed"')],
)
def test_what_is_not_there_to_be_asked_for_is_said(arguments: tuple[str, ...], words: str) -> None:
    told = kitback("ready", *arguments)
    assert told.exit_code == 2
    assert words in told.stderr


def test_in_date_is_by_the_policy_that_the_register_is_judged_by(service: Service, tmp_path: Any) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('[kind.bed]\nexamine_every = "6 months"\n')
    stock(service, "BED-1")
    service.policy = load(ours)
    service.judge()
    assert "No thorough examination is known" in done("ready", "--kind", "bed")
