"""Opening, upgrading, and failing in plain words."""

import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from kitback.register import Register, RegisterError, engines, outbox, tables


def test_a_new_register_is_made_where_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where" / "register.db"
    Register.open(str(path)).close()
    assert path.is_file()


@pytest.mark.both_engines
def test_the_migrations_make_the_tables_that_the_code_uses(register: Register) -> None:
    with register.engine.connect() as conn:
        options = {"compare_type": True, "compare_server_default": True}
        differences = compare_metadata(MigrationContext.configure(conn, opts=options), tables.metadata)
    # A comment that was not carried over to an old column changes nothing.
    steps = [step for each in differences for step in (each if isinstance(each, list) else [each])]
    assert [step for step in steps if not step[0].endswith("_comment")] == []


def test_a_register_of_the_first_kind_keeps_its_account_of_the_history(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/register.db"
    config = Config()
    config.set_main_option("script_location", "kitback.register:migrations")
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
    engine.dispose()
    old = sqlite3.connect(tmp_path / "register.db")
    with old:
        old.execute("INSERT INTO counter VALUES ('enqueued', 10)")
        for number, lines in ((5, b"a\nb\n"), (6, b"c\n"), (7, b"d\ne\nf\n")):
            old.execute("INSERT INTO outbox VALUES (?, 1, ?, ?)", (number, lines.count(b"\n"), lines))
        old.execute("INSERT INTO sink VALUES ('s', 6, 5, 1, NULL)")
    old.close()

    register = Register.open(url)
    with register.write() as conn:
        (sink,) = outbox.standings(conn)
        assert (sink.written, sink.rejected, sink.missed, sink.pending) == (5, 1, 1, 3)
        outbox.add_sink(conn, "s")
        assert (outbox.room(conn).kept, outbox.room(conn).waiting) == (12, 6)
        outbox.add_sink(conn, "new")
        assert [each.missed for each in outbox.standings(conn)] == [4, 1]
    register.close()


def test_ids_of_the_outbox_never_begin_anew(register: Register) -> None:
    with register.write() as conn:
        sql = conn.scalar(sa.text("select sql from sqlite_master where name = 'outbox'"))
    assert "AUTOINCREMENT" in sql


def test_a_register_keeps_its_epoch_and_another_has_its_own(tmp_path: Path) -> None:
    epochs = []
    for name in ("a.db", "a.db", "b.db"):
        opened = Register.open(str(tmp_path / name))
        epochs.append(opened.epoch)
        opened.close()
    assert epochs[0] == epochs[1] != epochs[2]


def test_a_transaction_that_raises_leaves_nothing(register: Register) -> None:
    with pytest.raises(ZeroDivisionError), register.write() as conn:
        conn.execute(sa.insert(tables.meta), {"name": "a", "value": "b"})
        raise ZeroDivisionError
    with register.read() as conn:
        assert conn.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == "a")) is None


def test_writers_wait_for_each_other(register: Register) -> None:
    def add() -> None:
        for _ in range(20):
            with register.write() as conn:
                value = conn.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == "sum"))
                conn.execute(
                    sa.update(tables.meta).where(tables.meta.c.name == "sum"), {"value": str(int(value or 0) + 1)}
                )

    with register.write() as conn:
        conn.execute(sa.insert(tables.meta), {"name": "sum", "value": "0"})
    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with register.read() as conn:
        assert conn.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == "sum")) == "60"


def test_a_locked_register_says_so(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_MS", 10)
    path = register.engine.url.database
    assert path
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    register.engine.dispose()
    with pytest.raises(RegisterError, match="locked by another program"), register.write():
        pass
    other.close()


def test_another_file_is_not_taken_for_a_register(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear stores, " * 100)
    with pytest.raises(RegisterError, match="is not a register"):
        Register.open(str(path))


def test_a_register_of_a_newer_kitback_is_left_alone(register: Register) -> None:
    with register.write() as conn:
        conn.execute(sa.text("update alembic_version set version_num = '9999'"))
    path = register.engine.url.database
    assert path
    with pytest.raises(RegisterError, match="newer Kitback"):
        Register.open(path)


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match="cannot be opened"):
        Register.open(str(tmp_path))


def test_errors_show_no_parameters(register: Register) -> None:
    with pytest.raises(sa.exc.IntegrityError) as caught, register.write() as conn:
        conn.execute(sa.insert(tables.tag), {"tag_id": "a", "secret": None, "enrolled_at": 1})
    assert "parameters hidden" in str(caught.value)
