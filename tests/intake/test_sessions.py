"""The session on real brokers: nothing is acknowledged before it is safe, nothing stays unanswered after."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from brokers import AnyBroker, Mosquitto, until
from kitback import wire
from kitback.intake import Intake, Message, Session, quarantine
from kitback.intake.sessions import Broker
from kitback.register import Register, RegisterError
from kitback.register.tag_states import accounts
from paper_tag import ROOT, PaperTag, SetClock, account, counts, nowhere
from tag_line import TagLine

NOON = 1_749_999_600  # before the clock's time


@contextmanager
def running(broker: AnyBroker, intake: Intake, client_id: str = "gateway") -> Iterator[Session]:
    """A session that serves in a thread."""
    stopping = threading.Event()
    session = Session(Broker("127.0.0.1", broker.port), ROOT, client_id, intake)
    thread = threading.Thread(target=session.run, args=[stopping])
    thread.start()
    try:
        assert session.joined.wait(10)
        yield session
    finally:
        stopping.set()
        thread.join(10)
        assert not thread.is_alive()


class Failing(Intake):
    """An intake whose database fails as often as it is told to."""

    failures = 0
    tries = 0

    def take(self, messages: Sequence[Message]) -> list[Message]:
        self.tries += 1
        if self.failures:
            self.failures -= 1
            raise RegisterError("the register is locked")
        return super().take(messages)


@pytest.fixture
def failing(register: Register, clock: SetClock) -> Failing:
    return Failing(register, clock, ROOT, nowhere)


def applied(register: Register) -> int:
    with register.read() as conn:
        return conn.scalar(sa.select(sa.func.sum(accounts.c.applied))) or 0


def test_a_report_is_taken_in_and_answered(
    broker: AnyBroker, intake: Intake, tag: PaperTag, register: Register
) -> None:
    tag.use()
    with running(broker, intake), TagLine(broker.port, tag.tag_id) as line:
        line.publish(*tag.message())
        ack = tag.hear(*line.answer())
    assert isinstance(ack, wire.Ack)
    assert (ack.high, applied(register)) == (1, 1)


def test_bad_input_is_kept_with_its_reason_and_stops_nothing(
    broker: AnyBroker, intake: Intake, tag: PaperTag, register: Register
) -> None:
    tag.pair = wire.Pair(0, 0, NOON)
    for _ in range(3):
        tag.use(span=10)
    topic, good = tag.message()
    with running(broker, intake), TagLine(broker.port, tag.tag_id) as line:
        for body in (b"not json", b'{"v":1}', b" " * 5000):
            line.publish(*tag.seal(body))
            assert isinstance(tag.hear(*line.answer()), wire.Rejection)
        line.publish(topic, good[:-1] + b"!")
        line.publish(*PaperTag(tag_id="ffffffffffff").message())
        line.publish(*tag.seal(wire.encode(tag.report()).replace(b'["use",2,10,', b'["use",2,-5,')))
        ack = tag.hear(*line.answer())
    assert isinstance(ack, wire.Ack)
    with register.read() as conn:
        kept = {each.reason: each.times for each in quarantine.listing(conn)}
        row = account(conn, tag)
    assert kept == dict.fromkeys(("not_json", "schema", "too_large", "not_signed", "unknown_tag", "bad_record"), 1)
    assert (ack.high, row.applied, row.quarantined) == (3, 2, 1)


def test_many_reports_at_once_are_all_answered(
    broker: AnyBroker, intake: Intake, tag: PaperTag, register: Register
) -> None:
    tag.batch = 1
    for _ in range(150):
        tag.use(span=1)
    with running(broker, intake), TagLine(broker.port, tag.tag_id) as line:
        for after in range(150):
            line.publish(*tag.message(after))
        for _ in range(150):
            tag.hear(*line.answer())
    assert tag.all_sent
    with register.read() as conn:
        assert account(conn, tag).applied == 150


def test_what_came_while_the_gateway_was_away_waits_on_the_broker(
    broker: AnyBroker, intake: Intake, tag: PaperTag, register: Register
) -> None:
    with running(broker, intake):
        pass
    tag.use()
    with TagLine(broker.port, tag.tag_id) as line:
        line.publish(*tag.message())
        with running(broker, intake):
            tag.hear(*line.answer())
    assert applied(register) == 1


def test_nothing_is_acknowledged_while_the_database_fails(
    broker: AnyBroker, failing: Failing, tag: PaperTag, register: Register
) -> None:
    tag.use()
    failing.failures = 10**6
    with TagLine(broker.port, tag.tag_id) as line:
        with running(broker, failing):
            line.publish(*tag.message())
            until(lambda: failing.tries >= 2, what="a second try")
        assert applied(register) == 0
        failing.failures = 0
        with running(broker, failing):
            tag.hear(*line.answer())
    assert applied(register) == 1
    with register.read() as conn:
        assert counts(conn)["received"] == 1


def test_a_database_that_comes_back_is_used_again(
    broker: AnyBroker, failing: Failing, tag: PaperTag, register: Register
) -> None:
    tag.use()
    failing.failures = 2
    with running(broker, failing), TagLine(broker.port, tag.tag_id) as line:
        line.publish(*tag.message())
        tag.hear(*line.answer())
    assert applied(register) == 1


def test_a_broker_that_went_away_is_found_again(broker: AnyBroker, intake: Intake, tag: PaperTag) -> None:
    with running(broker, intake) as session:
        broker.stop()
        until(lambda: not session.joined.is_set(), what="the loss")
        broker.start()
        assert session.joined.wait(10)
        tag.use()
        with TagLine(broker.port, tag.tag_id) as line:
            line.publish(*tag.message())
            tag.hear(*line.answer())
    assert tag.all_sent


def test_messages_held_over_a_restart_of_the_broker_are_taken_in_once(
    tmp_path: Path, failing: Failing, tag: PaperTag, register: Register
) -> None:
    """What was pending when the connection went is dropped: the broker hands it out again under other ids."""
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        tag.use()
        failing.failures = 10**6
        with running(broker, failing) as session:
            with TagLine(broker.port, tag.tag_id) as line:
                line.publish(*tag.message())
                until(lambda: failing.tries >= 1, what="a try")
            broker.stop()
            until(lambda: not session.joined.is_set(), what="the loss")
            failing.failures = 0
            broker.start()
            until(lambda: applied(register) == 1, what="the second delivery")
    finally:
        broker.stop()
    with register.read() as conn:
        assert account(conn, tag).duplicate == 0
