"""Moments on London's clocks, as tests write them."""

from datetime import datetime

from kitback.policy import LONDON


def london(*when: int) -> int:
    """The Unix second of a year, month, day and what else is told, in London."""
    return int(datetime(*when, tzinfo=LONDON).timestamp())  # type: ignore[arg-type,misc] # parts of a date
