"""A sheet that somebody saved from a spreadsheet, row by row: whose line, which column, what is wrong and what to do.

Whatever the spreadsheet: UTF-8, with or without the mark that Excel puts before it, or Excel's "Unicode text" (UTF-16);
commas, semicolons or tabs. Rows are read as they are asked for, so that a sheet may be of any length.
"""

import csv
import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, TextIO

from msgspec import Struct

_DELIMITERS: Final = ",;\t"
_HEADER: Final = 64 << 10
"""A longer first line is no header."""
_GUARDED: Final = re.compile(r"'[=+\-@]")
"""How what looks like a formula is written for spreadsheets."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


class SheetError(Exception):
    """A sheet cannot be read at all; the message says where, why, and what to do."""


class Mistake(Struct, frozen=True, order=True):
    """What is wrong with one cell, or one row."""

    line: int
    """The line of the file on which the row begins; the header is on line 1."""
    column: str
    """Empty when it is the row as a whole."""
    what: str
    """What is wrong, and what to do."""


class Row(Struct, frozen=True):
    """One row: text by column, without blanks around it; a break within a cell is a blank. Empty cells are left out."""

    line: int
    cells: dict[str, str]


def read(path: Path, columns: Sequence[str], required: Collection[str] = ()) -> Iterator[Row | Mistake]:
    """The rows of a sheet, one after the other; in the place of one that is no row, what is wrong with it.

    Args:
        columns: the names that a header may hold, in any order, in capitals or not, with blanks for underscores.
        required: those that it must hold.

    Raises:
        SheetError: at the first row: the file cannot be read, or its header will not do; at a later one: it is no text.
    """
    try:
        with _decoded(path) as file:
            yield from _rows(path, file, columns, required)
    except OSError as error:
        raise SheetError(f"{path}: {error.strerror}: give the path of a file that can be read") from error
    except UnicodeError as error:
        raise SheetError(_not_text(path, error)) from error


def _decoded(path: Path) -> TextIO:
    with path.open("rb") as file:
        begins = file.read(4)
    if begins == b"PK\3\4":
        raise SheetError(f"{path} is a workbook, not CSV: in Excel save it as 'CSV UTF-8 (Comma delimited)'")
    encoding = "utf-16" if begins[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    return path.open(encoding=encoding, newline="")


def _not_text(path: Path, error: UnicodeError) -> str:
    """Most often Excel's plain "CSV", which is Windows-1252: where, and which letter it would be."""
    with path.open("rb") as file:
        for line, content in enumerate(file, start=1):
            try:
                content.decode()
            except UnicodeDecodeError as wrong:
                byte = content[wrong.start : wrong.start + 1]
                letter = byte.decode("cp1252", errors="ignore")
                seems = f" (0x{byte.hex().upper()}, which is {letter} in Windows-1252)" if letter else ""
                return (
                    f"{path}, line {line}: not UTF-8{seems}: in Excel save it as 'CSV UTF-8 (Comma delimited)', "
                    "so that no letter is guessed"
                )
    return f"{path}: cannot be decoded ({error}): save it as UTF-8"


def _rows(path: Path, file: TextIO, columns: Sequence[str], required: Collection[str]) -> Iterator[Row | Mistake]:
    first = file.readline(_HEADER)
    if not first.strip():
        raise SheetError(f"{path} is empty, or begins with an empty line: its first line names the columns")
    delimiter = max(_DELIMITERS, key=first.count)
    # A header may be quoted and broken over lines, so the reader begins with it.
    reader = csv.reader(chain([first], file), delimiter=delimiter, strict=True)
    try:
        header = _header(path, next(reader), columns, required)
    except csv.Error as error:
        raise SheetError(f"{path}, line 1: {_csv_words(error)}") from error
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Mistake(line, "", _csv_words(error))
            continue
        found = _row(line, header, cells)
        if found is not None:
            yield found


def _csv_words(error: csv.Error) -> str:
    said = str(error)
    if "field limit" in said or "end of data" in said:
        return "a quotation mark is opened here and never closed: close it, or double it if it is meant"
    if "expected after" in said:
        return 'text follows a closing quotation mark: double the quotation marks that are meant, as in "5"" tyres"'
    return f"this is no CSV ({said}): save the sheet again"


def _header(path: Path, cells: list[str], columns: Sequence[str], required: Collection[str]) -> list[str]:
    names = [_name(cell) for cell in cells]
    while names and not names[-1]:  # Excel's, from columns that were emptied
        names.pop()
    wrong = [_unknown(cell, columns) for cell, name in zip(cells, names, strict=False) if name not in columns]
    wrong += [f"column {name} is there twice: leave one out" for name in dict.fromkeys(names) if names.count(name) > 1]
    absent = [name for name in required if name not in names]
    if absent:
        wrong.append(f"column{'s' * (len(absent) > 1)} {', '.join(absent)} missing: add it to the first line")
    if wrong:
        raise SheetError(f"{path}, line 1: {'; '.join(wrong)} (columns are {', '.join(columns)})")
    return names


def _name(cell: str) -> str:
    return re.sub(r"[\s_-]+", "_", cell.strip().lower())


def _unknown(cell: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(_name(cell), columns, 1)
    meant = f"do you mean {near[0]}?" if near else "leave it out"
    return f"column {cell.strip()!r} is not known: {meant}" if cell.strip() else "a column has no name: name it"


def _row(line: int, header: list[str], cells: list[str]) -> Row | Mistake | None:
    texts = [_text(cell) for cell in cells]
    if not any(texts):
        return None
    if any(texts[len(header) :]) or len(texts) < len(header):
        return Mistake(
            line,
            "",
            f"{len(cells)} cells under {len(header)} columns: put a text that holds the separator in quotation marks",
        )
    for name, text in zip(header, texts, strict=False):
        if _CONTROL.search(text):
            return Mistake(line, name, "an invisible control character: type this cell anew")
    return Row(line, {name: text for name, text in zip(header, texts, strict=False) if text})


def _text(cell: str) -> str:
    text = " ".join(cell.split())
    return text[1:] if _GUARDED.match(text) else text
