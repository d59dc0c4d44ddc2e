"""`kitback places`, and the store of equipment: what staff type, and what they are told."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kitback.cli import step
from kitback.cli.app import app
from lending import Service


def kitback(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def done(*arguments: str) -> str:
    told = kitback(*arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


@pytest.fixture
def oakham(service: Service) -> Service:
    """A second store, west of Greenwich."""
    done("places", "add", "oakham", "store", "Oakham store", "--point", "52.67", "-0.73", "--at", "2025-11-01")
    return service


@pytest.mark.parametrize("command", ["places add", "places list", "places show", "places point", "assets put"])
def test_every_step_has_help_worth_reading(command: str) -> None:
    told = kitback(*command.split(), "--help")
    assert told.exit_code == 0
    assert len(told.output.split("Options")[0].split()) > 20


@pytest.mark.usefixtures("oakham")
def test_a_place_is_added_put_on_the_map_and_shown() -> None:
    done("places", "add", "ward-9", "zone", "Ward 9", "--within", "oakham")
    done("places", "point", "store", "52.63", "-1.13", "--at", "2025-11-01T09:00", "--who", "amy")
    found = json.loads(done("places", "show", "store", "--json"))
    assert (found["place"]["lat"], found["place"]["lon"]) == (52.63, -1.13)
    assert found["history"][-1]["at"] == "2025-11-01T09:00:00Z"
    told = done("places", "show", "oakham")
    for words in ("Oakham store", "Degrees east", "-0.73", "Radio landmarks known there: 0", "Ward 9"):
        assert words in told
    assert "52.67, -0.73" in done("places", "list", "--type", "store")


@pytest.mark.usefixtures("oakham")
def test_a_list_of_places_can_be_narrowed_and_cut_short_and_says_so() -> None:
    listed = json.loads(done("places", "list", "--type", "loan_address", "--json"))
    assert [each["place_id"] for each in listed] == ["home", "other"]
    assert "Places: the first 1" in done("places", "list", "--limit", "1")
    assert "Places: 4" in done("places", "list", "--limit", "9")


@pytest.mark.usefixtures("oakham")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("places point home 52.63 -1.13", 1, "where it is on the map is not kept"),
        ("places point store 152.63 -1.13", 1, "give degrees north, then degrees east"),
        ("places point store north west", 2, "valid number"),
        ("places add x castle Rockingham", 2, "is not one of"),
        ("assets put BED-0388 oakham", 1, "return the loan first"),
    ],
)
def test_what_is_refused_is_said_with_a_remedy(arguments: str, code: int, words: str) -> None:
    told = kitback(*arguments.split())
    assert told.exit_code == code
    assert words in " ".join(told.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("oakham")
def test_equipment_is_added_to_a_store_and_put_into_another() -> None:
    done("assets", "add", "BED-9", "bed", "Bed", "--store", "store")
    done("assets", "put", "BED-9", "oakham", "--why", "stocktake")
    assert "Store: store → oakham" in done("assets", "show", "BED-9")


def test_ids_of_places_and_stores_are_completed(oakham: Service) -> None:
    context: Any = SimpleNamespace(params={"register": str(oakham.register.engine.url.database)})
    assert step.completing(step.every_place_id)(context, "o") == ["oakham", "other"]
    assert step.completing(step.store_ids)(context, "") == ["oakham", "store"]
