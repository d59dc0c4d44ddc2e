"""Times and lengths as a stores clerk says them, on London's calendar; and as machines do, in UTC."""

from calendar import month_name
from datetime import UTC, datetime

from kitback.policy import LONDON

_HOUR = 3600
_DAY = 86400
_MONTHS = tuple(month_name)


def day(unix_s: int, now_s: int) -> str:
    """`24 October`; with the year when it is not the present one."""
    then, now = _london(unix_s), _london(now_s)
    written = f"{then.day} {_MONTHS[then.month]}"
    return written if then.year == now.year else f"{written} {then.year}"


def full_day(unix_s: int) -> str:
    """`24 October 2026`, for what may be in another year."""
    then = _london(unix_s)
    return f"{then.day} {_MONTHS[then.month]} {then.year}"


def moment(unix_s: int, now_s: int) -> str:
    """`09:12 today`, or `09:12 on 24 October`."""
    then = _london(unix_s)
    when = "today" if then.date() == _london(now_s).date() else f"on {day(unix_s, now_s)}"
    return f"{then.hour:02}:{then.minute:02} {when}"


def stamp(unix_s: int) -> str:
    """`09:12 on 24 October 2026`, for what will be read at another time."""
    then = _london(unix_s)
    return f"{then:%H:%M} on {then.day} {then:%B %Y}"


def length(seconds: int) -> str:
    """`18 days`, `5 hours` or `20 minutes`, rounded down; days from two days on."""
    if seconds >= 2 * _DAY:
        return f"{seconds // _DAY} days"
    if seconds >= _HOUR:
        return _counted(seconds // _HOUR, "hour")
    return _counted(seconds // 60, "minute")


def iso(unix_s: int) -> str:
    """`2026-10-24T08:12:00Z`."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat()[:19] + "Z"


def _london(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, LONDON)


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
