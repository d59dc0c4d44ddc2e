"""The service's calendar: working days, bank holidays, hours on duty, and the two days on which the clocks change."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitback.policy import LONDON, Hours, Period, load
from kitback.policy.calendar import add_working_days, bank_holiday, is_working_day
from london import london

MOMENTS = st.integers(1_600_000_000, 2_500_000_000)
"""2020 to 2049."""
HOURS = st.integers(1, 200).map(lambda count: Period(hours=count))
DAYS = st.integers(1, 400).map(lambda count: Period(days=count))
MONTHS = st.integers(1, 24).map(lambda count: Period(months=count))
DUTY = Hours.parse("08:00 to 22:00")


def shown(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, LONDON)


def repeated(unix_s: int) -> bool:
    """Whether London's clocks show this time of day twice."""
    return shown(unix_s).replace(fold=0).utcoffset() != shown(unix_s).replace(fold=1).utcoffset()


# --- working days


def test_bank_holidays_are_those_of_england() -> None:
    names = {
        date(2026, 4, 3): "Good Friday",
        date(2026, 4, 6): "Easter Monday",
        date(2025, 8, 25): "Late Summer Bank Holiday",
        date(2023, 5, 8): "Coronation of Charles III",
    }
    assert {day: bank_holiday(day) for day in names} == names
    assert bank_holiday(date(2026, 1, 2)) is None, "Scotland's"
    assert bank_holiday(date(2026, 3, 17)) is None, "Northern Ireland's"


def test_a_bank_holiday_on_a_weekend_is_kept_on_the_monday_after() -> None:
    assert not is_working_day(date(2026, 12, 28)), "for Boxing Day, a Saturday"
    assert is_working_day(date(2026, 12, 29))


@given(MOMENTS, st.integers(1, 30))
def test_working_days_never_land_on_a_weekend_or_a_bank_holiday(from_s: int, days: int) -> None:
    end = shown(add_working_days(from_s, days))
    assert end.weekday() < 5
    assert bank_holiday(end.date()) is None


@given(MOMENTS, st.integers(1, 30))
def test_working_days_are_as_many_as_were_asked_for(from_s: int, days: int) -> None:
    begin, end = shown(from_s).date(), shown(add_working_days(from_s, days)).date()
    passed = [begin + timedelta(days=count) for count in range(1, (end - begin).days + 1)]
    assert sum(is_working_day(day) for day in passed) == days


@given(MOMENTS, st.integers(1, 30))
def test_working_days_end_with_the_last_second_of_their_day(from_s: int, days: int) -> None:
    end = add_working_days(from_s, days)
    assert shown(end + 1).date() == shown(end).date() + timedelta(days=1)


# --- the clocks go forward on 29 March 2026, and back on 25 October


def test_when_the_clocks_go_forward_days_keep_the_time_of_day_and_hours_pass() -> None:
    before = london(2026, 3, 28, 12)
    assert Period(days=1).after(before) == london(2026, 3, 29, 12) == before + 23 * 3600
    assert Period(hours=24).after(before) == london(2026, 3, 29, 13)


def test_when_the_clocks_go_back_days_keep_the_time_of_day_and_hours_pass() -> None:
    before = london(2026, 10, 24, 12)
    assert Period(days=1).after(before) == london(2026, 10, 25, 12) == before + 25 * 3600
    assert Period(hours=24).after(before) == london(2026, 10, 25, 11)


def test_a_day_that_ends_in_the_hour_that_is_skipped_ends_when_it_is_skipped() -> None:
    for minute in (0, 30, 59):
        assert shown(Period(days=1).after(london(2026, 3, 28, 1, minute))) == datetime(2026, 3, 29, 2, tzinfo=LONDON)


def test_a_day_that_ends_in_the_hour_that_comes_twice_ends_in_the_first() -> None:
    end = Period(days=1).after(london(2026, 10, 24, 1, 30))
    assert shown(end).utcoffset() == timedelta(hours=1)
    assert end == london(2026, 10, 24, 1, 30) + 86400


def test_a_loan_over_either_change_is_due_at_the_time_of_day_it_was_delivered() -> None:
    policy = load()
    assert policy.due("home_first", london(2026, 3, 1, 9, 15)) == london(2026, 4, 12, 9, 15)
    assert policy.due("home_first", london(2026, 10, 1, 9, 15)) == london(2026, 11, 12, 9, 15)
    assert policy.due("crisis_response", london(2026, 3, 28, 9, 15)) == london(2026, 3, 31, 10, 15)
    assert policy.due("crisis_response", london(2026, 10, 24, 9, 15)) == london(2026, 10, 27, 8, 15)


def test_hours_on_duty_are_as_long_on_the_days_the_clocks_change() -> None:
    ten_hours = Period(hours=10)
    for day in ((2026, 3, 29), (2026, 10, 25)):
        assert DUTY.after(london(*day, 9), ten_hours) == london(*day, 19)
        assert DUTY.after(london(*day, 0, 30), ten_hours) == london(*day, 18)


# --- laws


@given(MOMENTS, HOURS | DAYS)
def test_what_begins_later_never_ends_earlier(from_s: int, period: Period) -> None:
    for later_s in (from_s + 1, from_s + 1800, from_s + 5 * 3600):
        if not repeated(from_s):
            assert period.after(from_s) <= period.after(later_s)


@given(MOMENTS, MONTHS, st.integers(0, 40 * 86400))
def test_months_that_begin_on_a_later_day_never_end_on_an_earlier(from_s: int, period: Period, more: int) -> None:
    assert shown(period.after(from_s)).date() <= shown(period.after(from_s + more)).date()


@given(MOMENTS, MOMENTS)
def test_every_clock_of_a_loan_is_monotone_in_its_start(one: int, other: int) -> None:
    policy = load()
    first, second = sorted((one, other))
    if second - first < 86400:
        second += 86400  # within a day, months that end on a last day may cross
    for pathway in policy.pathway:
        earlier, later = (policy.clocks(pathway, "home", None, at, at) for at in (first, second))
        for clock in earlier.__struct_fields__:
            begun_earlier, begun_later = getattr(earlier, clock), getattr(later, clock)
            assert (begun_earlier is None) == (begun_later is None)
            assert begun_earlier is None or shown(begun_earlier).date() <= shown(begun_later).date()


@given(MOMENTS, DAYS | MONTHS)
def test_days_and_months_keep_the_time_of_day_but_in_the_hour_that_is_skipped(from_s: int, period: Period) -> None:
    begin, end = shown(from_s), shown(period.after(from_s))
    skipped = end.hour == 2 and end.minute == 0 and begin.hour == 1
    assert skipped or end.time() == begin.time()


@given(MOMENTS, HOURS | DAYS)
def test_what_is_so_long_before_is_so_long_after_but_for_the_hours_that_change(from_s: int, period: Period) -> None:
    back = period.before(period.after(from_s))
    assert abs(back - from_s) <= (0 if period.hours else 3600)


def test_months_before_are_counted_back_on_the_calendar() -> None:
    assert Period(months=6).before(london(2026, 8, 31, 9)) == london(2026, 2, 28, 9)
    assert Period(months=1).before(london(2026, 4, 15, 9)) == london(2026, 3, 15, 9)


def test_hours_that_end_as_a_team_closes_end_then_and_not_in_the_morning() -> None:
    assert DUTY.after(london(2026, 1, 7, 20), Period(hours=2)) == london(2026, 1, 7, 22)


@given(MOMENTS, HOURS | DAYS)
def test_a_team_answers_only_while_it_is_on_duty_and_never_before_it_was_asked(from_s: int, period: Period) -> None:
    end = DUTY.after(from_s, period)
    assert end > from_s
    assert DUTY.opens <= shown(end).time() <= DUTY.closes


@given(MOMENTS, HOURS)
def test_hours_stand_still_while_a_team_is_off_duty(from_s: int, period: Period) -> None:
    end = DUTY.after(from_s, period)
    begun = DUTY.opening(from_s)
    minutes = range(begun, end, 60)
    on_duty = sum(DUTY.opens <= shown(minute).time() < DUTY.closes for minute in minutes) * 60
    assert abs(on_duty - period.hours * 3600) <= 60


# --- written hours


@pytest.mark.parametrize("written", ["8:00 to 22:00", "08:00-22:00", "08:00 to 24:00", "day", "22:00 to 22:00x", ""])
def test_what_are_no_hours_is_refused_with_what_to_write(written: str) -> None:
    with pytest.raises(ValueError, match='write them as "08:00 to 22:00"'):
        Hours.parse(written)


@pytest.mark.parametrize("written", ["22:00 to 08:00", "08:00 to 08:00"])
def test_hours_over_midnight_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="ends before it begins; write hours of one day"):
        Hours.parse(written)


def test_hours_are_said_as_they_are_written() -> None:
    assert DUTY.words() == "08:00 to 22:00"
