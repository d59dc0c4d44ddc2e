"""What a cell of a sheet says, as the register keeps it; what it cannot say is refused with the remedy."""

import difflib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from kitback.policy import LONDON
from kitback.policy.period import unix

_YEARS: Final = range(1970, 3000)
"""What is not within these is a slip of the hand."""
_BRITISH: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_POUNDS: Final = re.compile(r"£?\s*(\d{1,3}(?:,\d{3})+|\d{1,7})(?:\.(\d{1,2}))?")
_SHORTENED: Final = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")


class Unfit(Exception):
    """A cell that cannot be taken; the message says why, and what to do."""


def ident(text: str) -> str:
    """An id, as it stands.

    Raises:
        Unfit: a spreadsheet has made a rounded number of it.
    """
    if _SHORTENED.fullmatch(text):
        raise Unfit(
            f"{text!r} is a number that the spreadsheet has shortened: set the column to Text, and enter it again"
        )
    return text


def moment(text: str) -> int:
    """The Unix second of a time, in London's time unless it says its zone; without an hour the day's beginning.

    Written as ISO 8601 has it, 2026-10-24T09:30, or as Britain does, 24/10/2026 09:30: the day always comes first.

    Raises:
        Unfit: it is no time.
    """
    british = _BRITISH.fullmatch(text)
    try:
        if british:
            day, month, year, hour, minute, second = (int(part or 0) for part in british.groups())
            written = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - London's, below
        else:
            written = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit(
            f"{text!r} is no time: write 2026-10-24, 2026-10-24T09:30, or 24/10/2026 with the day first"
        ) from None
    if written.year not in _YEARS:
        raise Unfit(f"{text!r} is not between {_YEARS[0]} and {_YEARS[-1]}: check the year")
    return unix(written.replace(tzinfo=LONDON)) if written.tzinfo is None else int(written.timestamp())


def past(now_s: int, text: str) -> int:
    """The Unix second of something that has happened.

    Raises:
        Unfit: it is no time, or is still to come.
    """
    at = moment(text)
    if at > now_s:
        raise Unfit(f"{text!r} is still to come: check the date, the day comes first")
    return at


def pence(text: str) -> int:
    """Pounds, in pence.

    Raises:
        Unfit: it is no price.
    """
    written = _POUNDS.fullmatch(text)
    if written is None:
        raise Unfit(f"{text!r} is no price in pounds: write it as 480 or 612.50")
    return int(written[1].replace(",", "")) * 100 + int((written[2] or "").ljust(2, "0"))


def yes(text: str) -> bool:
    """Yes or no.

    Raises:
        Unfit: it is neither.
    """
    if text.lower() not in _YES + _NO:
        raise Unfit(f"{text!r} is neither yes nor no: write yes or no")
    return text.lower() in _YES


def number(text: str) -> float:
    """A decimal number.

    Raises:
        Unfit: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise Unfit(f"{text!r} is no number: write it as 52.6369, with a point") from None


def word(text: str, allowed: Sequence[str]) -> str:
    """One of some words, in capitals or not, with blanks for underscores.

    Raises:
        Unfit: it is none of them.
    """
    meant = re.sub(r"[\s_-]+", "_", text.lower())
    if meant in allowed:
        return meant
    near = difflib.get_close_matches(meant, allowed, 1)
    hint = f"do you mean {near[0]}?" if near else f"give one of {', '.join(allowed)}"
    raise Unfit(f"{text!r} is not known: {hint}")
