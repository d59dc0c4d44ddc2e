"""Lengths of time, read as people write them and counted as people count them."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitback.policy import LONDON, Period
from london import london


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("72 h", "72 hours"),
        ("1 h", "1 hour"),
        ("7 d", "7 days"),
        ("14 d", "2 weeks"),
        ("42 d", "6 weeks"),
        ("10 d", "10 days"),
        ("6 months", "6 months"),
        ("1 month", "1 month"),
        ("42d", "6 weeks"),
    ],
)
def test_what_is_written_is_said_as_people_say_it(written: str, words: str) -> None:
    assert Period.parse(written).words() == words


@pytest.mark.parametrize("written", ["", "6 weeks", "0 d", "-3 h", "1.5 h", "d", "12345 d", "open", "٣ d"])
def test_what_is_no_length_of_time_is_refused_with_what_to_write(written: str) -> None:
    with pytest.raises(ValueError, match='write it as "72 h"'):
        Period.parse(written)


def test_hours_pass_whatever_the_clocks_do() -> None:
    before_the_clocks_go_back = london(2025, 10, 25, 12)
    assert Period.parse("72 h").after(before_the_clocks_go_back) == before_the_clocks_go_back + 72 * 3600


def test_days_end_at_the_same_time_of_day_when_the_clocks_change() -> None:
    assert Period.parse("42 d").after(london(2025, 10, 1, 10, 30)) == london(2025, 11, 12, 10, 30)
    assert Period.parse("42 d").after(london(2026, 3, 1, 10, 30)) == london(2026, 4, 12, 10, 30)


def test_months_end_on_the_last_day_where_the_day_is_missing() -> None:
    six = Period.parse("6 months")
    assert six.after(london(2025, 8, 31, 9)) == london(2026, 2, 28, 9)
    assert six.after(london(2027, 8, 31, 9)) == london(2028, 2, 29, 9)
    assert six.after(london(2025, 12, 15, 9)) == london(2026, 6, 15, 9)


@given(st.integers(1_600_000_000, 2_500_000_000), st.integers(1, 400))
def test_days_later_is_that_many_dates_later(from_s: int, days: int) -> None:
    begin, end = (datetime.fromtimestamp(unix, LONDON) for unix in (from_s, Period(days=days).after(from_s)))
    assert end.date() == begin.date() + timedelta(days=days)


@given(st.integers(1_600_000_000, 2_500_000_000), st.integers(1, 60))
def test_months_later_never_spills_into_the_month_after(from_s: int, months: int) -> None:
    begin, end = (datetime.fromtimestamp(unix, LONDON) for unix in (from_s, Period(months=months).after(from_s)))
    assert end.year * 12 + end.month == begin.year * 12 + begin.month + months
