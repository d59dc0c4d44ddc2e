"""docs/stores-guide.md, run as it stands: a loan's whole life through the command line alone, on the demo's data."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demos import furnished
from kitback.cli.app import app
from kitback.collect.collections import show
from kitback.policy import load
from kitback.register import Register, overview

GUIDE = Path(__file__).parents[2] / "docs" / "stores-guide.md"
ANYTHING = "…"


def steps() -> list[tuple[str, str]]:
    """What the guide types, and what it says is answered."""
    told = "\n".join(re.findall(r"^```console\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    return [(typed, answer.strip()) for typed, _, answer in (each.partition("\n") for each in told.split("$ ")[1:])]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Register, list[tuple[str, str, str, int]]]]:
    """The register after all of it, and of each step what was typed, promised and answered, with the exit code."""
    file = tmp_path_factory.mktemp("guide") / "register.db"
    register = furnished(file)
    runner = CliRunner(env={"COLUMNS": "200", "KITBACK_REGISTER": str(file), "KITBACK_POLICY": ""})
    came = []
    for typed, promised in steps():
        command, *arguments = shlex.split(typed)
        assert command == "kitback"
        result = runner.invoke(app, arguments)
        came.append((typed, promised, result.output.strip(), result.exit_code))
    yield register, came
    register.close()


def test_every_command_of_the_guide_answers_as_the_guide_says(lived: Any) -> None:
    for typed, promised, answered, code in lived[1]:
        if promised != ANYTHING:
            assert answered == promised, typed
        assert code == (1 if answered.startswith("kitback:") else 0), typed


def test_the_bed_has_come_round_and_can_be_lent_again(lived: Any) -> None:
    with lived[0].read() as conn:
        bed = overview.show_asset(conn, "BED-0500").asset
        trip = show(conn, load(), "LN-1101", 0).collections[-1]
    assert (bed.state, bed.store_id) == ("available", "leicester-store")
    assert (trip.status, trip.failed_visits, trip.how) == ("available", 1, "van")
    assert trip.credit_pence == load().credit_pence("bed", 40_000)
    assert trip.cost_pence == load().homecoming_cost_pence("bed", "van")


def test_each_step_of_the_life_is_in_its_history(lived: Any) -> None:
    with lived[0].read() as conn:
        told = overview.show_loan(conn, "LN-1101").history
    verbs = [each.what.split()[0] for each in told]
    assert verbs == [
        *("loan.prescribe", "loan.deliver", "hold.begin", "hold.end", "loan.review"),
        *("collection.request", "collection.book", "collection.fail", "collection.book", "collection.collect"),
        *("loan.end", "collection.decontaminate", "collection.inspect", "collection.inspect"),
    ]
