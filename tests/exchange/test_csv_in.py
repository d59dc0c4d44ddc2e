"""Sheets of places, equipment and loans: each row through the register's own steps, all of it or nothing."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kitback.exchange import csv_in
from kitback.exchange.csv_in import Taken
from kitback.exchange.rows import Mistake, SheetError
from kitback.policy import load
from kitback.register import Register, audit_log
from kitback.register.tables import asset, audit, loan, place
from lending import DAY, NOW, Service

POLICY = load()
PLACES = "place_id,type,name\nstore,store,Leicester store\nhome,loan address,Home in Oadby\n"
ASSETS = "asset_id,kind,model\nBED-1,bed,Model 7\nHST-1,hoist,Model 8\n"
LOAN = "loan_ref,asset_id,pathway,setting,place_id,delivered\n"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return tmp_path / "sheet.csv"


@pytest.fixture
def stocked(register: Register, sheet: Path) -> Register:
    """Two places, a bed and a hoist, as sheets brought them."""
    for name, text in (("places", PLACES), ("assets", ASSETS)):
        assert take(register, name, sheet, text).kept
    return register


def take(register: Register, name: str, sheet: Path, text: str, **how: Any) -> Taken:
    sheet.write_text(text, encoding="utf-8")
    return csv_in.take(register, lambda _: POLICY, name, sheet, NOW, who="ann", told=lambda _: None, **how)


def wrong(register: Register, name: str, sheet: Path, text: str) -> list[Mistake]:
    taken = take(register, name, sheet, text)
    assert not taken.kept
    return taken.mistakes


def only(mistakes: list[Mistake]) -> tuple[int, str, str]:
    (mistake,) = mistakes
    return mistake.line, mistake.column, mistake.what


def count(register: Register, table: sa.Table) -> int:
    with register.read() as conn:
        return conn.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def row(register: Register, table: sa.Table, key: str) -> Any:
    (column,) = table.primary_key
    with register.read() as conn:
        return conn.execute(sa.select(table).where(column == key)).one()


# --- what is taken in


@pytest.mark.both_engines
def test_a_sheet_leaves_the_same_rows_and_audit_as_the_steps_of_staff(
    stocked: Register, sheet: Path, tmp_path: Path
) -> None:
    take(stocked, "loans", sheet, LOAN + "L-1,BED-1,home_first,home,home,2025-11-01T09:30\n")
    by_hand = Service.open(str(tmp_path / "by-hand.db")).register
    with by_hand.write() as conn:
        from kitback.register import assets, loans

        assets.add_asset(conn, "BED-1", "bed", "Model 7", NOW, who="ann")
        loans.lend(conn, POLICY, "L-1", "BED-1", "home_first", "home", "home", NOW - 11 * DAY - 5400, who="ann")
    for table, key in ((loan, "L-1"), (asset, "BED-1")):
        assert row(stocked, table, key) == row(by_hand, table, key)
    entries = []
    for each in (stocked, by_hand):
        with each.read() as conn:
            entries.append(audit_log.entries(conn, ["asset.add BED-1", "loan.start L-1"]))
    assert entries[0] == entries[1]
    by_hand.close()


def test_a_place_has_its_point_and_the_place_it_is_part_of(register: Register, sheet: Path) -> None:
    take(register, "places", sheet, "place_id,type,name,within,lat,lon\ns,service,S,,,\nst,store,St,s,52.6,-1.1\n")
    found = row(register, place, "st")
    assert (found.within, found.lat, found.lon) == ("s", 52.6, -1.1)


def test_equipment_has_its_value_in_pence_and_what_is_due_of_it(register: Register, sheet: Path) -> None:
    text = 'asset_id,kind,model,value_gbp,serviced,examined\nHST-2,Hoist,M,"£1,650.50",2025-10-01,01/10/2025\n'
    take(register, "assets", sheet, text)
    found = row(register, asset, "HST-2")
    assert found.value_pence == 165_050
    assert found.serviced_s == found.examined_s == 1_759_273_200, "1 October 2025 begins in summer time"
    assert found.exam_due_s > found.examined_s


def test_a_prescribed_loan_has_the_clock_of_its_delivery(stocked: Register, sheet: Path) -> None:
    header = "loan_ref,asset_id,pathway,setting,place_id,prescribed,speed\n"
    take(stocked, "loans", sheet, header + "L-1,BED-1,Home first,home,home,2025-11-12T10:00,1\n")
    found = row(stocked, loan, "L-1")
    assert found.from_s is None
    assert found.deliver_by_s == NOW + 3 * 3600


def test_a_day_agreed_for_a_loan_stays_even_when_it_is_past(stocked: Register, sheet: Path) -> None:
    header = "loan_ref,asset_id,pathway,setting,place_id,prescribed,delivered,due_agreed,reviewed\n"
    line = "L-1,BED-1,home_first,home,home,1/9/2025,2/9/2025,1/10/2025,15/9/2025\n"
    assert take(stocked, "loans", sheet, header + line).kept
    found = row(stocked, loan, "L-1")
    assert (found.due_own, found.due_s) == (True, 1_759_273_200)
    assert found.reviewed_s == 1_757_890_800


# --- what is wrong


def test_ten_thousand_rows_with_37_bad_ones_name_all_37_and_change_nothing(register: Register, sheet: Path) -> None:
    rows = [
        {"place_id": f"S-{n}", "type": "store", "name": f"Store {n}", "lat": "52.6", "lon": "-1.1"}
        for n in range(10_000)
    ]
    faults = (("type", "shed"), ("lat", "north"), ("name", ""))
    expected = []
    for which in range(37):
        n, (column, bad) = which * 270 + 5, faults[which % 3]
        rows[n][column] = bad
        expected.append((n + 2, column))
    text = "\n".join(",".join(cells) for cells in [rows[0], *(each.values() for each in rows)])
    taken = take(register, "places", sheet, text)
    assert [(each.line, each.column) for each in taken.mistakes] == expected
    assert all(": " in each.what for each in taken.mistakes), "each says what to do"
    assert (taken.bad, taken.rows, taken.kept) == (37, 9963, False)
    assert count(register, place) == count(register, audit) == 0


def test_what_is_right_is_taken_in_if_somebody_chooses_so(register: Register, sheet: Path) -> None:
    taken = take(register, "assets", sheet, ASSETS + "BED-2,sofa,x\n", skip_bad=True)
    assert (taken.rows, taken.bad, taken.kept) == (2, 1, True)
    assert count(register, asset) == 2


def test_a_dry_run_finds_the_same_and_changes_nothing(register: Register, sheet: Path) -> None:
    taken = take(register, "assets", sheet, ASSETS, dry_run=True)
    assert (taken.rows, taken.mistakes, taken.kept) == (2, [], False)
    assert count(register, asset) == count(register, audit) == 0


def test_all_that_is_wrong_with_a_row_is_told_at_once(register: Register, sheet: Path) -> None:
    found = wrong(register, "assets", sheet, "asset_id,kind,model,serviced\nB,sofa,,31/02/2025\n")
    assert [each.column for each in found] == ["kind", "model", "serviced"]


def test_an_id_that_the_register_has_is_told(stocked: Register, sheet: Path) -> None:
    line, column, what = only(wrong(stocked, "assets", sheet, "asset_id,kind,model\nBED-1,bed,x\n"))
    assert (line, column) == (2, "asset_id")
    assert "BED-1 is in the register already: leave this line out" in what


def test_an_id_that_is_twice_in_the_sheet_is_told_with_the_other_line(register: Register, sheet: Path) -> None:
    line, column, what = only(wrong(register, "assets", sheet, ASSETS + "BED-1,bed,again\n"))
    assert (line, column, what) == (4, "asset_id", "BED-1 is on line 2 already: leave one of the two out")


def test_an_id_that_a_spreadsheet_has_shortened_is_told(register: Register, sheet: Path) -> None:
    _, column, what = only(wrong(register, "assets", sheet, "asset_id,kind,model\n8.00412E+12,bed,x\n"))
    assert column == "asset_id"
    assert "set the column to Text" in what


@pytest.mark.parametrize(
    ("cells", "column", "remedy"),
    [
        ("L-1,BED-9,home_first,home,home,2025-11-01", "asset_id", "bring it first, or check the id"),
        ("L-1,BED-1,homefirst,home,home,2025-11-01", "pathway", "do you mean home_first?"),
        ("L-1,BED-1,home_first,boat,home,2025-11-01", "setting", "give one of"),
        ("L-1,BED-1,home_first,home,hme,2025-11-01", "place_id", "bring it first, or check the id"),
        ("L-1,BED-1,home_first,home,home,11/13/2025", "delivered", "with the day first"),
        ("L-1,BED-1,home_first,home,home,2025-12-24", "delivered", "still to come"),
        ("L-1,BED-1,home_first,home,home,", "delivered", "give one of them, or both"),
        ("back\\slash,BED-1,home_first,home,home,2025-11-01", "asset_id", "without backslashes"),
    ],
)
def test_what_a_loan_cannot_be_is_told_with_its_column_and_remedy(
    stocked: Register, sheet: Path, cells: str, column: str, remedy: str
) -> None:
    line, told, what = only(wrong(stocked, "loans", sheet, LOAN + cells + "\n"))
    assert (line, told) == (2, column)
    assert remedy in what


def test_two_loans_of_one_bed_are_refused_with_the_registers_own_words(stocked: Register, sheet: Path) -> None:
    text = LOAN + "L-1,BED-1,home_first,home,home,2025-11-01\nL-2,BED-1,home_first,home,home,2025-11-02\n"
    line, column, what = only(wrong(stocked, "loans", sheet, text))
    assert (line, column) == (3, "asset_id")
    assert "it is out as L-1" in what


def test_a_row_that_is_refused_half_way_leaves_nothing(stocked: Register, sheet: Path) -> None:
    header = "loan_ref,asset_id,pathway,setting,place_id,prescribed,delivered\n"
    text = header + "L-1,BED-1,home_first,home,home,2025-11-02,2025-11-01\nL-2,HST-1,home_first,home,home,,2025-11-01\n"
    taken = take(stocked, "loans", sheet, text, skip_bad=True)
    assert [(each.line, each.column) for each in taken.mistakes] == [(2, "delivered")]
    assert count(stocked, loan) == 1
    assert row(stocked, asset, "BED-1").state == "available"


def test_a_loan_that_is_over_is_not_taken_in(stocked: Register, sheet: Path) -> None:
    header = "loan_ref,asset_id,pathway,setting,place_id,delivered,returned\n"
    text = header + "L-1,BED-1,home_first,home,home,2025-11-01,2025-11-05\n"
    assert only(wrong(stocked, "loans", sheet, text))[:2] == (2, "returned")


def test_a_speed_or_a_special_needs_its_prescription(stocked: Register, sheet: Path) -> None:
    header = "loan_ref,asset_id,pathway,setting,place_id,delivered,special\n"
    text = header + "L-1,BED-1,home_first,home,home,2025-11-01,yes\n"
    assert only(wrong(stocked, "loans", sheet, text))[:2] == (2, "prescribed")


def test_equipment_is_in_the_store_that_the_sheet_names(stocked: Register, sheet: Path) -> None:
    header = "asset_id,kind,model,store_id\n"
    assert only(wrong(stocked, "assets", sheet, header + "BED-2,bed,x,home\n"))[:2] == (2, "store_id")
    take(stocked, "assets", sheet, header + "BED-2,bed,x,store\n")
    assert row(stocked, asset, "BED-2").store_id == "store"


@pytest.mark.parametrize("state", ["returned", "in repair", "scrapped"])
def test_what_is_not_ready_is_not_taken_in_as_if_it_were(register: Register, sheet: Path, state: str) -> None:
    line, column, what = only(wrong(register, "assets", sheet, f"asset_id,kind,model,state\nB,bed,x,{state}\n"))
    assert (line, column) == (2, "state")
    assert f"it is {state}: leave the line out" in what


def test_a_point_needs_both_its_numbers(register: Register, sheet: Path) -> None:
    assert only(wrong(register, "places", sheet, "place_id,type,name,lat,lon\ns,store,S,52.6,\n"))[:2] == (2, "lon")


def test_a_loan_address_has_no_point(register: Register, sheet: Path) -> None:
    text = "place_id,type,name,lat,lon\nh,loan_address,H,52.6,-1.1\n"
    assert only(wrong(register, "places", sheet, text))[:2] == (2, "lat")


def test_a_sheet_with_another_header_changes_nothing_and_is_told(register: Register, sheet: Path) -> None:
    with pytest.raises(SheetError, match="do you mean asset_id"):
        take(register, "assets", sheet, "assetid,kind,model\nB,bed,x\n")
    assert count(register, asset) == 0


def test_of_very_many_mistakes_the_first_are_told_and_the_rest_counted(
    register: Register, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_in, "MISTAKES_KEPT", 3)
    taken = take(register, "assets", sheet, "asset_id,kind,model\n" + "B,sofa,x\n" * 5)
    assert (len(taken.mistakes), taken.bad) == (3, 5)
