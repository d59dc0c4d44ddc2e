"""Times as staff say them."""

from datetime import datetime

import pytest

from kitback.policy import LONDON
from kitback.watch.words import day, iso, length, moment
from london import london

NOW = int(datetime(2025, 11, 12, 11, tzinfo=LONDON).timestamp())


def test_a_day_of_another_year_says_which() -> None:
    assert day(london(2025, 10, 24, 9), NOW) == "24 October"
    assert day(london(2024, 10, 24, 9), NOW) == "24 October 2024"


def test_days_and_hours_are_londons_in_summer_too() -> None:
    half_past_eleven_at_night_utc = 1_752_795_000
    assert iso(half_past_eleven_at_night_utc) == "2025-07-17T23:30:00Z"
    assert moment(half_past_eleven_at_night_utc, NOW) == "00:30 on 18 July"


def test_today_is_said_as_today() -> None:
    assert moment(london(2025, 11, 12, 0, 5), NOW) == "00:05 today"
    assert moment(london(2025, 11, 11, 23, 55), NOW) == "23:55 on 11 November"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59, "0 minutes"),
        (60, "1 minute"),
        (3599, "59 minutes"),
        (3600, "1 hour"),
        (48 * 3600 - 1, "47 hours"),
        (48 * 3600, "2 days"),
        (18 * 86400 + 80000, "18 days"),
    ],
)
def test_lengths_are_rounded_down_to_the_unit_people_use(seconds: int, words: str) -> None:
    assert length(seconds) == words
