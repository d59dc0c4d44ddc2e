"""On how many days something was used, as SQL. Days are UTC's, and a use is of the day on which it ends.

A tag tells of use by the hour. What was in use in the last hour of a day, and on the next one, is taken as one use that
went on past midnight: a night, or a stray use late in the evening, is use on one day.
"""

from typing import Final

import sqlalchemy as sa

from kitback.register.tables import use_day

_DAY: Final = 86_400
_HOUR: Final = 3_700
"""An hour by a counter that is out, and sensed late."""
_next: Final = use_day.alias("next_day")
_before: Final = use_day.alias("day_before")

Seconds = sa.ColumnElement[int]


def over(asset_id: sa.ColumnElement[str], since: Seconds, used_at: Seconds) -> sa.ColumnElement[int]:
    """Days on which use of an asset ended since a time; `used_at` is the end of its latest use, which may go on."""
    day = use_day.c
    went_on = sa.and_(
        _late(use_day),
        sa.or_(
            (used_at - 1) // _DAY == day.day + 1,
            sa.exists()
            .where(_next.c.asset_id == day.asset_id, _next.c.day == day.day + 1, _next.c.used_at.is_not(None))
            .correlate_except(_next),
        ),
    )
    came_in = (
        sa.exists()
        .where(
            _before.c.asset_id == day.asset_id,
            _before.c.day == day.day - 1,
            sa.or_(
                sa.and_(_before.c.used_at > since, _late(_before)),
                sa.and_(_before.c.used_at.is_(None), _before.c.in_use > 0),  # its first hour went on past midnight
            ),
        )
        .correlate_except(_before)
    )
    ended = sa.or_(sa.not_(went_on), came_in)
    return (
        sa.select(sa.func.count())
        .where(day.asset_id == asset_id, day.used_at > since, ended)
        .correlate_except(use_day)
        .scalar_subquery()
    )


def going_on(asset_id: sa.ColumnElement[str], since: Seconds, used_at: Seconds) -> sa.ColumnElement[int]:
    """1 if use goes on, on a day on which none has ended yet: it is known from the tag's latest report only."""
    known = (
        sa.exists()
        .where(use_day.c.asset_id == asset_id, use_day.c.used_at > since, use_day.c.day == (used_at - 1) // _DAY)
        .correlate_except(use_day)
    )
    return sa.case((sa.and_(used_at > since, sa.not_(known)), 1), else_=0)


def _late(days: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the day's latest use ended in its last hour."""
    return (days.c.used_at + _HOUR - 1) // _DAY == days.c.day + 1
