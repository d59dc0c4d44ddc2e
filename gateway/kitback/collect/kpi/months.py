"""London's calendar, by which everything is counted."""

from datetime import date, datetime
from functools import lru_cache
from typing import Final

from kitback.policy import LONDON

_HOUR: Final = 3600


def month(at_s: int) -> str:
    """The month of a moment, as `2026-10`."""
    return _month(at_s // _HOUR)


def days(from_s: int, to_s: int) -> int:
    """From one day to another: 1 from Monday to Tuesday, whatever the hour; 0 on the same day."""
    return (_date(to_s // _HOUR) - _date(from_s // _HOUR)).days


# A day begins on the hour, and the hours of five years are few beside the loans.
@lru_cache(maxsize=50_000)
def _month(hour: int) -> str:
    return f"{_date(hour):%Y-%m}"


@lru_cache(maxsize=50_000)
def _date(hour: int) -> date:
    return datetime.fromtimestamp(hour * _HOUR, LONDON).date()
