"""Where the styles come from: the npm package that the page templates belong to."""

import re
from pathlib import Path

_HERE = Path(__file__).parent
_NHSUK = _HERE / "node_modules" / "nhsuk-frontend" / "dist" / "nhsuk"
STATIC = _HERE / "static"

# The NHS's typeface is licensed to the NHS, and its web font is served from elsewhere.
_NHS_FONT = re.compile(r"@font-face\{[^}]*\}|Frutiger W01,")


class StylesMissing(Exception):
    """The pages' styles are not installed."""


def style_sheet() -> str:
    """nhsuk-frontend's style sheet, without the NHS's own typeface.

    Raises:
        StylesMissing: the package is not installed; the message says how.
    """
    return _NHS_FONT.sub("", _read("nhsuk-frontend.min.css"))


def script() -> str:
    """nhsuk-frontend's script, a module.

    Raises:
        StylesMissing: the package is not installed; the message says how.
    """
    return _read("nhsuk-frontend.min.js")


def _read(name: str) -> str:
    try:
        return (_NHSUK / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StylesMissing(f"the pages' styles are not installed: run `npm ci --ignore-scripts` in {_HERE}") from error
