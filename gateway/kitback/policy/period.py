"""Lengths of time as people agree on them: hours that pass, days and months of the calendar."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
"""The calendar of the service."""

_WRITTEN = re.compile(r"([1-9][0-9]{0,3}) ?(h|d|months?)")


class Unreadable(ValueError):
    """What somebody wrote is not what belongs there."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time; exactly one of its parts is not zero."""

    hours: int = 0
    days: int = 0
    months: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `72 h`, `42 d` or `6 months`.

        Raises:
            Unreadable: `text` is none of these; the remedy shows what to write.
        """
        written = _WRITTEN.fullmatch(text.strip())
        if written is None:
            raise Unreadable(f'"{text}" is not a length of time', 'write it as "72 h", "42 d" or "6 months"')
        count = int(written[1])
        match written[2]:
            case "h":
                return cls(hours=count)
            case "d":
                return cls(days=count)
            case _:
                return cls(months=count)

    @property
    def seconds(self) -> int:
        """The length in seconds, a month taken as 30 days: for thresholds, where the calendar does not matter."""
        return self.hours * 3600 + (self.days + self.months * 30) * 86400

    def after(self, from_s: int) -> int:
        """The Unix second this long after `from_s`; days and months end at the same time of day in London.

        A month that lacks the day ends on its last one: six months after 31 August is 28 (or 29) February.
        """
        if self.hours:
            return from_s + self.hours * 3600
        local = datetime.fromtimestamp(from_s, LONDON)
        return unix(_months_later(local, self.months) + timedelta(days=self.days))

    def before(self, until_s: int) -> int:
        """The Unix second this long before `until_s`, counted as `after` counts."""
        if self.hours:
            return until_s - self.hours * 3600
        local = datetime.fromtimestamp(until_s, LONDON)
        return unix(_months_later(local, -self.months) - timedelta(days=self.days))

    def words(self) -> str:
        """As people say it: `72 hours`, `6 weeks`, `10 days`, `6 months`."""
        if self.hours:
            return _counted(self.hours, "hour")
        if self.months:
            return _counted(self.months, "month")
        weeks, rest = divmod(self.days, 7)
        return _counted(weeks, "week") if weeks >= 2 and not rest else _counted(self.days, "day")


def unix(local: datetime) -> int:
    """The Unix second at which London's clocks show `local`: the first of two in autumn.

    In the hour that is skipped in spring, the moment it is skipped: then what begins later never ends earlier.
    """
    second = int(local.timestamp())
    skipped = datetime.fromtimestamp(second, LONDON).hour != local.hour
    return second - second % 3600 if skipped else second


def _months_later(local: datetime, months: int) -> datetime:
    if not months:
        return local
    year, month0 = divmod(local.year * 12 + local.month - 1 + months, 12)
    _, last_day = monthrange(year, month0 + 1)
    return local.replace(year=year, month=month0 + 1, day=min(local.day, last_day))


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
