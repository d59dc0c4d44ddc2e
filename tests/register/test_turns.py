"""Writers take turns: nobody waits long because another writes transaction after transaction."""

import statistics
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from kitback.register import Register, RegisterError, engines
from kitback.register.tables import meta

_TRIES = 10


@pytest.fixture
def at_once() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.mark.both_engines
def test_who_waits_to_write_goes_before_who_has_just_written(register: Register, at_once: ThreadPoolExecutor) -> None:
    begun, under_way, enough = [0], threading.Event(), threading.Event()

    def write_on_and_on() -> None:
        while not enough.is_set():
            with register.write() as conn:
                begun[0] += 1
                under_way.set()
                conn.execute(sa.text("DELETE FROM counter"))
                conn.execute(
                    sa.text("INSERT INTO counter (name, value) VALUES (:name, 1)"),
                    [{"name": str(n)} for n in range(1000)],
                )

    busy = at_once.submit(write_on_and_on)
    passed = []
    try:
        for _ in range(_TRIES):
            under_way.clear()
            assert under_way.wait(20)
            before = begun[0]
            with register.write():
                passed.append(begun[0] - before)
    finally:
        enough.set()
    busy.result()
    # Now and then this thread sleeps between the look at the count and its asking.
    assert statistics.median(passed) <= 1


def test_a_turn_that_is_not_let_go_of_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: ThreadPoolExecutor
) -> None:
    """Neither by who is next nor by who comes after; and none of them stays in the way of who comes then."""
    monkeypatch.setattr(engines, "LOCK_WAIT_MS", 10)
    register = Register.open(str(tmp_path / "register.db"))

    def write() -> None:
        with register.write() as conn:
            conn.execute(sa.insert(meta), {"name": "written", "value": "afterwards"})

    with register.write():
        for waiting in [at_once.submit(write) for _ in range(2)]:
            with pytest.raises(RegisterError, match=r"could not be written to .*; then try again"):
                waiting.result()
    at_once.submit(write).result()
    register.close()


def test_who_fails_while_it_writes_lets_go_of_its_turn(register: Register, at_once: ThreadPoolExecutor) -> None:
    with pytest.raises(ZeroDivisionError), register.write():
        raise ZeroDivisionError

    def write() -> bool:
        with register.write():
            return True

    assert at_once.submit(write).result(timeout=5)
