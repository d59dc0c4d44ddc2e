"""The figures that do not depend on how busy the computer is keep their targets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import tag
from bench.rig import Rig, opened


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with opened(tmp_path) as rig:
        yield rig


def test_a_record_costs_hardly_more_than_one_program() -> None:
    figures = tag._flash()
    assert 1 <= figures["programs_a_record"] <= figures["target_programs"]
    assert 0 < figures["erases_a_record"] <= figures["target_erases"]


def test_a_days_report_is_small_and_travels_in_one_segment_each_way(rig: Rig) -> None:
    figures = tag._wire(rig)
    assert figures["bytes_a_day"] <= figures["target_bytes"] < figures["bytes_a_day_with_tls"]
    sizes = figures["sizes_of_a_talk"]
    assert [sum(size > 100 for size in sizes[way]) for way in ("up", "down")] == [1, 1], "the report and the ack"


def test_the_compiled_application_fits_beside_micropython() -> None:
    figures = tag._size()
    assert figures["mpy_modules"] > 20
    assert figures["mpy_bytes"] < 64 * 1024
