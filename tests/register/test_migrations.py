"""What an older register holds is still there after it was upgraded."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from kitback.register import Register, tag_states
from kitback.register.tag_states import ClockState, Journal, Now, Point, Range, TagState

TAG = "a0b1c2d3e4f5"


_OLD = """
insert into tag values ('a0b1c2d3e4f5', x'73', 1);
insert into asset values ('BED-1', 'bed', 'Bed', 'available');
insert into judgement (asset_id, kind, used_at) values ('BED-1', 'bed', 77);
insert into use_day values ('BED-1', 20000, 60, 1, 60, 77);
insert into tag_journal (tag_id, journal, base, high, newest, applied, lost, quarantined, duplicate)
    values ('a0b1c2d3e4f5', 'j-1', 0, 5, 5, 5, 0, 0, 0), ('a0b1c2d3e4f5', 'j-2', 0, 9, 10, 4, 4, 1, 2);
insert into lost_range (tag_id, journal, first, last, noted_at)
    values ('a0b1c2d3e4f5', 'j-2', 2, 4, 1), ('a0b1c2d3e4f5', 'j-2', 7, 7, 1);
insert into tag_pair (tag_id, clock, counter, unix)
    values ('a0b1c2d3e4f5', 2, 10, 1000), ('a0b1c2d3e4f5', 2, 30, 1020);
insert into tag_clock (tag_id, clock, ends_s) values ('a0b1c2d3e4f5', 1, 900);
insert into waiting (tag_id, journal, seq, clock, at, record) values ('a0b1c2d3e4f5', 'j-2', 9, 3, 5, x'00');
insert into tag_now (tag_id, heard_at, journal, clock, at, rate_ppb, complete_to, whole, fw, battery_mv)
    values ('a0b1c2d3e4f5', 2000, 'j-2', 3, 5, 7, 1500, 0, '0.1.0', 3900);
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A register at revision 0001, in which a tag has used two journals and two clocks."""
    path = tmp_path / "old.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", "kitback.register:migrations")
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(path) as file:
        file.executescript(_OLD)
    return path


def test_what_was_known_of_a_tag_is_one_row_now(old: Path) -> None:
    register = Register.open(str(old))
    with register.read() as conn:
        state = tag_states.load(conn, [TAG])[TAG]
        assert tag_states.journal(conn, state, "j-1") == Journal(base=0, high=5, newest=5, applied=5)
    assert state == TagState(
        TAG,
        b"s",
        Now(2000, "j-2", 3, 5, 7, 1500, False, "0.1.0", 3900),
        {
            "j-2": Journal(0, 9, 10, 4, 4, 1, 2, (Range(2, 4), Range(7, 7))),
            "j-1": Journal(base=0, high=5, newest=5, applied=5),
        },
        {2: ClockState((Point(10, 1000), Point(30, 1020))), 1: ClockState(ends=900), 3: ClockState()},
        waiting=1,
        stored=frozenset({"j-1"}),
    )
    register.close()


def test_use_and_judgements_are_as_they_were(old: Path) -> None:
    register = Register.open(str(old))
    with register.read() as conn:
        assert conn.execute(sa.text("select * from use_day")).all() == [("BED-1", 20000, 60, 1, 60, 77)]
        assert conn.scalar(sa.text("select used_at from judgement")) == 77
    register.close()


@pytest.mark.parametrize("table", ["tag_now", "tag_journal", "use_day", "judgement"])
def test_what_every_report_touches_is_found_by_its_key_alone(register: Register, table: str) -> None:
    with register.read() as conn:
        sql = conn.scalar(sa.text("select sql from sqlite_master where name = :name"), {"name": table})
    assert "WITHOUT ROWID" in sql
