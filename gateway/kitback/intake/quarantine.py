"""What could not be taken in, kept with the reason, so that nothing is dropped unseen. Whole reports are capped."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import sqlalchemy as sa

from kitback import wire
from kitback.register.tables import quarantine
from kitback.register.tag_states import Point

Reason = Literal[
    "bad_topic",
    "unknown_tag",
    "too_large",
    "not_signed",
    "not_json",
    "schema",
    "sequence_jump",
    "bad_record",
    "failed",
]

WORDS: Final[Mapping[str, str]] = {
    "bad_topic": "The topic is not one that a tag publishes on",
    "unknown_tag": "No such tag is enrolled",
    "too_large": f"Larger than {wire.MAX_MESSAGE} bytes",
    "not_signed": "Not signed with this tag's secret, or damaged on the way",
    "not_json": "Genuine, but not a JSON document",
    "schema": "Genuine, but not a report",
    "sequence_jump": "Sequence numbers run too far ahead to be believed",
    "bad_record": "One record of a good report broke its schema",
    "failed": "The gateway failed on it: this is Kitback's fault, please report it",
    "history": "InfluxDB refused this history line",
}
"""Each reason in words for staff; `history` is noted by the drain."""

KEPT_PER_TAG: Final = 20
"""Whole reports kept for one tag and reason; more only raise the count of the latest."""
KEPT_RECORDS: Final = 1000
"""Damaged records kept of one tag; more are only counted, in `DROPPED`. A tag whose every record is damaged must not
fill the disk."""
KEPT_UNKNOWN: Final = 1000
"""Unknown tags kept, one report each."""

DROPPED: Final = "quarantine.dropped"
"""The counter of damaged records that were not kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing in quarantine. Times are Unix seconds."""

    quarantine_id: int
    first_at: int
    last_at: int
    times: int
    """How often the same thing came."""
    tag_id: str
    journal: str
    seq: int
    """Sequence number of a record; 0 for a whole report."""
    digest: str
    reason: str
    detail: str
    payload: bytes
    clock: int | None = None
    """The clock that a record is on."""
    counter: int | None = None
    """A counter of that clock whose time was told with the record, if one was."""
    unix: int | None = None
    """Its time."""


def listing(conn: sa.Connection) -> list[Kept]:
    """Everything in quarantine, the latest first."""
    rows = conn.execute(sa.select(quarantine).order_by(quarantine.c.last_at.desc(), quarantine.c.quarantine_id.desc()))
    return [Kept(*row) for row in rows]


def keep_report(conn: sa.Connection, tag_id: str, reason: Reason, detail: str, payload: bytes, now_s: int) -> None:
    """Keep a whole message; `tag_id` is empty when the topic names none."""
    digest = hashlib.sha256(payload).hexdigest()
    if _again(conn, now_s, quarantine.c.digest == digest, quarantine.c.tag_id == tag_id):
        return
    alike = sa.and_(quarantine.c.tag_id == tag_id, quarantine.c.reason == reason)
    if _count(conn, alike) >= (1 if reason == "unknown_tag" else KEPT_PER_TAG):
        latest = sa.select(sa.func.max(quarantine.c.quarantine_id)).where(alike).scalar_subquery()
        _again(conn, now_s, quarantine.c.quarantine_id == latest)
    elif reason != "unknown_tag" or _count(conn, quarantine.c.reason == reason) < KEPT_UNKNOWN:
        _keep(conn, now_s, _Place(tag_id, "", 0, digest), reason, detail, payload)


def keep_record(
    conn: sa.Connection,
    tag_id: str,
    journal: str,
    seq: int | None,
    detail: str,
    record: bytes,
    now_s: int,
    clock: int,
    told: Point | None,
) -> bool:
    """Keep one damaged record; without a number it is known by its digest.

    Args:
        clock: the clock it is on.
        told: a pair on that clock, if its report told one.

    Returns:
        False if too many of its tag are kept already.
    """
    place = _Place(tag_id, journal, seq or 0, "" if seq else hashlib.sha256(record).hexdigest())
    same = [quarantine.c[name] == value for name, value in place._asdict().items()]
    if _again(conn, now_s, *same):
        return True
    if _count(conn, sa.and_(quarantine.c.tag_id == tag_id, quarantine.c.journal != "")) >= KEPT_RECORDS:
        return False
    _keep(conn, now_s, place, "bad_record", detail, record, clock, told)
    return True


def clocks_of(conn: sa.Connection, tag_id: str, journal: str) -> set[int]:
    """The clocks that records kept of a tag are on, but for those of one journal."""
    theirs = sa.select(quarantine.c.clock).where(_records_but(tag_id, journal))
    return set(conn.scalars(theirs.where(quarantine.c.clock.is_not(None)).distinct()))


def number_clocks(conn: sa.Connection, tag_id: str, journal: str, numbers: Mapping[int, int]) -> None:
    """Give the clocks of `clocks_of` new numbers."""
    below = sa.case(numbers, value=quarantine.c.clock, else_=quarantine.c.clock)
    conn.execute(sa.update(quarantine).where(_records_but(tag_id, journal)).values(clock=below))


def tag_of(conn: sa.Connection, quarantine_id: int) -> str:
    """Whose something on the list is; empty if it is no tag's, or not on it."""
    whose = sa.select(quarantine.c.tag_id).where(quarantine.c.quarantine_id == quarantine_id)
    return conn.scalar(whose) or ""


def take_off(conn: sa.Connection, quarantine_id: int) -> Kept | None:
    """Take something off the list; None if it is not on it. Nobody else can take it off as well."""
    taken = sa.delete(quarantine).where(quarantine.c.quarantine_id == quarantine_id).returning(*quarantine.c)
    row = conn.execute(taken).one_or_none()
    return Kept(*row) if row else None


def refuse_again(conn: sa.Connection, quarantine_id: int, reason: Reason, detail: str) -> None:
    """Note why something that is on the list still has to stay there."""
    again = sa.update(quarantine).where(quarantine.c.quarantine_id == quarantine_id)
    conn.execute(again.values(reason=reason, detail=_printable(detail)))


def _records_but(tag_id: str, journal: str) -> sa.ColumnElement[bool]:
    return sa.and_(quarantine.c.tag_id == tag_id, quarantine.c.journal.not_in(["", journal]))


class _Place(NamedTuple):
    """What makes two things in quarantine the same."""

    tag_id: str
    journal: str
    seq: int
    digest: str


def _again(conn: sa.Connection, now_s: int, *which: sa.ColumnElement[bool]) -> bool:
    again = sa.update(quarantine).where(*which).values(times=quarantine.c.times + 1, last_at=now_s)
    return conn.execute(again).rowcount > 0


def _count(conn: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    return conn.scalar(sa.select(sa.func.count()).select_from(quarantine).where(which)) or 0


def _keep(
    conn: sa.Connection,
    now_s: int,
    place: _Place,
    reason: Reason,
    detail: str,
    payload: bytes,
    clock: int | None = None,
    told: Point | None = None,
) -> None:
    conn.execute(
        sa.insert(quarantine),
        {
            **place._asdict(),
            "first_at": now_s,
            "last_at": now_s,
            "times": 1,
            "reason": reason,
            "detail": _printable(detail),
            "payload": payload[: wire.MAX_MESSAGE],
            "clock": clock,
            "counter": told.counter if told else None,
            "unix": told.unix if told else None,
        },
    )


def _printable(detail: str) -> str:
    # It may quote the message: control characters would upset terminals, and PostgreSQL.
    return "".join(each if each.isprintable() else "?" for each in detail[:300])
