"""`kitback import` and `kitback export`: what staff type, and what they are told."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kitback.cli.app import app
from kitback.cli.export import SheetName
from kitback.exchange import csv_out

SHEET = "asset_id,kind,model\nBED-1,bed,Model 7\nBED-2,{kind},Model 7\n"


def kitback(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(map(str, arguments)))


def done(*arguments: str | Path) -> str:
    told = kitback(*arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "sheet.csv"
    path.write_text(SHEET.format(kind="bed"))
    return path


def assets() -> list[str]:
    return [each["asset_id"] for each in json.loads(done("assets", "list", "--json"))]


@pytest.mark.usefixtures("service")
def test_a_sheet_that_is_right_is_in_the_register(sheet: Path) -> None:
    assert "Taken in: 2 assets. Left out: 0." in done("import", "assets", sheet)
    assert {"BED-1", "BED-2"} <= set(assets())


@pytest.mark.usefixtures("service")
def test_a_dry_run_says_so_and_changes_nothing(sheet: Path) -> None:
    assert "Right: 2 assets. Nothing was changed." in done("import", "assets", sheet, "--dry-run")
    assert "BED-1" not in assets()


@pytest.mark.usefixtures("service")
def test_what_is_wrong_is_a_table_of_line_column_and_remedy(sheet: Path) -> None:
    sheet.write_text(SHEET.format(kind="bad"))
    told = kitback("import", "assets", sheet)
    assert told.exit_code == 1
    assert "Wrong: 1. Right: 1. Nothing was changed: mend the sheet, or leave out" in told.stdout
    (line,) = (each for each in told.stdout.splitlines() if "'bad'" in each)
    assert line.split()[:2] == ["3", "kind"]
    assert "do you mean bed?" in line
    assert "BED-1" not in assets()


@pytest.mark.usefixtures("service")
def test_what_is_wrong_can_be_left_out(sheet: Path) -> None:
    sheet.write_text(SHEET.format(kind="bad"))
    assert "Taken in: 1 assets. Left out: 1." in done("import", "assets", sheet, "--skip-bad")
    assert "BED-1" in assets()


@pytest.mark.usefixtures("service")
def test_programs_get_the_mistakes_as_json(sheet: Path) -> None:
    sheet.write_text(SHEET.format(kind="bad"))
    told = json.loads(kitback("import", "assets", sheet, "--json").stdout)
    assert (told["rows"], told["bad"], told["kept"]) == (1, 1, False)
    assert told["mistakes"][0].keys() == {"line", "column", "what"}


@pytest.mark.usefixtures("service")
def test_a_sheet_that_cannot_be_read_is_a_wrong_question(tmp_path: Path) -> None:
    told = kitback("import", "assets", tmp_path / "nowhere.csv")
    assert (told.exit_code, "No such file" in told.stderr) == (2, True)


def test_there_is_a_command_for_every_sheet() -> None:
    assert tuple(SheetName) == csv_out.NAMES


@pytest.mark.usefixtures("service")
def test_a_sheet_is_written_for_excel_and_never_over_another(tmp_path: Path) -> None:
    to = tmp_path / "loans.csv"
    assert "2 lines in" in done("export", "csv", "loans", "--to", to)
    assert to.read_bytes().startswith(b"\xef\xbb\xbfloan_ref,")
    assert "is there already" in kitback("export", "csv", "loans", "--to", to).stderr
    assert done("export", "csv", "loans", "--to", "-").startswith("loan_ref,")


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("name", ["export", "export.zip"])
def test_the_drill_carries_everything_to_another_register(tmp_path: Path, name: str) -> None:
    assert "every tag has to be provisioned again" in done("export", "all", tmp_path / name)
    there = tmp_path / "there.db"
    told = done("import", "all", tmp_path / name, "--register", there)
    assert "no tag is believed until it is provisioned again" in told
    assert done("worklist", "--json", "--register", there) == done("worklist", "--json")
    assert "not empty" in kitback("import", "all", tmp_path / name, "--register", there).stderr


@pytest.mark.usefixtures("service")
def test_secrets_are_exported_only_when_asked_for_and_with_a_warning(tmp_path: Path) -> None:
    assert "keep it as you keep keys" in done("export", "all", tmp_path / "export", "--secrets")
    told = done("import", "all", tmp_path / "export", "--register", tmp_path / "there.db")
    assert "provisioned again" not in told
