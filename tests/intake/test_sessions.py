"""The session on real brokers: nothing is acknowledged before it is safe, nothing stays unanswered after."""

import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from authority import Authority
from brokers import AnyBroker, Embedded, Mosquitto, free_port, until
from kitback import wire
from kitback.intake import Broker, Intake, Message, Session, Worker, quarantine
from kitback.intake import sessions as sessions_module
from kitback.intake import worker as worker_module
from kitback.intake.sessions import WINDOW
from kitback.register import Register, RegisterError, listening
from kitback.register.leases import Leases
from kitback.register.tag_states import accounts
from paper_tag import ROOT, PaperTag, SetClock, account, counts, nowhere
from tag_line import TagLine

NOON = 1_749_999_600  # before the clock's time


def session_on(port: int, client_id: str = "gateway", shards: str = "+", ca_file: Path | None = None) -> Session:
    topics = [wire.topic(ROOT, "+", wire.UP_REPORT).replace("+", shard, 1) for shard in shards]
    host = "localhost" if ca_file else "127.0.0.1"
    return Session(Broker(host, port, ca_file=str(ca_file) if ca_file else None), client_id, topics)


@contextmanager
def running(broker: AnyBroker, intake: Intake, *sessions: Session) -> Iterator[Worker]:
    """A worker in a thread, with one session unless some are given."""
    stopping = threading.Event()
    leases = Leases(intake._register)
    worker = Worker(intake, sessions or [session_on(broker.port)], leases)
    thread = threading.Thread(target=worker.run, args=[stopping])
    thread.start()
    try:
        assert worker.joined.wait(30)
        yield worker
    finally:
        stopping.set()
        thread.join(10)
        leases.give_back()
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
    with running(broker, intake) as worker:
        broker.stop()
        until(lambda: not worker.joined.is_set(), what="the loss")
        broker.start()
        assert worker.joined.wait(30)
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
        with running(broker, failing) as worker:
            with TagLine(broker.port, tag.tag_id) as line:
                line.publish(*tag.message())
                until(lambda: failing.tries >= 1, what="a try")
            broker.stop()
            until(lambda: not worker.joined.is_set(), what="the loss")
            failing.failures = 0
            broker.start()
            until(lambda: applied(register) == 1, what="the second delivery")
    finally:
        broker.stop()
    with register.read() as conn:
        assert account(conn, tag).duplicate == 0


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


def test_the_newest_protocol_that_a_broker_speaks_is_found_and_kept_to(
    broker: AnyBroker, intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with running(broker, intake) as worker:
        broker.stop()
        until(lambda: not worker.joined.is_set(), what="the loss")
        broker.start()
        assert worker.joined.wait(30)
    protocol = "5" if isinstance(broker, Mosquitto) else "3.1.1"
    told = [record.getMessage() for record in caplog.records if record.name == "kitback.intake.sessions"]
    assert [each.endswith(f"with MQTT {protocol}") for each in told if "listens" in each] == [True, True]
    assert sum("trying" in each for each in told) == (protocol == "3.1.1")


def test_reports_and_answers_pass_tls(tmp_path: Path, intake: Intake, tag: PaperTag, register: Register) -> None:
    authority = Authority()
    port, lines = authority.listener(tmp_path, "localhost")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(ssl.DER_cert_to_PEM_cert(authority.der))
    broker = Mosquitto(tmp_path, f"{lines}allow_anonymous true\n")
    broker.start()
    tag.batch = 1
    for _ in range(600):
        tag.use(span=1)
    try:
        with running(broker, intake):  # so that all waits for a session of that name
            pass
        with TagLine(broker.port, tag.tag_id) as line:
            for after in range(600):
                line.publish(*tag.message(after))
            with running(broker, intake, session_on(port, ca_file=ca_file)):
                for _ in range(600):
                    tag.hear(*line.answer())
    finally:
        broker.stop()
    assert applied(register) == 600


def test_a_worker_serves_each_session_and_acknowledges_on_it(
    mosquitto: Mosquitto, intake: Intake, register: Register
) -> None:
    tags = [PaperTag(tag_id=f"00000000000{digit}") for digit in "34a"]
    with register.write() as conn:
        for tag in tags:
            tag.enrol(conn)

    def halves() -> list[Session]:
        return [session_on(mosquitto.port, shards, shards) for shards in ("01234567", "89abcdef")]

    with running(mosquitto, intake, *halves()):
        for tag in tags:
            with TagLine(mosquitto.port, tag.tag_id) as line:
                line.publish(*tag.message())
                tag.hear(*line.answer())
    # What was not acknowledged would come again now, before this.
    with running(mosquitto, intake, *halves()):
        for tag in tags:
            with TagLine(mosquitto.port, tag.tag_id) as line:
                line.publish(*tag.message())
                tag.hear(*line.answer())
    with register.read() as conn:
        assert counts(conn)["received"] == 6


class Interrupted(Intake):
    """An intake in whose first transaction the broker gives the session to somebody else."""

    def __init__(self, register: Register, clock: SetClock, port: int) -> None:
        super().__init__(register, clock, ROOT, lambda *_: None)
        self._port = port
        self.sizes: list[int] = []

    def take(self, messages: Sequence[Message]) -> list[Message]:
        if not self.sizes:
            somebody = Client(CallbackAPIVersion.VERSION2, "gateway", clean_session=False)
            somebody.connect("127.0.0.1", self._port)
            while not somebody.is_connected():
                somebody.loop(0.1)
            somebody.disconnect()
        self.sizes.append(len(messages))
        return super().take(messages)


def test_what_was_taken_in_over_a_connection_that_is_gone_is_not_acknowledged_on_the_next(
    mosquitto: Mosquitto, register: Register, clock: SetClock, tag: PaperTag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes again, and is seen to be a repeat; an acknowledgement would have hit another message of that id."""
    monkeypatch.setattr(sessions_module, "_PATIENCE", 1.0)
    intake = Interrupted(register, clock, mosquitto.port)
    tag.use()
    with running(mosquitto, intake), TagLine(mosquitto.port, tag.tag_id) as line:
        line.publish(*tag.message())
        until(lambda: len(intake.sizes) == 2, what="the second delivery")
        tag.hear(*line.answer())
    assert intake.sizes == [1, 1]
    with register.read() as conn:
        row = account(conn, tag)
    assert (row.applied, row.duplicate) == (1, 1)


def test_while_nothing_can_be_taken_in_only_so_much_is_read(
    mosquitto: Mosquitto, failing: Failing, tag: PaperTag
) -> None:
    """No window holds back what was published with QoS 0."""
    failing.failures = 10**6
    session = session_on(mosquitto.port)
    topic, payload = tag.message()
    with running(mosquitto, failing, session):
        flood = Client(CallbackAPIVersion.VERSION2)
        flood.connect("127.0.0.1", mosquitto.port)
        for _ in range(10_000):
            flood.publish(topic, payload, qos=0)
        flood.publish(topic, payload, qos=1)
        while flood.want_write() or flood.loop(0.05):
            pass
        assert session.connection
        until(lambda: session.connection and len(session.connection.messages) >= WINDOW, what="a full window")
        tries = failing.tries
        until(lambda: failing.tries > tries + 1, what="more tries")
        assert len(session.connection.messages) < WINDOW + 1000
        flood.disconnect()
        failing.failures = 0
        with TagLine(mosquitto.port, tag.tag_id) as line:
            tag.hear(*line.answer())


@contextmanager
def nonsense(answer: bytes = b"\x20\x03\xff\xff\xff") -> Iterator[int]:
    """The port of what is no broker, and gives one answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_answer_once, args=[server, answer])
        answering.start()
        try:
            yield server.getsockname()[1]
        finally:
            socket.create_connection(server.getsockname()).close()  # in case nobody came
            answering.join(10)


@pytest.mark.parametrize("fault", ["a broker that sends nonsense", "a topic that makes paho raise in a callback"])
def test_a_session_that_cannot_be_had_does_not_disturb_another(
    mosquitto: Mosquitto, intake: Intake, tag: PaperTag, fault: str
) -> None:
    tag.use()
    stopping = threading.Event()
    with nonsense() as port:
        mad = session_on(port, "mad") if "nonsense" in fault else session_on(mosquitto.port, "mad", "#")
        worker = Worker(intake, [mad, session_on(mosquitto.port)], Leases(intake._register))
        serving = threading.Thread(target=worker.run, args=[stopping])
        serving.start()
        try:
            with TagLine(mosquitto.port, tag.tag_id) as line:
                until(lambda: _hears(line, tag), what="an answer")
        finally:
            stopping.set()
            serving.join(10)
    assert not mad.joined


def _hears(line: TagLine, tag: PaperTag) -> bool:
    line.publish(*tag.message())
    try:
        tag.hear(*line.answer(0.5))
    except queue.Empty:
        return False
    return True


def _answer_once(server: socket.socket, answer: bytes) -> None:
    with server.accept()[0] as broker, suppress(OSError):
        broker.recv(1000)
        broker.sendall(answer)
        broker.recv(1000)


class Front:
    """A broker's address, behind which there is nothing at first, and later what it is told: the broker, or another.

    A connection of the first `hang_ups` is accepted and closed, as by a proxy whose broker has not started.
    """

    def __init__(self, port: int, hang_ups: int = 0) -> None:
        self.broker = port
        self.hang_ups = hang_ups
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                end = self._server.accept()[0]
                if self.hang_ups:
                    self.hang_ups -= 1
                    end.close()
                    continue
                other = socket.create_connection(("127.0.0.1", self.broker))
                self._ends += [end, other]
                for one, two in ((end, other), (other, end)):
                    self._threads.append(threading.Thread(target=self._pass, args=[one, two]))
                    self._threads[-1].start()

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End all connections."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()


@contextmanager
def front(port: int, hang_ups: int = 0) -> Iterator[Front]:
    front = Front(port, hang_ups)
    try:
        yield front
    finally:
        front.close()


def protocols(caplog: pytest.LogCaptureFixture) -> list[str]:
    """With which protocol a session was joined, each time it was."""
    told = [record.getMessage() for record in caplog.records if record.name == "kitback.intake.sessions"]
    return [each.rpartition(" ")[2] for each in told if "listens at" in each]


def test_a_broker_that_hung_up_while_it_started_is_spoken_to_in_the_newest_protocol(
    mosquitto: Mosquitto, intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with front(mosquitto.port, hang_ups=1) as there, running(mosquitto, intake, session_on(there.port)):
        pass
    assert protocols(caplog) == ["5"]


def test_a_broker_that_is_replaced_by_one_of_another_protocol_is_found_again(
    mosquitto: Mosquitto, intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    common = Embedded()
    common.start()
    try:
        with front(mosquitto.port) as there, running(mosquitto, intake, session_on(there.port)) as worker:
            for port in (common.port, mosquitto.port):
                there.broker = port
                if port == mosquitto.port:
                    there.hang_ups = 3
                there.cut()
                until(lambda: not worker.joined.is_set(), what="the loss")
                assert worker.joined.wait(30)
    finally:
        common.stop()
    assert protocols(caplog) == ["5", "3.1.1", "5"]


def test_a_broker_whose_name_takes_long_to_look_up_is_joined(
    mosquitto: Mosquitto, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patience is for the broker's answer."""
    monkeypatch.setattr(sessions_module, "_PATIENCE", 0.3)
    look_up = socket.getaddrinfo

    def slowly(*wanted: Any, **how: Any) -> Any:
        time.sleep(0.4)
        return look_up(*wanted, **how)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with running(mosquitto, intake):
        pass


def test_an_answer_that_came_while_we_were_busy_is_in_time(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sessions_module, "_PATIENCE", 0.1)
    session = session_on(mosquitto.port)
    session.connect()
    for _ in range(2):  # hear the answer, hear that we are subscribed
        time.sleep(0.2)
        session.tend()
    try:
        assert session.joined
    finally:
        session.leave()
    assert not caplog.records


def test_a_refusal_is_told_with_its_reason_and_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    broker = Mosquitto(tmp_path, f"listener {port} 127.0.0.1\nallow_anonymous false\n")
    broker.start()
    session = session_on(port)
    try:
        until(lambda: bool(tended(session) and caplog.records), what="the refusal")
    finally:
        session.leave()
        broker.stop()
    assert "it refuses session gateway: Not authorized; check user and password; next try" in caplog.text


@pytest.mark.parametrize(("reason", "told"), [(0x88, "Server unavailable"), (0x97, "Quota exceeded")])
def test_only_a_refusal_of_who_we_are_asks_to_check_that(
    reason: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with nonsense(bytes((0x20, 0x03, 0x00, reason, 0x00))) as port:
        session = session_on(port)
        until(lambda: bool(tended(session) and caplog.records), what="the refusal")
        session.leave()
    assert f"it refuses session gateway: {told}; next try" in caplog.text


def tended(session: Session) -> bool:
    """One round of what a worker does for a session; True."""
    session.tend()
    if session.connection is None and time.monotonic() >= session.retry_at:
        session.connect()
    if session.connection:
        session.connection.receive()
        session.read()
    return True


def test_who_loses_a_session_to_another_gateway_says_so_and_does_not_fight_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Debian's Mosquitto just hangs up on the loser; newer brokers say why."""
    connack, suback, taken_over = b"\x20\x03\0\0\0", b"\x90\x04\0\x01\0\x01", b"\xe0\x01\x8e"
    with nonsense(connack + suback + taken_over) as port:
        session = session_on(port)
        until(lambda: tended(session) and caplog.records, what="the loss")
        assert session.retry_at - time.monotonic() > 4
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "was taken over; does another gateway use a copy of this register?" in caplog.text


def test_a_broker_that_lets_us_in_and_ends_it_at_once_is_tried_more_and_more_seldom(mosquitto: Mosquitto) -> None:
    with front(mosquitto.port) as there:
        session = session_on(there.port)
        began = time.monotonic()
        for _ in range(5):
            until(lambda: tended(session) and session.joined, what="the session")
            there.cut()
            until(lambda: tended(session) and not session.joined, what="the loss")
        assert time.monotonic() - began > 0.1 + 0.2 + 0.4 + 0.8
        session.leave()


def test_a_gateway_stops_between_two_connections(
    mosquitto: Mosquitto, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may take seconds."""
    stopping = threading.Event()
    looked_up: list[Any] = []
    look_up = socket.getaddrinfo

    def stop(*wanted: Any, **how: Any) -> Any:
        stopping.set()
        looked_up.append(wanted)
        return look_up(*wanted, **how)

    monkeypatch.setattr(socket, "getaddrinfo", stop)
    sessions = [session_on(mosquitto.port, shard, shard) for shard in "0123"]
    Worker(intake, sessions, Leases(intake._register)).run(stopping)
    assert len(looked_up) == 1


class Severing(Intake):
    """An intake in whose transactions a session's connection is lost."""

    severed: Session

    def take(self, messages: Sequence[Message]) -> list[Message]:
        if self.severed.connection:
            self.severed.connection.lost = "severed"
        return super().take(messages)


def test_answers_leave_on_a_connection_that_is_still_there(
    mosquitto: Mosquitto, register: Register, clock: SetClock, tag: PaperTag
) -> None:
    intake = Severing(register, clock, ROOT, nowhere)
    whole = session_on(mosquitto.port, "whole")
    intake.severed = session_on(mosquitto.port, "severed", "f")
    with running(mosquitto, intake, intake.severed, whole), TagLine(mosquitto.port, tag.tag_id) as line:
        for _ in range(3):
            line.publish(*tag.message())
            tag.hear(*line.answer())


def listens_since(register: Register, clock: SetClock) -> int | None:
    with register.read() as conn:
        return listening.since(conn, clock.unix)


class Forgetful(Intake):
    """An intake that fails to note an absence once, when it is told to."""

    fails = False

    def away(self, sessions: Iterable[str], why: listening.Trouble = "broker") -> None:
        if self.fails:
            self.fails = False
            raise RegisterError("the register is locked")
        super().away(sessions, why)


def test_an_absence_that_cannot_be_noted_at_once_is_noted_later(
    mosquitto: Mosquitto, register: Register, clock: SetClock
) -> None:
    intake = Forgetful(register, clock, ROOT, nowhere)
    with running(mosquitto, intake):
        assert listens_since(register, clock) == clock.unix
        intake.fails = True
        mosquitto.stop()
        until(lambda: listens_since(register, clock) is None, what="the absence")
    assert not intake.fails


def test_a_gateway_that_can_take_nothing_in_does_not_say_that_it_listens(
    mosquitto: Mosquitto,
    failing: Failing,
    tag: PaperTag,
    register: Register,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "_SIGN_OF_LIFE", 0.5)
    with running(mosquitto, failing) as worker, TagLine(mosquitto.port, tag.tag_id) as line:
        began = clock.unix
        failing.failures = 10**6
        line.publish(*tag.message())
        until(lambda: failing.tries >= 1, what="a try")
        clock.unix += 100
        until(lambda: listens_since(register, clock) is None, what="the absence")
        with register.read() as conn:
            assert (listening.heard(conn), listening.trouble(conn)) == (began, "intake")
        failing.failures = 0
        tag.hear(*line.answer())
        until(worker.joined.is_set, what="the session")
        assert listens_since(register, clock) == began


def test_a_connection_is_kept_alive_while_a_whole_window_waits_for_the_database(
    mosquitto: Mosquitto,
    failing: Failing,
    tag: PaperTag,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sessions_module, "_KEEPALIVE", 1)
    failing.failures = 10**6
    session = session_on(mosquitto.port)
    with running(mosquitto, failing, session), TagLine(mosquitto.port, tag.tag_id) as line:
        for _ in range(WINDOW + 100):
            line.post(*tag.message())
        until(lambda: session.connection and len(session.connection.messages) == WINDOW, what="a full window")
        end = time.monotonic() + 5
        until(lambda: time.monotonic() > end, what="four signs of life")
        assert session.joined
    assert "lost broker" not in caplog.text
