"""The schema of the history, to the byte."""

import pytest

from kitback import wire
from kitback.register import lines

TAG = "a0b1c2d3e4f5"


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            wire.Use(7, 0, 60, 30, 2),
            'use,tag=a0b1c2d3e4f5,kind=bed asset="B 1",span=60i,in_use=30i,events=2i,quality="paired" 5000007',
        ),
        (
            wire.Alarm(7, 0, "unpowered", True),
            'alarm,tag=a0b1c2d3e4f5,kind=bed asset="B 1",name="unpowered",on=true,quality="paired" 5000007',
        ),
        (
            wire.Health(7, 0, 3900, 90_000, 5, 6),
            'health,tag=a0b1c2d3e4f5,kind=bed asset="B 1",battery_mv=3900i,heap_free=90000i,wakes=5i,awake_s=6i,'
            'quality="paired" 5000007',
        ),
        (
            wire.Boot(1_000_007, 0, "watchdog", 3),
            'boot,tag=a0b1c2d3e4f5,kind=bed asset="B 1",cause="watchdog",count=3i,quality="paired" 5000007',
        ),
    ],
)
def test_a_record_becomes_a_line(record: wire.Record, line: str) -> None:
    assert lines.record_line(TAG, "B 1", "bed", record, 5, "paired").decode() == line


def test_a_fix_tells_the_kind_of_place_and_no_anchor() -> None:
    fix = wire.Fix(7, 0, "moved", 1, [wire.Heard("c0ffeec0ffee", -60)])
    line = lines.record_line(TAG, "B", "bed", fix, 5, "paired", "store").decode()
    assert 'anchors=1i,place_type="store"' in line
    assert "c0ffee" not in line


def test_what_was_noted_on_no_asset_is_unfitted() -> None:
    line = lines.record_line(TAG, None, None, wire.Use(7, 0, 1, 1, 1), 5, "paired")
    assert line.startswith(b"use,tag=a0b1c2d3e4f5,kind=unfitted span=1i")


def test_names_cannot_break_out_of_their_line() -> None:
    line = lines.flag_line("a,b=c d\\", "idle", "bed", True, 5, 'He said "no"\\\nbed idle=1', 9).decode()
    assert line.startswith(
        'flag,asset=a\\,b\\=c\\ d/,rule=idle,kind=bed open=true,since=5i,sentence="He said \\"no\\"\\\\ '
    )


def test_gauges() -> None:
    assert lines.assets_line("bed", "on_loan", 3, 9) == b"assets,kind=bed,state=on_loan count=3i 9000000"
    assert lines.fleet_line("bed", 3, 2, 9) == b"fleet,kind=bed fitted=3i,heard_24h=2i 9000000"
