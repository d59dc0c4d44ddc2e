"""The codes on labels, as rows of modules: GS1 DataMatrix, QR Code with a GS1 Digital Link, or a QR Code of the bare
number."""

from enum import StrEnum
from typing import Final

import zxingcpp
from msgspec import Struct

from kitback.exchange.giai import AI, digital_link, giai, readable


class Carrier(StrEnum):
    """How a code carries the number."""

    DATAMATRIX = "datamatrix"
    """GS1 DataMatrix of the GIAI: FNC1, then (8004)."""
    QR = "qr"
    """QR Code of the GIAI as a GS1 Digital Link, which any telephone reads as an address."""
    PLAIN = "plain"
    """QR Code of the number as the register has it; not GS1."""


_QUIET: Final = {Carrier.DATAMATRIX: 1, Carrier.QR: 4, Carrier.PLAIN: 4}
"""Modules of quiet zone on each side: ISO/IEC 16022 and 18004."""


class Code(Struct, frozen=True):
    """A square symbol."""

    rows: tuple[tuple[bool, ...], ...]
    """True is dark; without the quiet zone."""
    quiet: int
    """Modules that must stay light on each side."""
    text: str
    """What it says, for people; all of it goes beneath the symbol."""

    @property
    def across(self) -> int:
        """Modules on a side, with the quiet zones."""
        return len(self.rows) + 2 * self.quiet


def code(asset_id: str, carrier: Carrier, company_prefix: str = "") -> Code:
    """The code of a piece of equipment.

    Raises:
        NoGiai: a GIAI is asked for, and there is none.
    """
    if carrier is Carrier.PLAIN:
        return _qr(asset_id, carrier, asset_id)
    number = giai(asset_id, company_prefix)
    if carrier is Carrier.QR:
        return _qr(digital_link(number), carrier, readable(number))
    # Square brackets are no signs of a GIAI, while round ones are. Rectangles would waste a label's height.
    symbol = zxingcpp.create_barcode(f"[{AI}]{number}", zxingcpp.BarcodeFormat.DataMatrix, gs1=True, force_square=True)
    return Code(_rows(symbol), _QUIET[carrier], readable(number))


def _qr(content: str, carrier: Carrier, text: str) -> Code:
    symbol = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return Code(_rows(symbol), _QUIET[carrier], text)


def _rows(symbol: zxingcpp.Barcode) -> tuple[tuple[bool, ...], ...]:
    image = symbol.to_image(scale=1, add_quiet_zones=False)
    height, width = image.shape
    pixels = bytes(image)  # type: ignore[call-overload] # its stub leaves out that it is a buffer
    return tuple(tuple(pixels[row * width + column] == 0 for column in range(width)) for row in range(height))
