"""The days and hours a service works: England's bank holidays, and teams that go home at night."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Self

import holidays

from kitback.policy.period import LONDON, Period, Unreadable, unix

_WRITTEN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]) to ([01][0-9]|2[0-3]):([0-5][0-9])")
_SATURDAY = 5


def bank_holiday(day: date) -> str | None:
    """What England's bank holiday on `day` is called; None when there is none."""
    return _bank_holidays().get(day)


def is_working_day(day: date) -> bool:
    """Whether `day` is no Saturday, no Sunday and no bank holiday in England."""
    return day.weekday() < _SATURDAY and bank_holiday(day) is None


def add_working_days(from_s: int, days: int) -> int:
    """The last second, in London, of the working day that is `days` (at least 1) after the date of `from_s`.

    The date itself does not count, whatever the hour.
    """
    day = datetime.fromtimestamp(from_s, LONDON).date()
    for _ in range(days):
        day += timedelta(days=1)
        while not is_working_day(day):
            day += timedelta(days=1)
    return _moment(day + timedelta(days=1), time()) - 1


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of every day, weekends and bank holidays too, in which a team is on duty."""

    opens: time
    closes: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `08:00 to 22:00`.

        Raises:
            Unreadable: `text` is no such hours; the remedy shows what to write.
        """
        written = _WRITTEN.fullmatch(text.strip())
        if written is None:
            raise Unreadable(f'"{text}" is not hours of the day', 'write them as "08:00 to 22:00"')
        opens, closes = time(int(written[1]), int(written[2])), time(int(written[3]), int(written[4]))
        if closes <= opens:
            raise Unreadable(f'"{text}" ends before it begins', 'write hours of one day, as "08:00 to 22:00"')
        return cls(opens, closes)

    def opening(self, from_s: int) -> int:
        """`from_s` itself when the team is on duty then, else when it next comes on."""
        day = datetime.fromtimestamp(from_s, LONDON).date()
        if from_s >= _moment(day, self.closes):
            day += timedelta(days=1)
        return max(from_s, _moment(day, self.opens))

    def after(self, from_s: int, period: Period) -> int:
        """The Unix second `period` after `from_s`, of a team that counts only while it is on duty.

        What comes in while it is off counts from when it next comes on. From there days and months end at the same
        time of day, and hours stand still overnight.
        """
        at = self.opening(from_s)
        left = period.hours * 3600
        if not left:
            return period.after(at)
        while left > (today := self._closing(at) - at):
            left -= today
            at = self.opening(at + today)
        return at + left

    def words(self) -> str:
        """`08:00 to 22:00`."""
        return f"{self.opens:%H:%M} to {self.closes:%H:%M}"

    def _closing(self, at: int) -> int:
        return _moment(datetime.fromtimestamp(at, LONDON).date(), self.closes)


def _moment(day: date, at: time) -> int:
    return unix(datetime.combine(day, at, LONDON))


@cache
def _bank_holidays() -> holidays.HolidayBase:
    return holidays.country_holidays("GB", subdiv="ENG")
