"""A feed's file: CSV, or JSON lines; message by message, so that it may be of any length."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kitback.exchange.feed.message import COLUMNS, Said, Wrong, from_cells, from_json
from kitback.exchange.rows import Mistake, SheetError
from kitback.exchange.rows import read as read_sheet

_LONGEST: Final = 64 << 10
"""A longer line is no message."""


def read(path: Path, now_s: int, said_s: int) -> Iterator[Said | Mistake]:
    """The messages of a file, one after the other; in the place of one that cannot be taken, what is wrong with it.

    Args:
        said_s: when those were said that do not say so themselves.

    Raises:
        SheetError: the file cannot be read.
    """
    return _lines(path, now_s, said_s) if _is_json(path) else _rows(path, now_s, said_s)


def _is_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    except OSError as error:
        raise SheetError(f"{path}: {error.strerror}: give the path of a file that can be read") from error


def _rows(path: Path, now_s: int, said_s: int) -> Iterator[Said | Mistake]:
    for row in read_sheet(path, COLUMNS, required=("id",)):
        if isinstance(row, Mistake):
            yield row
            continue
        try:
            yield from_cells(row.cells, now_s, said_s)
        except Wrong as error:
            yield Mistake(row.line, error.column, error.what)


def _lines(path: Path, now_s: int, said_s: int) -> Iterator[Said | Mistake]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST):
            number += 1
            if not line.endswith(b"\n") and len(line) == _LONGEST:
                yield Mistake(number, "", f"longer than {_LONGEST >> 10} KiB: give one object on each line")
                while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                    pass
                continue
            text = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not text:
                continue
            try:
                yield from_json(text, now_s, said_s)
            except Wrong as error:
                yield Mistake(number, error.column, error.what)
