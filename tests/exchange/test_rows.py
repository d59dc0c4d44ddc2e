"""What a spreadsheet saved, as rows: whichever spreadsheet it was."""

import tracemalloc
from pathlib import Path

import pytest

from kitback.exchange.rows import Mistake, Row, SheetError, read

COLUMNS = ("asset_id", "kind", "model")


def rows(tmp_path: Path, content: bytes | str) -> list[Row | Mistake]:
    sheet = tmp_path / "sheet.csv"
    sheet.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read(sheet, COLUMNS, ["asset_id", "kind"]))


def refusal(tmp_path: Path, content: bytes | str) -> str:
    with pytest.raises(SheetError) as refused:
        rows(tmp_path, content)
    return str(refused.value)


BED = {"asset_id": "B-1", "kind": "bed", "model": "Höhe"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_spreadsheets_dialect_is_read(tmp_path: Path, delimiter: str, newline: str, encoding: str) -> None:
    lines = [COLUMNS, BED.values()]
    content = "".join(delimiter.join(cells) + newline for cells in lines).encode(encoding)
    assert rows(tmp_path, content) == [Row(2, BED)]


def test_columns_may_be_in_any_order_in_capitals_and_with_blanks(tmp_path: Path) -> None:
    found = rows(tmp_path, "Kind, Asset ID \nbed,B-1\n")
    assert found == [Row(2, {"kind": "bed", "asset_id": "B-1"})]


def test_a_row_is_named_by_the_line_it_begins_on_although_a_cell_above_is_broken_over_lines(tmp_path: Path) -> None:
    found = rows(tmp_path, 'asset_id,kind,model\nB-1,bed,"two\r\nlines"\n\nB-2,bed,x\n')
    assert found == [
        Row(2, {"asset_id": "B-1", "kind": "bed", "model": "two lines"}),
        Row(5, {"asset_id": "B-2", "kind": "bed", "model": "x"}),
    ]


def test_cells_are_trimmed_and_empty_ones_left_out(tmp_path: Path) -> None:
    assert rows(tmp_path, "asset_id,kind,model\n B-1 ,bed,  \n") == [Row(2, {"asset_id": "B-1", "kind": "bed"})]


def test_empty_cells_beyond_the_header_are_excels(tmp_path: Path) -> None:
    assert rows(tmp_path, "asset_id,kind,,\nB-1,bed,,\n") == [Row(2, {"asset_id": "B-1", "kind": "bed"})]


@pytest.mark.parametrize("cells", ["B-1", "B-1,bed,a,b"])
def test_a_row_of_another_width_is_a_mistake_and_the_next_one_is_read(tmp_path: Path, cells: str) -> None:
    wrong, right = rows(tmp_path, f"asset_id,kind,model\n{cells}\nB-2,bed,x\n")
    assert isinstance(wrong, Mistake)
    assert (wrong.line, wrong.column) == (2, "")
    assert f"{cells.count(',') + 1} cells under 3 columns" in wrong.what
    assert isinstance(right, Row)


def test_a_quotation_mark_that_is_never_closed_is_told_where_it_opens(tmp_path: Path) -> None:
    found = rows(tmp_path, 'asset_id,kind,model\nB-1,bed,x\nB-2,bed,"5 inch\nB-3,bed,x\n')
    assert isinstance(found[-1], Mistake)
    assert found[-1].line == 3
    assert "never closed" in found[-1].what


def test_text_after_a_closing_quotation_mark_is_a_mistake_of_that_row_alone(tmp_path: Path) -> None:
    wrong, right = rows(tmp_path, 'asset_id,kind,model\nB-1,bed,"5" wide\nB-2,bed,x\n')
    assert isinstance(wrong, Mistake)
    assert (wrong.line, "double the quotation marks" in wrong.what) == (2, True)
    assert right == Row(3, {"asset_id": "B-2", "kind": "bed", "model": "x"})


def test_a_control_character_is_told_with_its_column(tmp_path: Path) -> None:
    (wrong,) = rows(tmp_path, "asset_id,kind,model\nB-1,bed,a\x00b\n")
    assert isinstance(wrong, Mistake)
    assert (wrong.line, wrong.column) == (2, "model")


def test_the_apostrophe_before_what_looks_like_a_formula_is_taken_away_again(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "asset_id,kind,model\nB-1,bed,'=1+1\n")
    assert isinstance(row, Row)
    assert row.cells["model"] == "=1+1"


def test_an_unknown_column_is_told_with_the_nearest(tmp_path: Path) -> None:
    told = refusal(tmp_path, "asset_id,knd\nB-1,bed\n")
    assert "line 1" in told
    assert "'knd' is not known: do you mean kind?" in told
    assert "column kind missing" in told


def test_a_column_that_is_there_twice_is_told(tmp_path: Path) -> None:
    assert "column kind is there twice" in refusal(tmp_path, "asset_id,kind,Kind\nB-1,bed,bed\n")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_told(tmp_path: Path, content: str) -> None:
    assert "empty" in refusal(tmp_path, content)


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path, "asset_id,kind\n") == []


def test_windows_1252_is_told_with_line_byte_and_remedy(tmp_path: Path) -> None:
    told = refusal(tmp_path, "asset_id,kind,model\nB-1,bed,x\nB-2,bed,Höhe\n".encode("cp1252"))
    assert "line 3: not UTF-8 (0xF6, which is ö in Windows-1252)" in told
    assert "CSV UTF-8" in told


def test_a_workbook_is_told_from_a_sheet(tmp_path: Path) -> None:
    assert "is a workbook" in refusal(tmp_path, b"PK\x03\x04rest of it")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SheetError, match=r"nowhere\.csv: No such file"):
        list(read(tmp_path / "nowhere.csv", COLUMNS))


def test_a_sheet_of_any_length_needs_no_more_memory(tmp_path: Path) -> None:
    sheet = tmp_path / "long.csv"
    with sheet.open("w") as file:
        file.write("asset_id,kind,model\n")
        for n in range(5_000):
            file.write(f"B-{n},bed,{'x' * 1000}\n")
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(sheet, COLUMNS)) == 5_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
