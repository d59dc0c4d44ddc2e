"""One label: where its code and its words go. Millimetres, from the label's top left corner.

```
+---------------------------+
| ██▀█▄█  BED-0388          |
| █▄ ▀██  Profiling bed     |
| ▀▀▀▀▀▀  Serial 4711-22    |
| (8004) 5060123BED-0388    |
+---------------------------+
```
"""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from reportlab.pdfbase.pdfmetrics import stringWidth

from kitback.exchange.labels.chosen import Label
from kitback.exchange.labels.codes import Code
from kitback.exchange.labels.stock import Sheet

MODULES: Final = tuple(dots * 25.4 / 600 for dots in (11, 10, 9))
"""Millimetres of a module, the largest that fits is taken: 0.466, 0.423 or 0.381. GS1 allows 0.380 to 0.495 for a GIAI
(General Specifications, symbol specification table 9). Each is a whole number of a 600 dpi printer's dots, so that no
module comes out a dot wider than its neighbour."""
MARGIN: Final = 1.5
"""Left free at each edge: printers do not draw a sheet in more exactly."""

PLAIN: Final = "Helvetica"
BOLD: Final = "Helvetica-Bold"
_POINT: Final = 25.4 / 72
_LEADING: Final = 1.15
"""From one line to the next, in sizes of the type."""
_CODE_SIZES: Final = (8.0, 7.0, 6.0, 5.0)
_NUMBER_SIZES: Final = (14.0, 12.0, 10.0, 9.0, 8.0, 7.0, 6.0)
_WORD_SIZES: Final = (8.0, 7.0, 6.0)
_GAP: Final = 1.0
"""Between code and words."""
_AIR: Final = 0.5
"""Above what the code says."""
_NARROW: Final = 8.0
"""A narrower column than this holds no words worth reading."""


class NoLabel(Exception):
    """A label cannot be made; the message says which, why, and what to do."""


class Words(Struct, frozen=True):
    """Text in one size; its lines follow one another."""

    lines: tuple[str, ...]
    font: str
    size: float
    """Points."""

    @property
    def height(self) -> float:
        return len(self.lines) * self.size * _LEADING * _POINT


class Line(Struct, frozen=True):
    """One line of text, from its left end on its baseline."""

    x: float
    y: float
    text: str
    font: str
    size: float


class Laid(Struct, frozen=True):
    """A label, laid out."""

    code: Code
    x: float
    """Of the symbol's top left module."""
    y: float
    module: float
    lines: tuple[Line, ...]


def lay(label: Label, code: Code, sheet: Sheet) -> Laid:
    """Put a code and what is known of its equipment on a label.

    Raises:
        NoLabel: the code, or what it says, does not fit.
    """
    width = sheet.width - 2 * MARGIN
    beneath = _whole(label, code, width)
    height = sheet.height - 2 * MARGIN - _AIR - beneath.height
    module = _module(label, code, sheet, width, height)
    side = code.across * module
    beside = list(_beside(label, code, width - side - _GAP, height))
    words = sum(each.height for each in beside)
    upper = max(side, words)
    top = MARGIN + (height - upper) / 2
    lines = _set(beside, MARGIN + side + _GAP, top + (upper - words) / 2)
    lines += _set([beneath], MARGIN, top + upper + _AIR)
    quiet = code.quiet * module
    return Laid(code, MARGIN + quiet, top + (upper - side) / 2 + quiet, module, tuple(lines))


def _whole(label: Label, code: Code, width: float) -> Words:
    """What the code says, of which nothing may be left out."""
    if _in_font(code.text) != code.text:
        raise NoLabel(
            f"{label.asset_id} has signs that cannot be printed: give it a number in Western European letters"
        )
    for most in (1, 2):
        for size in _CODE_SIZES:
            lines = _broken(code.text, PLAIN, size, width)
            if len(lines) <= most:
                return Words(tuple(lines), PLAIN, size)
    raise NoLabel(f"{label.asset_id} is too long a number for labels {width:.1f} mm wide: choose larger ones (--sheet)")


def _module(label: Label, code: Code, sheet: Sheet, width: float, height: float) -> float:
    room = min(width, height)
    found = next((each for each in MODULES if code.across * each <= room), None)
    if found is None:
        raise NoLabel(
            f"the code of {label.asset_id} is {code.across * MODULES[-1]:.1f} mm wide at the smallest module that GS1 "
            f"allows, and a label of {sheet.name} has room for {room:.1f} mm: choose larger labels (--sheet), or "
            "--code datamatrix, which is smaller"
        )
    return found


def _beside(label: Label, code: Code, width: float, height: float) -> Iterator[Words]:
    """The number in bold, unless it is all that the code says; then the model and the serial number, while there is
    room."""
    if width < _NARROW:
        return
    serial = label.serial and f"Serial {label.serial}"
    for text, font, sizes, most in (
        (None if code.text.endswith(f" {label.asset_id}") else label.asset_id, BOLD, _NUMBER_SIZES, 1),
        (label.model, PLAIN, _WORD_SIZES, 2),
        (serial, PLAIN, _WORD_SIZES, 1),
    ):
        if text is None:
            continue
        words = _shortened(text, font, sizes, most, width)
        if words.height > height:
            return
        height -= words.height
        yield words


def _shortened(text: str, font: str, sizes: Sequence[float], most: int, width: float) -> Words:
    """The largest type in which it fits into so many lines; in the smallest its end may be left out."""
    shown = _in_font(text)
    for size in sizes:
        lines = _broken(shown, font, size, width)
        if len(lines) <= most:
            return Words(tuple(lines), font, size)
    last = " ".join(lines[most - 1 :])
    while last and stringWidth(last + "…", font, size) * _POINT > width:
        last = last[:-1]
    return Words((*lines[: most - 1], last + "…"), font, size)


def _broken(text: str, font: str, size: float, width: float) -> list[str]:
    """Text in lines that are not wider: broken between words, and within those that are wider themselves."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if stringWidth(longer, font, size) * _POINT <= width:
            lines[-1] = longer
            continue
        if stringWidth(word, font, size) * _POINT <= width:
            lines.append(word)
            continue
        lines[-1] = longer[: -len(word)]
        for sign in word:
            if stringWidth(lines[-1] + sign, font, size) * _POINT > width:
                lines.append("")
            lines[-1] += sign
    return lines


def _set(words: Sequence[Words], x: float, top: float) -> list[Line]:
    lines = []
    for each in words:
        step = each.size * _LEADING * _POINT
        # The baseline lies so that what hangs below it is still within the line.
        lines += [
            Line(x, top + step * number + each.size * 0.9 * _POINT, text, each.font, each.size)
            for number, text in enumerate(each.lines)
        ]
        top += each.height
    return lines


def _in_font(text: str) -> str:
    """As the fonts that every PDF reader has can show it."""
    return text.encode("cp1252", "replace").decode("cp1252")
