"""Tables for people and CSV for programs."""

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

AT_MOST: Final = 500
"""Lines of a table, unless somebody asks for more: setting 20,000 takes most of a minute, and nobody reads them."""
_FORMULA: Final = ("=", "+", "-", "@")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table for reading. Strings are shown as they are; what else they hold than letters is made harmless."""
    shown = Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        shown.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        shown.add_row(*(Text(_harmless(cell)) if isinstance(cell, str) else cell for cell in row))
    Console(highlight=False).print(shown)


def line(text: str) -> None:
    """Print a line for reading, at once; what it holds is treated as in a table."""
    Console(highlight=False, soft_wrap=True).print(Text(_harmless(text)))
    sys.stdout.flush()


def styled(text: str, style: str) -> Text:
    """Text in a style."""
    return Text(_harmless(text), style)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print CSV with a header, for spreadsheets: what one would take for a formula gets an apostrophe before it."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_no_formula(cell) for cell in row] for row in rows)


def _no_formula(cell: object) -> object:
    # Numbers and names are what somebody typed or imported; a spreadsheet would run them.
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _harmless(text: str) -> str:
    # Some of it was sent by strangers, and a terminal obeys control characters.
    return "".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)
