"""Sheets for spreadsheets, and that they can be taken in again."""

import csv
import io
from pathlib import Path

import pytest

from kitback.exchange import csv_in, csv_out
from kitback.policy import load
from kitback.register import Register, assets, loans, places
from lending import DAY, NOW, Service

POLICY = load()


@pytest.fixture
def service(where: str) -> Service:
    service = Service.open(where)
    with service.register.write() as conn:
        places.add_place(conn, "at", "store", "zone", "=HYPERLINK(1)", NOW, who="ann", why='@why, "quoted"\nbroken')
        assets.add_asset(conn, "HST-1", "hoist", "-model", NOW, value_pence=61_205)
        assets.note_service(conn, POLICY, "HST-1", NOW - 9 * DAY)
        assets.add_asset(conn, "BED-1", "bed", "Höhe", NOW)
        loans.prescribe(conn, POLICY, "L-1", "BED-1", "home_first", "home", "home", NOW - 9 * DAY, speed="1")
        loans.deliver(conn, POLICY, "L-1", NOW - 8 * DAY)
        loans.agree_due(conn, POLICY, "L-1", NOW + DAY, NOW - 8 * DAY)
        loans.lend(conn, POLICY, "L-2", "HST-1", "home_first", "home", "other", NOW - DAY, used_by_paid_carers=True)
    return service


def sheet(register: Register, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(register, name))))


def written(register: Register, name: str) -> str:
    file = io.StringIO(newline="")
    with register.read() as conn:
        csv_out.write(conn, name, file)
    return file.getvalue()


@pytest.mark.both_engines
@pytest.mark.parametrize("name", csv_out.NAMES)
def test_there_is_a_sheet_of_everything(service: Service, name: str) -> None:
    assert written(service.register, name).count("\r\n") >= 1


def test_times_are_utc_money_is_pounds_and_yes_is_yes(service: Service) -> None:
    _, loan = sheet(service.register, "loans")
    assert (loan["delivered"], loan["used_by_paid_carers"]) == ("2025-11-11T11:00:00Z", "yes")
    assert [each["value_gbp"] for each in sheet(service.register, "assets")] == ["", "612.05"]
    assert {each["at"] for each in sheet(service.register, "audit")} >= {"2025-11-12T11:00:00Z"}


def test_what_a_spreadsheet_would_run_is_made_harmless(service: Service) -> None:
    names = {each["place_id"]: each["name"] for each in sheet(service.register, "places")}
    assert names["at"] == "'=HYPERLINK(1)"
    whys = [each["why"] for each in sheet(service.register, "audit")]
    assert '\'@why, "quoted"\nbroken' in whys


def test_a_day_that_follows_from_the_pathway_is_not_written_as_agreed(service: Service) -> None:
    agreed, pathways = sheet(service.register, "loans")
    assert (agreed["due_agreed"], agreed["due"]) == ("2025-11-13T11:00:00Z", "2025-11-13T11:00:00Z")
    assert (pathways["due_agreed"], pathways["due"][:10]) == ("", "2025-12-23")


def test_sheets_that_are_taken_in_elsewhere_give_the_same_sheets(service: Service, tmp_path: Path) -> None:
    there = Register.open(str(tmp_path / "elsewhere.db"))
    order = [each for each in sheet(service.register, "places") if each["place_id"] != "at"]
    assert order, "what is part of another comes before it by name, and has to be brought last"
    for name in ("places", "assets", "loans"):
        file = tmp_path / f"{name}.csv"
        text = written(service.register, name)
        if name == "places":
            header, at, *others = text.splitlines(keepends=True)
            text = "".join([header, *others, at])
        file.write_text(text, encoding="utf-8-sig", newline="")
        taken = csv_in.take(there, lambda _: POLICY, name, file, NOW, who="ann", told=lambda _: None)
        assert not taken.mistakes
    for name in ("places", "assets", "loans"):
        assert written(there, name) == written(service.register, name)
    there.close()
