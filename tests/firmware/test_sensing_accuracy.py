"""The table in docs/sensing.md is what the sensing does today."""

import re
from pathlib import Path

import pytest

from .sensing import KINDS, tally

PAGE = Path(__file__).parents[2] / "docs" / "sensing.md"
ROW = re.compile(r"\| (bed|hoist|mattress) \| (\d+) \|((?: -?[\d.]+ \|){4})$", re.MULTILINE)
TOLERANCE = 0.5  # percentage points


def published() -> list[tuple[str, int, list[float]]]:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return [(kind, int(noise_pct), [float(cell) for cell in cells.split("|")[:4]]) for kind, noise_pct, cells in rows]


def test_the_table_has_every_kind_at_three_levels_of_noise():
    assert [(kind, noise) for kind, noise, _ in published()] == [(k, noise) for k in KINDS for noise in (100, 300, 600)]


@pytest.mark.parametrize(("kind", "noise_pct", "figures"), published())
def test_sensing_is_as_good_as_published(tmp_path, kind, noise_pct, figures):
    assert tally(tmp_path, kind, noise_pct).row() == pytest.approx(figures, abs=TOLERANCE)


def test_what_is_published_is_fit_for_flags():
    for row in published():
        error, misplaced, precision, recall = row[-1]
        assert abs(error) <= 3, row
        assert misplaced <= 15, row
        assert precision >= 90, row
        assert recall >= 75, row
