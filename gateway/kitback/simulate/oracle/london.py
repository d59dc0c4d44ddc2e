"""The policy's lengths of time, on London's clocks."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kitback.policy import Period

_LONDON: Final = ZoneInfo("Europe/London")


def later(from_s: int, period: Period, times: int = 1) -> int:
    """The moment a period later, or earlier with -1 `times`.

    Hours pass; days and months end at the same time of day, a month at its last day if it has no such day. What would
    end in the hour that is skipped in spring ends when it is skipped.
    """
    if period.hours:
        return from_s + times * period.hours * 3600
    local = datetime.fromtimestamp(from_s, _LONDON).replace(tzinfo=None)
    if period.days:
        local += timedelta(days=times * period.days)
    else:
        years, month = divmod(local.year * 12 + local.month - 1 + times * period.months, 12)
        local = local.replace(year=years, month=month + 1, day=min(local.day, monthrange(years, month + 1)[1]))
    at_s = int(local.replace(tzinfo=_LONDON).timestamp())
    if datetime.fromtimestamp(at_s, _LONDON).hour != local.hour:
        return int(local.replace(minute=0, second=0, tzinfo=_LONDON).timestamp())
    return at_s


def day(at_s: int) -> date:
    """The day in London."""
    return datetime.fromtimestamp(at_s, _LONDON).date()


def midnight_after(at_s: int) -> int:
    """When that day is over in London."""
    return int(datetime.combine(day(at_s) + timedelta(days=1), datetime.min.time(), _LONDON).timestamp())


def stamp(at_s: int) -> str:
    """A moment as a person reads it."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
