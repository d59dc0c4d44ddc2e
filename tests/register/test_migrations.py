"""What an older register holds is still there after it was upgraded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from kitback.collect import kpi
from kitback.register import Register, tag_states
from kitback.register.tables import asset, audit, collection, flag, judgement, loan
from kitback.register.tag_states import ClockState, Journal, Now, Point, Range, TagState
from postgres import Postgres

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


_LENT = """
insert into place values ('home', null, 'loan_address', 'Home in Oadby');
insert into asset values ('BED-1', 'bed', 'Bed', 'on_loan'), ('BED-2', 'bed', 'Bed', 'available');
insert into judgement (asset_id, kind, loan_ref) values ('BED-1', 'bed', 'L-1'), ('BED-2', 'bed', null);
insert into loan values ('L-1', 'BED-1', 'long_term', 'home', 'home', 5, null, null);
insert into loan values ('L-0', 'BED-2', 'long_term', 'home', 'home', 5, null, 7);
insert into flag (asset_id, loan_ref, kind, rule, since, raised_at, closed_at, sentence, evidence)
    values ('BED-2', 'L-0', 'bed', 'idle', 5, 6, 7, '', '{}'), ('BED-1', 'L-1', 'bed', 'idle', 5, 6, null, '', '{}');
insert into audit (at_us, who, what, detail) values (1, 'ann', 'loan.start L-1', '{}');
"""


def _at(path: Path, revision: str, rows: str) -> None:
    """Make a register of an older revision."""
    _migrated(f"sqlite:///{path}", revision, rows)


def _migrated(url: str, revision: str, rows: str) -> None:
    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", "kitback.register:migrations")
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
    with engine.begin() as conn:
        for statement in filter(str.strip, rows.split(";\n")):
            conn.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A register at revision 0001, in which a tag has used two journals and two clocks."""
    path = tmp_path / "old.db"
    _at(path, "0001", _OLD)
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


def test_what_is_lent_and_flagged_outlives_the_making_anew_of_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    _at(path, "0004", _LENT)
    register = Register.open(str(path))
    with register.write() as conn:
        assert conn.execute(sa.select(loan.c.loan_ref, loan.c.delivered_by, loan.c.due_own)).all() == [
            ("L-1", "staff", False),
            ("L-0", "staff", False),
        ]
        assert conn.execute(sa.select(flag.c.status, flag.c.outcome).order_by(flag.c.flag_id)).all() == [
            ("closed", "ended"),
            ("open", None),
        ]
        assert conn.execute(sa.select(audit.c.why, audit.c.before, audit.c.after)).all() == [(None, None, "{}")]
        assert conn.scalar(sa.select(judgement.c.free_from).where(judgement.c.asset_id == "BED-2")) == 7
        with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"):
            conn.execute(sa.delete(asset))
    register.close()


_WANTED_BACK = """
insert into place (place_id, within, type, name) values ('home', null, 'loan_address', 'Home');
insert into asset (asset_id, kind, model, state)
    values ('BED-1', 'bed', 'Bed', 'on_loan'), ('BED-2', 'bed', 'Bed', 'prescribed'),
        ('BED-3', 'bed', 'Bed', 'on_loan');
insert into judgement (asset_id, kind) values ('BED-1', 'bed'), ('BED-2', 'bed'), ('BED-3', 'bed');
insert into loan (loan_ref, asset_id, pathway, setting, place_id, prescribed_s, from_s)
    values ('L-1', 'BED-1', 'long_term', 'home', 'home', 4, 5), ('L-2', 'BED-2', 'long_term', 'home', 'home', 5, null),
        ('L-3', 'BED-3', 'long_term', 'home', 'home', 4, 5);
insert into flag (asset_id, loan_ref, kind, rule, status, status_s, since, raised_at, sentence, evidence)
    values ('BED-1', 'L-1', 'bed', 'idle', 'collection', 90, 5, 6, '', '{}'),
        ('BED-1', 'L-1', 'bed', 'overdue', 'collection', 80, 5, 6, '', '{}'),
        ('BED-2', 'L-2', 'bed', 'late', 'collection', 80, 5, 6, '', '{}'),
        ('BED-3', 'L-3', 'bed', 'idle', 'contacted', 80, 5, 6, '', '{}');
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


def test_what_a_flag_wanted_back_is_asked_for_as_if_it_had_always_been_so(nowhere: str) -> None:
    _migrated(nowhere, "0005", _WANTED_BACK)
    register = Register.open(nowhere)
    with register.read() as conn:
        (asked,) = conn.execute(sa.select(collection)).all()
        assert (asked.loan_ref, asked.asset_id, asked.status, asked.requested_s) == ("L-1", "BED-1", "requested", 80)
        (told,) = kpi.replay(conn).collections
        assert told == next(iter(kpi.read(conn).collections))
        states = conn.execute(sa.select(asset.c.state).order_by(asset.c.asset_id))
        assert states.scalars().all() == ["on_loan", "prescribed", "on_loan"]
    register.close()
