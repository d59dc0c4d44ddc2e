"""Whatever happens on the way, every record ends up applied once, written off, or in quarantine."""

import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitback import wire
from kitback.intake import Intake, Message
from kitback.register import Register
from kitback.register.tables import waiting
from kitback.register.tag_states import accounts
from paper_tag import ROOT, PaperTag, SetClock, account, counts, gaps, history, nowhere

pytestmark = pytest.mark.both_engines

# The register is shared by a test's examples: each has a tag of its own.
shared = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def ids() -> Iterator[str]:
    return (f"{number:012x}" for number in range(1, 10**6))


@shared
@given(
    st.integers(0, 2**32), st.lists(st.sampled_from(["use", "send", "lose", "repeat", "shuffle", "wake"]), max_size=40)
)
def test_every_record_is_applied_once_whatever_the_road_does(
    register: Register, clock: SetClock, ids: Iterator[str], seed: int, road: list[str]
) -> None:
    """Batches that get lost, come twice, come late; answers that get lost; power cuts. Then the tag sends the rest."""
    chance = random.Random(seed)
    intake = Intake(register, clock, ROOT, nowhere)
    tag = PaperTag(tag_id=next(ids), batch=3)
    with register.write() as conn:
        tag.enrol(conn)
    sent: list[Message] = []
    for step in road:
        clock.unix += 60
        if step == "use":
            tag.use(span=60)
        elif step == "wake":
            tag.wake()
        elif step == "shuffle" and sent:
            # Batches that the broker held, in any order.
            intake.take(chance.sample(sent, min(len(sent), 4)))
        elif step == "repeat" and sent:
            intake.take([sent[-1], sent[-1]])
        else:
            # After a missed answer a tag may go on from where it was, or run ahead of what the gateway has.
            sent.append(tag.message(after=chance.choice([tag.high, chance.randint(0, tag.newest)])))
            if step == "send":
                for answer in intake.take([sent[-1]]):
                    if chance.random() < 0.7:
                        tag.hear(*answer)
    finish(tag, intake, clock)
    with register.read() as conn:
        row = account(conn, tag)
        assert (row.high, row.applied, row.lost, row.quarantined) == (tag.newest, tag.newest, 0, 0)
        assert conn.execute(sa.select(waiting).where(waiting.c.tag_id == tag.tag_id)).all() == []
        assert sorted(applied(conn, tag)) == list(range(1, tag.newest + 1))


@shared
@given(st.integers(0, 2**32))
def test_what_a_full_journal_overwrote_is_counted_as_lost(
    register: Register, clock: SetClock, ids: Iterator[str], seed: int
) -> None:
    chance = random.Random(seed)
    intake = Intake(register, clock, ROOT, nowhere)
    tag = PaperTag(tag_id=next(ids), batch=3)
    with register.write() as conn:
        tag.enrol(conn)
    intake.take([tag.message()])
    for _ in range(15):
        tag.use(span=60)
        clock.unix += 60
        if chance.random() < 0.3:
            for answer in intake.take([tag.message()]):
                tag.hear(*answer)
        if chance.random() < 0.3:
            tag.overwrite(chance.randint(tag.oldest - 1, tag.newest - 1))
    finish(tag, intake, clock)
    with register.read() as conn:
        row = account(conn, tag)
        lost = {seq for first, last in gaps(conn, tag) for seq in range(first, last + 1)}
        assert len(lost) == row.lost
        assert sorted([*applied(conn, tag), *lost]) == list(range(1, tag.newest + 1))


@shared
@given(st.data())
def test_damage_lands_in_quarantine_and_stops_nothing(
    register: Register, clock: SetClock, ids: Iterator[str], data: st.DataObject
) -> None:
    """Any bytes, signed or not; and good reports with a piece knocked out, signed over."""
    intake = Intake(register, clock, ROOT, nowhere)
    tag = PaperTag(tag_id=next(ids), pair=wire.Pair(0, 0, clock.unix - 1000))
    with register.write() as conn:
        tag.enrol(conn)
    for _ in range(3):
        tag.use(span=60)
    good = wire.encode(tag.report())
    start = data.draw(st.integers(0, len(good)))
    length = data.draw(st.integers(0, 8))
    hurt = good[:start] + data.draw(st.binary(max_size=8)) + good[start + length :]
    with register.read() as conn:
        before = counts(conn)
    messages = [
        tag.seal(hurt),
        tag.seal(data.draw(st.binary(max_size=50))),
        (tag.topic, data.draw(st.binary(max_size=50))),
        (data.draw(st.text(max_size=20)), b""),
    ]
    intake.take(messages)
    with register.read() as conn:
        after = counts(conn)
    assert grown(before, after, "received") == len(messages)
    assert grown(before, after, "accepted") + grown(before, after, "quarantined.") == len(messages)
    assert grown(before, after, "quarantined.failed") == 0
    with register.read() as conn:
        if grown(before, after, "accepted"):
            tag.journal = conn.scalar(sa.select(accounts.c.journal).where(accounts.c.tag_id == tag.tag_id))
            account(conn, tag)


def finish(tag: PaperTag, intake: Intake, clock: SetClock) -> None:
    """The tag's last uploads, with nothing in the way, until all is safe and its clock has a pair."""
    for _ in range(200):
        clock.unix += 1
        for answer in intake.take([tag.message()]):
            tag.hear(*answer)
        if tag.all_sent and tag.pair is not None:
            intake.take([tag.message()])
            return
    raise AssertionError("the upload never ends")


def applied(conn: sa.Connection, tag: PaperTag) -> list[int]:
    """Sequence numbers of the history lines of a tag: they are the microseconds."""
    return [
        int(line.rsplit(" ", 1)[1]) % 1_000_000 for line in history(conn) if line.startswith(f"use,tag={tag.tag_id},")
    ]


def grown(before: dict[str, int], after: dict[str, int], name: str) -> int:
    return sum(value - before.get(each, 0) for each, value in after.items() if each.startswith(name))


def test_a_damaged_record_that_can_have_no_number_is_quarantined_and_counted(
    register: Register, clock: SetClock
) -> None:
    """Between a record and the newest there is no room for it; in an early report it comes again."""
    intake = Intake(register, clock, ROOT, nowhere)
    tag = PaperTag(pair=wire.Pair(0, 0, clock.unix - 1000))
    with register.write() as conn:
        tag.enrol(conn)
    tag.use()
    body = wire.encode(tag.report())
    hurt = body.replace(b"]]", b'],["use"]]')
    assert hurt != body
    intake.take([tag.seal(hurt)])
    for _ in range(3):
        tag.use()
    early = wire.encode(tag.report(after=3)).replace(b"]]", b'],["use"]]')
    intake.take([tag.seal(early)])
    with register.read() as conn:
        had = counts(conn)
        assert (had["records.received"], had["records.quarantined"], had["records.early"]) == (4, 1, 2)
        assert account(conn, tag).quarantined == 0
