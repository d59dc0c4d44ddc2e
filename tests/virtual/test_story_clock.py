"""A clock that several processes share, and that a story may stop, move and run."""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitback.virtual.story_clock import StoryClock

NOW = 1_790_000_000_000_000

_doings = st.lists(st.one_of(st.just("run"), st.just("freeze"), st.integers(-(10**9), 10**9)), max_size=30)


@given(_doings)
def test_it_never_goes_backwards(doings: list[str | int]) -> None:
    with TemporaryDirectory() as directory:
        clock = StoryClock.create(Path(directory) / "clock", NOW)
        seen = NOW
        for doing in doings:
            if doing == "run":
                clock.run()
            elif doing == "freeze":
                clock.freeze()
            else:
                clock.jump_to(seen + int(doing))
            assert clock.now_us() >= seen
            seen = clock.now_us()


def test_it_stands_until_it_runs_and_then_runs_like_the_wall(tmp_path: Path) -> None:
    clock = StoryClock.create(tmp_path / "clock", NOW)
    assert clock.now_us() == clock.now_us() == NOW
    clock.jump_to(NOW + 5)
    wall = time.monotonic_ns()
    clock.run()
    while time.monotonic_ns() - wall < 20_000_000:
        pass
    clock.freeze()
    passed = (time.monotonic_ns() - wall) // 1000
    assert 20_000 <= clock.now_us() - NOW - 5 <= passed
    assert clock.now_us() == clock.now_us()


def test_a_running_clock_runs_on_from_where_it_jumped(tmp_path: Path) -> None:
    clock = StoryClock.create(tmp_path / "clock", NOW)
    clock.run()
    clock.jump_to(NOW + 10**9)
    first = clock.now_us()
    assert first >= NOW + 10**9
    while clock.now_us() == first:
        pass


def test_another_process_reads_the_same_time(tmp_path: Path) -> None:
    clock = StoryClock.create(tmp_path / "clock", NOW)
    clock.jump_to(NOW + 123)
    code = (
        "import sys, pathlib; from kitback.virtual.story_clock import StoryClock;"
        "print(StoryClock.open(pathlib.Path(sys.argv[1])).now_us())"
    )
    read = subprocess.run([sys.executable, "-c", code, tmp_path / "clock"], capture_output=True, text=True, check=True)
    assert int(read.stdout) == NOW + 123


def test_a_second_reader_follows_the_first(tmp_path: Path) -> None:
    clock = StoryClock.create(tmp_path / "clock", NOW)
    reader = StoryClock.open(tmp_path / "clock")
    for step in range(1, 4):
        clock.jump_to(NOW + step)
        assert reader.now_us() == NOW + step


def test_an_existing_story_is_not_written_over(tmp_path: Path) -> None:
    StoryClock.create(tmp_path / "clock", NOW)
    with pytest.raises(FileExistsError):
        StoryClock.create(tmp_path / "clock", NOW)
