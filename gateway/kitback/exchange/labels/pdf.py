"""Sheets of labels as PDF: everything is drawn as lines and type, so that a printer draws it as finely as it can."""

from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from kitback.exchange.labels.chosen import Label
from kitback.exchange.labels.codes import Carrier, code
from kitback.exchange.labels.layout import Laid, NoLabel, lay
from kitback.exchange.labels.stock import PAGE, Sheet

_HEIGHT: Final = PAGE[1]


def write(
    path: Path,
    labels: Iterable[Label],
    sheet: Sheet,
    carrier: Carrier,
    *,
    company_prefix: str = "",
    first: int = 1,
) -> None:
    """Write labels to a PDF.

    Args:
        company_prefix: the service's GS1 company prefix, which makes its numbers GIAIs.
        first: the first free label of the first sheet, counted row by row, for a sheet that was used in part.

    Raises:
        NoGiai: a number cannot be a GIAI.
        NoLabel: a code does not fit, or the sheet has no such label. Nothing is written in either case.
        OSError: the file cannot be written.
    """
    if not 1 <= first <= sheet.count:
        raise NoLabel(
            f"a sheet of {sheet.name} has {sheet.count} labels, there is no {first}.: give 1 to {sheet.count}"
        )
    # The same labels are the same file: no date in it.
    canvas = Canvas(str(path), pagesize=(PAGE[0] * mm, _HEIGHT * mm), invariant=1, pageCompression=1)
    canvas.setTitle(f"Equipment labels for {sheet.name}, {sheet.size}")
    # "Fit to page" would make them miss the labels.
    canvas.setViewerPreference("PrintScaling", "None")
    place = first - 1
    for label in labels:
        if place == sheet.count:
            canvas.showPage()
            place = 0
        _draw(canvas, lay(label, code(label.asset_id, carrier, company_prefix), sheet), *sheet.corner(place))
        place += 1
    canvas.save()


def pages(count: int, sheet: Sheet, first: int) -> int:
    """Sheets that so many labels need."""
    return ceil((first - 1 + count) / sheet.count)


def _draw(canvas: Canvas, laid: Laid, left: float, top: float) -> None:
    x, y, module = left + laid.x, top + laid.y, laid.module
    # One path: what a reader smooths is then the outline of the whole, with no light seams between the rows.
    path = canvas.beginPath()
    for number, row in enumerate(laid.code.rows):
        for begin, end in _runs(row):
            path.rect(
                (x + begin * module) * mm,
                (_HEIGHT - y - (number + 1) * module) * mm,
                (end - begin) * module * mm,
                module * mm,
            )
    canvas.drawPath(path, stroke=0, fill=1)
    for line in laid.lines:
        canvas.setFont(line.font, line.size)
        canvas.drawString((left + line.x) * mm, (_HEIGHT - top - line.y) * mm, line.text)


def _runs(row: tuple[bool, ...]) -> Iterable[tuple[int, int]]:
    """Where dark modules begin and end."""
    begin = None
    for number, dark in enumerate((*row, False)):
        if dark and begin is None:
            begin = number
        elif not dark and begin is not None:
            yield begin, number
            begin = None
