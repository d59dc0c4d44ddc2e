"""Writers take turns: nobody waits long because another writes transaction after transaction."""

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
    with ThreadPoolExecutor(1) as threads:
        yield threads


@pytest.mark.both_engines
def test_who_waits_to_write_goes_before_who_has_just_written(register: Register, at_once: ThreadPoolExecutor) -> None:
    done, enough = [0], threading.Event()

    def write_on_and_on() -> None:
        while not enough.is_set():
            with register.write() as conn:
                conn.execute(sa.text("DELETE FROM counter"))
                conn.execute(
                    sa.text("INSERT INTO counter (name, value) VALUES (:name, 1)"),
                    [{"name": str(n)} for n in range(1000)],
                )
            done[0] += 1

    busy = at_once.submit(write_on_and_on)
    passed = []
    try:
        for _ in range(_TRIES):
            before = done[0]
            with register.write():
                passed.append(done[0] - before)
    finally:
        enough.set()
    busy.result()
    # What was under way when it asked, and one that had asked before.
    assert max(passed) <= 2


def test_a_turn_that_is_not_let_go_of_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: ThreadPoolExecutor
) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_MS", 10)
    register = Register.open(str(tmp_path / "register.db"))

    def write() -> None:
        with register.write() as conn:
            conn.execute(sa.insert(meta), {"name": "written", "value": "afterwards"})

    with register.write(), pytest.raises(RegisterError, match=r"by another part of this program .*: try again"):
        at_once.submit(write).result()
    at_once.submit(write).result()
    register.close()


def test_who_fails_while_it_writes_lets_go_of_its_turn(register: Register, at_once: ThreadPoolExecutor) -> None:
    with pytest.raises(ZeroDivisionError), register.write():
        raise ZeroDivisionError

    def write() -> bool:
        with register.write():
            return True

    assert at_once.submit(write).result(timeout=5)
