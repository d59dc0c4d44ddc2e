"""Label stock on A4. Sizes are the makers'; all of it lies centred on the sheet."""

from typing import Final

from msgspec import Struct

PAGE: Final = (210.0, 297.0)
"""A4, millimetres."""


class Sheet(Struct, frozen=True):
    """One kind of sheet. Millimetres, from the top left corner of the page."""

    name: str
    columns: int
    rows: int
    width: float
    """Of one label."""
    height: float
    pitch: float
    """From one label's left edge to the next one's; rows follow without a gap."""
    also: tuple[str, ...] = ()
    """Stock that is cut the same."""

    @property
    def count(self) -> int:
        """Labels on a sheet."""
        return self.columns * self.rows

    @property
    def size(self) -> str:
        """As the makers write it."""
        return f"{self.width:g} x {self.height:g} mm"

    def corner(self, place: int) -> tuple[float, float]:
        """The top left corner of a label; places are counted from 0, row by row."""
        row, column = divmod(place, self.columns)
        left = (PAGE[0] - (self.columns - 1) * self.pitch - self.width) / 2
        top = (PAGE[1] - self.rows * self.height) / 2
        return left + column * self.pitch, top + row * self.height


SHEETS: Final = {
    each.name: each
    for each in (
        Sheet("L7160", 3, 7, 63.5, 38.1, 66.0),
        Sheet("L7159", 3, 8, 63.5, 33.9, 66.0, also=("L4773",)),
        Sheet("L7163", 2, 7, 99.1, 38.1, 101.6),
        Sheet("L6011", 3, 9, 63.5, 29.6, 66.0),
        Sheet("L6009", 4, 12, 45.7, 21.2, 48.3, also=("L4778",)),
        Sheet("L7651", 5, 13, 38.1, 21.2, 40.6),
    )
}
"""By name. L4773, L4778, L6009 and L6011 are polyester, which outlasts decontamination; the others are paper."""


def sheet(name: str) -> Sheet | None:
    """The sheet of this name, or cut like it; None when it is not known."""
    wanted = name.upper()
    return next((each for each in SHEETS.values() if wanted in (each.name, *each.also)), None)
