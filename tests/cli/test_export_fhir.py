"""`kitback export fhir`: what staff ask for, and what they are told."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fhir_parts import bundle
from kitback.cli.app import app
from lending import Service

pytestmark = pytest.mark.usefixtures("service")


def fhir(to: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["export", "fhir", "--to", str(to), *arguments])


def test_it_says_what_it_wrote(tmp_path: Path) -> None:
    told = fhir(tmp_path / "all.json")
    assert told.exit_code == 0, told.output
    assert "all.json: 2 Device, 2 SupplyDelivery, 2 DeviceUseStatement" in told.stdout
    assert len(bundle(tmp_path / "all.json")) == 6


def test_one_loan(tmp_path: Path) -> None:
    fhir(tmp_path / "one.json", "--loan", "L-BED-0388")
    assert {each["identifier"][0]["value"] for each in bundle(tmp_path / "one.json")} == {"BED-0388", "L-BED-0388"}


def test_one_asset_with_its_giai(tmp_path: Path) -> None:
    fhir(tmp_path / "one.json", "--asset", "MAT-0983", "--company-prefix", "9501101")
    assert bundle(tmp_path / "one.json")[0]["identifier"][1]["value"] == "9501101MAT-0983"


def test_since_a_day_nothing_ran_on(service: Service, tmp_path: Path) -> None:
    told = fhir(tmp_path / "none.json", "--since", "2025-11-12")
    assert "2 Device" in told.stdout
    assert service is not None


def test_a_folder_of_bulk_files(tmp_path: Path) -> None:
    told = fhir(tmp_path / "bulk", "--ndjson", "--service", "https://equipment.example")
    assert told.exit_code == 0, told.output
    assert {each.name for each in (tmp_path / "bulk").iterdir()} == {
        *("Device.ndjson", "DeviceRequest.ndjson", "SupplyDelivery.ndjson", "DeviceUseStatement.ndjson", "Task.ndjson")
    }
    assert '"https://equipment.example/loan"' in (tmp_path / "bulk" / "SupplyDelivery.ndjson").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--loan", "L-9"], 1, "there is no loan L-9"),
        (["--asset", "BED-9"], 1, "there is no asset BED-9"),
        (["--loan", "L-9", "--asset", "BED-9"], 2, "give one of --loan, --asset and --since"),
        (["--service", "us"], 2, "https://equipment.example.nhs.uk"),
        (["--company-prefix", "12"], 2, "4 to 12 digits"),
        (["--since", "soon"], 2, "2026-10-24"),
    ],
)
def test_what_cannot_be_is_said_with_the_remedy_and_writes_nothing(
    tmp_path: Path, arguments: list[str], code: int, why: str
) -> None:
    told = fhir(tmp_path / "all.json", *arguments)
    assert (told.exit_code, (tmp_path / "all.json").exists()) == (code, False)
    assert why in " ".join(told.stderr.split())


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    told = fhir(tmp_path / "there" / "all.json")
    assert told.exit_code == 1
    assert "cannot write" in told.stderr
