"""Keeps each asset's alarms in `judgement`: since when it is without power."""

import sqlalchemy as sa

from kitback.register.tables import judgement

_SINCE = judgement.c.unpowered_from
_AT = sa.bindparam("at", type_=sa.BigInteger())


def _where(condition: sa.ColumnElement[bool]) -> sa.Update:
    return sa.update(judgement).where(judgement.c.asset_id == sa.bindparam("asset"), condition)


_BEGAN = _where(sa.or_(_SINCE.is_(None), _SINCE > _AT)).values(unpowered_from=_AT)
_ENDED = _where(_SINCE <= _AT).values(unpowered_from=None)
_ON = _where(_SINCE.is_(None)).values(unpowered_from=_AT)
_OFF = _where(_SINCE.is_not(None)).values(unpowered_from=None)


def began(conn: sa.Connection, asset_id: str, at_s: int) -> None:
    """An asset has been without power since `at_s`, or since whenever earlier is known."""
    conn.execute(_BEGAN, {"asset": asset_id, "at": at_s})


def ended(conn: sa.Connection, asset_id: str, at_s: int) -> None:
    """An asset got power back at `at_s`; an alarm that began later goes on."""
    conn.execute(_ENDED, {"asset": asset_id, "at": at_s})


def stand(conn: sa.Connection, asset_id: str, unpowered: bool, at_s: int) -> None:
    """An asset's tag says how it is at `at_s`; since when, the alarm's own record knows better."""
    if unpowered:
        conn.execute(_ON, {"asset": asset_id, "at": at_s})
    else:
        conn.execute(_OFF, {"asset": asset_id})
