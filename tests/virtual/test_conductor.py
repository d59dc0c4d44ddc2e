"""Whose turn it is on the network, and what time the gateway then has."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitback.virtual.conductor import Conductor, say_bye
from kitback.virtual.story_clock import StoryClock

from .conftest import START

NOW = START * 1_000_000
PATIENCE = 5


class PaperTag:
    """What a tag says to its conductor."""

    def __init__(self, conductor: Conductor, tag_id: str, at: int = NOW) -> None:
        self._socket = socket.create_connection(("127.0.0.1", conductor.port), timeout=PATIENCE)
        self._lines = self._socket.makefile("r")
        self.say(f"hello {tag_id} {at}")

    def say(self, line: str) -> None:
        self._socket.sendall(f"{line}\n".encode())

    def go(self) -> int:
        """Wait for the session to begin."""
        word, at = self._lines.readline().split()
        assert word == "go"
        return int(at)

    def free(self, at: int) -> bool:
        """Its session is over. Returns whether its story goes on."""
        self.say(f"free {at}")
        return self._lines.readline() == "on\n"

    def waits(self) -> bool:
        """Whether it is still kept waiting: nothing comes for a moment."""
        self._socket.settimeout(0.05)
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(PATIENCE)

    def hang_up(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture
def clock(tmp_path: Path) -> StoryClock:
    return StoryClock.create(tmp_path / "clock", NOW)


@pytest.fixture
def conductor(clock: StoryClock) -> Iterator[Conductor]:
    with Conductor(clock, ["a", "b"]) as conductor:
        yield conductor


def test_a_tag_waits_until_every_other_tag_has_come_as_far(conductor: Conductor) -> None:
    a, b = PaperTag(conductor, "a"), PaperTag(conductor, "b")
    a.say(f"want {NOW + 100}")
    b.say(f"at {NOW + 99}")
    assert a.waits()
    b.say(f"at {NOW + 100}")
    assert a.go() == NOW + 100


def test_a_tag_waits_for_one_that_has_not_even_said_hello(conductor: Conductor) -> None:
    a = PaperTag(conductor, "a")
    a.say(f"want {NOW + 1}")
    assert a.waits()


def test_the_gateways_clock_jumps_to_a_session_runs_in_it_and_then_stands(
    conductor: Conductor, clock: StoryClock
) -> None:
    a, b = PaperTag(conductor, "a"), PaperTag(conductor, "b")
    b.say(f"at {NOW + 10**9}")
    a.say(f"want {NOW + 5_000_000}")
    begun = a.go()
    assert begun == NOW + 5_000_000
    first = clock.now_us()
    assert first >= begun
    while clock.now_us() == first:
        pass
    a.free(clock.now_us())
    assert clock.now_us() == clock.now_us()


def test_one_session_at_a_time_and_the_next_begins_no_earlier_than_the_last_ended(
    conductor: Conductor, clock: StoryClock
) -> None:
    a, b = PaperTag(conductor, "a"), PaperTag(conductor, "b")
    a.say(f"want {NOW + 100}")
    b.say(f"want {NOW + 101}")
    assert a.go() == NOW + 100
    assert b.waits()
    freed = clock.now_us() + 1000
    a.free(NOW + 10**9)
    assert b.go() >= freed - 1000 > NOW + 101


def test_a_tag_that_restarts_is_waited_for(conductor: Conductor) -> None:
    a, b = PaperTag(conductor, "a"), PaperTag(conductor, "b")
    a.say(f"want {NOW + 100}")
    b.hang_up()
    assert a.waits()
    PaperTag(conductor, "b", NOW + 200)
    assert a.go() == NOW + 100


def test_a_tag_that_is_gone_is_not_waited_for(conductor: Conductor) -> None:
    a = PaperTag(conductor, "a")
    a.say(f"want {NOW + 100}")
    say_bye(conductor.port, "b", NOW)
    assert a.go() == NOW + 100


def test_a_tag_that_dies_on_the_network_gives_it_up(conductor: Conductor) -> None:
    a, b = PaperTag(conductor, "a"), PaperTag(conductor, "b")
    a.say(f"want {NOW + 1}")
    b.say(f"want {NOW + 2}")
    a.go()
    a.hang_up()
    say_bye(conductor.port, "a", NOW + 3)
    b.go()


def test_nobody_gets_on_the_network_while_it_is_held(conductor: Conductor) -> None:
    a, b = PaperTag(conductor, "a"), PaperTag(conductor, "b")
    conductor.hold()
    b.say(f"at {NOW + 10**9}")
    a.say(f"want {NOW + 100}")
    assert a.waits()
    conductor.release()
    assert a.go() == NOW + 100


def test_progress_is_that_of_the_slowest_and_the_end_is_when_all_said_goodbye(conductor: Conductor) -> None:
    a, b = PaperTag(conductor, "a"), PaperTag(conductor, "b")
    b.say(f"at {NOW + 500}")
    a.say(f"want {NOW + 300}")
    a.go()
    assert conductor.wait_for_session(1, PATIENCE)
    progress = conductor.progress()
    assert (progress.now_us, progress.sessions, progress.live) == (NOW + 300, 1, 2)
    assert not conductor.wait(0)
    a.say(f"bye {NOW + 600}")
    b.say(f"bye {NOW + 600}")
    assert conductor.wait(PATIENCE)
    assert conductor.progress().live == 0


def test_a_story_goes_on_after_a_session_until_its_tag_has_told_all(clock: StoryClock) -> None:
    with Conductor(clock, ["a"], has_told_all=lambda tag_id, at: tag_id == "a" and at >= NOW + 10**9) as conductor:
        a = PaperTag(conductor, "a")
        a.say(f"want {NOW + 1}")
        assert a.free(a.go())
        a.say(f"want {NOW + 10**9}")
        assert not a.free(a.go())


@settings(max_examples=20, deadline=None)
@given(wants=st.lists(st.lists(st.integers(1, 200) | st.integers(1, 10**12), max_size=6), min_size=2, max_size=4))
def test_sessions_come_in_the_order_of_story_time_whatever_the_order_of_asking(
    wants: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock = StoryClock.create(tmp_path_factory.mktemp("story") / "clock", NOW)
    names = [f"t{i}" for i in range(len(wants))]
    seen: list[tuple[int, int]] = []

    def live(name: str, moments: list[int]) -> None:
        tag = PaperTag(conductor, name)
        now = NOW
        for moment in sorted(moments):
            wanted = max(now, NOW + moment)
            tag.say(f"want {wanted}")
            now = tag.go()
            seen.append((wanted, now))
            tag.free(now)
        tag.say(f"bye {NOW + 10**12}")

    with Conductor(clock, names) as conductor:
        threads = [threading.Thread(target=live, args=pair) for pair in zip(names, wants, strict=True)]
        for thread in threads:
            thread.start()
        assert conductor.wait(PATIENCE)
        for thread in threads:
            thread.join()
    assert [wanted for wanted, _ in seen] == sorted(wanted for wanted, _ in seen)
    assert all(granted >= wanted for wanted, granted in seen)
    assert [granted for _, granted in seen] == sorted(granted for _, granted in seen)
