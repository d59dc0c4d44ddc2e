"""`kitback kpi`: the figures as a clerk, a spreadsheet and a program get them."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

import kpi_example as example
from kitback.cli.app import app
from kitback.clock import SystemClock
from kitback.policy import load
from kitback.register import Register, feeds
from kitback.register.tables import loan
from kitback.watch import judge
from moves import DAY


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The register of the example."""
    path = tmp_path_factory.mktemp("example") / "register.db"
    register = Register.open(str(path))
    example.enter(register, example.read())
    register.close()
    return path


@pytest.fixture(autouse=True)
def on_the_thirtieth(entered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service of the example, on 30 November, in `register.db`."""
    shutil.copy(entered, tmp_path / "register.db")
    monkeypatch.setattr(SystemClock, "now_us", lambda _: example.NOW * 1_000_000)


def kitback(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["kpi", *arguments])


def done(*arguments: str) -> str:
    told = kitback(*arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


def test_it_shows_this_month_and_now_with_what_each_figure_is_made_of() -> None:
    shown = done()
    assert "November 2026" in shown
    assert "33.3 %" in shown
    assert "9 items issued (delivered) in the month" in shown
    assert "3 of these returned since" in shown
    assert "Now (12:00 on 30 November 2026)" in shown


def test_a_figure_of_nothing_shows_no_value() -> None:
    assert "-            0 deliveries that were promised for the month, hospital discharge at best" in done()


def test_groups_are_named_as_staff_call_them() -> None:
    shown = done("--month", "2026-10", "--by", "kind", "--by", "pathway")
    assert "October 2026, pressure mattress, end of life" in shown


def test_the_log_gives_the_same_to_the_letter() -> None:
    asked = ("--month", "all", "--by", "commissioner", "--by", "kind", "--by", "pathway", "--json")
    assert done(*asked, "--from-audit") == done(*asked)


def test_csv_has_a_line_a_figure() -> None:
    lines = list(csv.DictReader(io.StringIO(done("--csv", "--month", "2026-10", "--by", "commissioner"))))
    found = {(each["month"], each["commissioner"], each["name"], each["of"]): each for each in lines}
    rate = found["2026-10", "County", "return_rate_pct", ""]
    assert (rate["numerator"], rate["denominator"], rate["value"]) == ("2", "5", "40.0")
    assert found["", "City", "loans_overdue", ""]["kind"] == ""


def figures(*arguments: str) -> dict[str, Any]:
    groups = json.loads(done("--json", *arguments))["groups"]
    return {each["name"]: each for each in groups[0]["figures"]}


def test_only_what_is_wanted_is_counted() -> None:
    assert figures("--month", "2026-10", "--pathway", "home_first")["return_rate_pct"]["denominator"] == 8


def test_factors_are_the_policy_files(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[kind.bed]\nnew_co2_kg = 1000\n[collection]\njourney_km = 100\n")
    carbon = figures("--month", "2026-10", "--policy", str(policy))["carbon_avoided_kg"]
    assert carbon["value"] == 1000 * 0.87 + 60 * 0.87 - 25


def test_without_a_policy_file_factors_are_those_that_the_register_is_judged_by(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[kind.bed]\nnew_co2_kg = 1000\n")
    register = Register.open(str(tmp_path / "register.db"))
    judge(register, load(policy), example.NOW)
    register.close()
    carbon = figures("--month", "2026-10")["carbon_avoided_kg"]
    assert carbon["value"] == 1000 * 0.87 + 60 * 0.87 - 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--month", "2026-13"), 'is no month: write it as 2026-10, or "all" for every month'),
        (("--kind", "bde"), 'did you mean "bed"?'),
        (("--commissioner", "Narnia"), "there are City, County, Rutland"),
        (("--json", "--csv"), "give --json or --csv, not both"),
    ],
)
def test_what_is_not_possible_is_said(arguments: tuple[str, ...], told: str) -> None:
    refused = kitback(*arguments)
    assert refused.exit_code == 2
    assert told in " ".join(refused.output.split())


def test_it_has_help_worth_reading() -> None:
    assert len(done("--help").split("Options")[0].split()) > 60


def test_each_figure_has_a_name_in_words_above_its_own() -> None:
    shown = done("--month", "2026-10")
    for title, name in (
        ("Delivered on time, Delivery Speed 1", "delivery_on_time_pct"),
        ("Collected on time, failed visit", "collection_on_time_pct"),
        ("Loans overdue", "loans_overdue"),
    ):
        lines = [line.strip() for line in shown.splitlines()]
        number = next(number for number, line in enumerate(lines) if line.startswith(f"{title}  "))
        assert lines[number + 1].startswith(name)


def test_what_a_silent_feed_tells_of_may_be_back_and_that_is_said(tmp_path: Path) -> None:
    assert "provider's feed" not in done()
    register = Register.open(str(tmp_path / "register.db"))
    with register.write() as conn:
        feeds.hear(conn, "acme", example.NOW - 30 * DAY, example.NOW - 30 * DAY)
        conn.execute(sa.update(loan).where(loan.c.loan_ref == "L-03"), {"fed_by": "acme"})
    register.close()
    assert "The provider's feed acme has told nothing since" in done()
    assert "they may be back already" in done()
