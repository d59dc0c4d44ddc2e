"""Several workers on one register: each session is one worker's, and what one leaves behind another goes on with."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from brokers import Mosquitto, free_port, until
from kitback.intake import Broker, Intake, Message, Worker, sessions_for, settle_groups
from kitback.intake import worker as worker_module
from kitback.register import Register, RegisterError, listening
from kitback.register.leases import Leases
from kitback.register.tables import lease
from paper_tag import ROOT, PaperTag, SetClock, account
from tag_line import TagLine


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def tags(register: Register) -> list[PaperTag]:
    """A tag in each of four shard groups."""
    some = [PaperTag(tag_id=f"00000000000{shard}") for shard in "4567"]
    with register.write() as conn:
        for tag in some:
            tag.enrol(conn)
    return some


def holders(register: Register) -> Counter[str]:
    """How many sessions each worker holds."""
    with register.read() as conn:
        return Counter(conn.scalars(sa.select(lease.c.holder).where(lease.c.name.like("kitback-%"))))


class Sleepy(Intake):
    """An intake that falls asleep before its next transaction, when it is told to."""

    def __init__(self, register: Register, clock: SetClock, leases: Leases) -> None:
        super().__init__(register, clock, ROOT, lambda *_: None, leases.check)
        self.asleep = threading.Event()
        self.awake = threading.Event()
        self.awake.set()
        self.taken = 0

    def take(self, messages: Sequence[Message]) -> list[Message]:
        if not self.awake.is_set():
            self.asleep.set()
            self.awake.wait(20)
        answers = super().take(messages)
        self.taken += len(messages)
        return answers


@contextmanager
def working(
    register: Register, clock: SetClock, port: int, groups: int, lasts: float, leases: Leases | None = None
) -> Iterator[tuple[Worker, Sleepy]]:
    leases = leases or Leases(register, lasts)
    intake = Sleepy(register, clock, leases)
    worker = Worker(intake, sessions_for(Broker("127.0.0.1", port), ROOT, register.epoch, groups), leases)
    stopping = threading.Event()
    thread = threading.Thread(target=worker.run, args=[stopping])
    thread.start()
    try:
        yield worker, intake
    finally:
        stopping.set()
        intake.awake.set()
        thread.join(20)
        leases.give_back()
        assert not thread.is_alive()


def test_two_workers_share_the_sessions_and_one_that_leaves_hands_over_its_own(
    mosquitto: Mosquitto, register: Register, clock: SetClock, tags: list[PaperTag]
) -> None:
    with working(register, clock, mosquitto.port, 4, lasts=2) as (first, first_intake):
        assert first.joined.wait(30)
        with working(register, clock, mosquitto.port, 4, lasts=2) as (second, second_intake):
            until(lambda: sorted(holders(register).values()) == [2, 2], what="a fair share")
            until(lambda: first.joined.is_set() and second.joined.is_set(), what="all sessions")
            exchange(mosquitto, tags)
            assert (first_intake.taken, second_intake.taken) == (2, 2)
        until(lambda: list(holders(register).values()) == [4], what="the takeover")
        exchange(mosquitto, tags)
        assert first_intake.taken == 6
    with register.read() as conn:
        assert [(row.applied, row.duplicate) for row in (account(conn, tag) for tag in tags)] == [(2, 0)] * 4


def test_a_gateway_without_a_session_says_so_once(
    mosquitto: Mosquitto, register: Register, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    with working(register, clock, mosquitto.port, 1, lasts=1) as (first, _):
        assert first.joined.wait(30)
        with working(register, clock, mosquitto.port, 1, lasts=1) as (second, _):
            for _ in range(3):
                second.share()
    assert caplog.text.count("no session is left for this gateway") == 1


def exchange(mosquitto: Mosquitto, tags: list[PaperTag]) -> None:
    """Each tag reports one more record and hears that it is safe."""
    for tag in tags:
        tag.use(span=1)
        with TagLine(mosquitto.port, tag.tag_id) as line:
            line.publish(*tag.message())
            tag.hear(*line.answer())


def test_a_worker_that_slept_through_its_lease_applies_nothing(
    mosquitto: Mosquitto, register: Register, clock: SetClock, tags: list[PaperTag], caplog: pytest.LogCaptureFixture
) -> None:
    tag = tags[0]
    tag.use()
    with ExitStack() as stack:
        first, asleep = stack.enter_context(working(register, clock, mosquitto.port, 1, lasts=1))
        assert first.joined.wait(30)
        asleep.awake.clear()
        line = stack.enter_context(TagLine(mosquitto.port, tag.tag_id))
        line.publish(*tag.message())
        assert asleep.asleep.wait(10)
        _, other = stack.enter_context(working(register, clock, mosquitto.port, 1, lasts=1))
        tag.hear(*line.answer())
        assert other.taken == 1
        asleep.awake.set()
        until(lambda: "another gateway has taken over" in caplog.text, what="the sleeper's surprise")
        tag.use()
        line.publish(*tag.message())
        tag.hear(*line.answer())
        assert (asleep.taken, other.taken) == (0, 2)
    with register.read() as conn:
        row = account(conn, tag)
    assert (row.applied, row.duplicate) == (2, 0)


class CutOff(Leases):
    """Leases of a gateway that may lose its database."""

    cut = False

    def share(self, names: Set[str], deaf: bool = False) -> frozenset[str]:
        if self.cut:
            raise RegisterError("the register is out of reach")
        return super().share(names, deaf)


def test_a_worker_that_cannot_renew_leaves_its_sessions_to_others(
    mosquitto: Mosquitto, register: Register, clock: SetClock, tags: list[PaperTag], caplog: pytest.LogCaptureFixture
) -> None:
    """Two that want one session would take it from each other for ever."""
    leases = CutOff(register, 1)
    with working(register, clock, mosquitto.port, 1, lasts=1, leases=leases) as (worker, first):
        assert worker.joined.wait(30)
        exchange(mosquitto, tags)
        with working(register, clock, mosquitto.port, 1, lasts=1) as (second, intake):
            leases.cut = True
            until(lambda: second.joined.is_set() and holders(register)[leases.holder] == 0, what="the takeover")
            exchange(mosquitto, tags)
            assert (first.taken, intake.taken) == (4, 4)
            assert caplog.text.count("lost broker") <= 1


def test_a_worker_that_does_not_reach_its_broker_leaves_its_sessions_to_one_that_does(
    mosquitto: Mosquitto,
    register: Register,
    clock: SetClock,
    tags: list[PaperTag],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "_UNHEARD", 1.0)
    first, second = Leases(register, 1), Leases(register, 1)
    with working(register, clock, free_port(), 4, lasts=1, leases=first):
        until(lambda: holders(register)[first.holder] == 4, what="the first one's sessions")
        with working(register, clock, mosquitto.port, 4, lasts=1, leases=second) as (worker, intake):
            until(lambda: holders(register)[second.holder] == 4, what="the takeover")
            until(worker.joined.is_set, what="all sessions")
            exchange(mosquitto, tags)
            assert intake.taken == 4
        until(lambda: holders(register)[first.holder] == 4, what="the way back, since nobody else is there")


def test_silence_says_nothing_while_one_of_the_sessions_has_no_listener(
    mosquitto: Mosquitto, register: Register, clock: SetClock
) -> None:
    settle_groups(register, 2)
    alone = sessions_for(Broker("127.0.0.1", mosquitto.port), ROOT, register.epoch, 2)
    leases, stopping = Leases(register), threading.Event()
    worker = Worker(Intake(register, clock, ROOT, lambda *_: None, leases.check), alone[:1], leases)
    thread = threading.Thread(target=worker.run, args=[stopping])
    thread.start()
    try:
        assert worker.joined.wait(30)
        with register.read() as conn:
            assert listening.since(conn, clock.unix) is None
        with register.write() as conn:
            listening.connected(conn, clock.unix, [alone[1].client_id])
            assert listening.since(conn, clock.unix) == clock.unix
    finally:
        stopping.set()
        thread.join(20)


def test_when_a_gateway_is_killed_the_other_goes_on_with_its_sessions_and_nothing_is_lost(
    tmp_path: Path, mosquitto: Mosquitto, register: Register, tags: list[PaperTag]
) -> None:
    config = tmp_path / "kitback.toml"
    config.write_text(
        f'register = "{register.engine.url.database}"\npepper = "{tmp_path}/pepper"\nshard_groups = 4\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {mosquitto.port}\n[web]\nport = 0\n'
    )
    command = [sys.executable, "-m", "kitback.cli", "gateway", "--config", str(config)]
    for tag in tags:
        tag.batch = 1
        for _ in range(40):
            tag.use(span=1)
    with ExitStack() as stack:
        gateways = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            for _ in range(2)
        ]
        for gateway in gateways:
            stack.callback(gateway.kill)
        until(lambda: sorted(holders(register).values()) == [2, 2], patience=30, what="a fair share")
        lines = [stack.enter_context(TagLine(mosquitto.port, tag.tag_id)) for tag in tags]
        for after in range(40):
            for tag, line in zip(tags, lines, strict=True):
                line.publish(*tag.message(after))
            if after == 20:
                os.kill(gateways[0].pid, signal.SIGKILL)
                gateways[0].wait(10)
        until(lambda: list(holders(register).values()) == [4], patience=20, what="the takeover")
        for tag, line in zip(tags, lines, strict=True):
            while not tag.all_sent:
                tag.hear(*line.answer())
    with register.read() as conn:
        assert [(row.applied, row.lost, row.high) for row in (account(conn, tag) for tag in tags)] == [(40, 0, 40)] * 4
