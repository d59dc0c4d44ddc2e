"""PostgreSQL's own ways: its failures in plain words, connections that come back, two that begin at once."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from kitback.register import Register, RegisterError, engines, tables, upsert
from postgres import Postgres, server

FILL = sa.insert(tables.meta)


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A server that a test may ill-treat."""
    with server() as started:
        yield started


def test_workers_that_begin_at_once_make_one_register(postgres: Postgres) -> None:
    with postgres.database() as url, ThreadPoolExecutor(4) as at_once:
        opened = list(at_once.map(Register.open, [url] * 4))
        assert len({each.epoch for each in opened}) == 1
        for each in opened:
            each.close()


def test_a_read_sees_one_moment_and_cannot_write(register: Register) -> None:
    with register.read() as conn:
        before = conn.execute(sa.select(tables.meta)).all()
        with register.write() as other:
            other.execute(FILL, {"name": "a", "value": "b"})
        assert conn.execute(sa.select(tables.meta)).all() == before
    with pytest.raises(RegisterError, match="is read-only"), register.read() as conn:
        conn.execute(FILL, {"name": "c", "value": "d"})


def test_a_server_that_went_away_is_named_and_found_again(own_server: Postgres) -> None:
    register = Register.open(own_server.url("postgres"))
    with pytest.raises(RegisterError, match="found again as soon as it is back"), register.write() as conn:
        own_server.stop(signal.SIGQUIT)
        conn.execute(FILL, {"name": "half-way", "value": "?"})
    with pytest.raises(RegisterError, match="cannot be reached: check the address"), register.read():
        pass
    own_server.start()
    with register.read() as conn:
        assert conn.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == "half-way")) is None
    register.close()


def test_a_restart_between_two_transactions_goes_unnoticed(own_server: Postgres) -> None:
    register = Register.open(own_server.url("postgres"))
    own_server.stop()
    own_server.start()
    with register.write() as conn:
        conn.execute(FILL, {"name": "a", "value": "b"})
    register.close()


def test_a_commit_is_durable_even_where_the_server_would_not_wait(own_server: Postgres) -> None:
    own_server.execute("ALTER SYSTEM SET synchronous_commit = off")
    own_server.execute("SELECT pg_reload_conf()")
    register = Register.open(own_server.url("postgres"))
    with register.read() as conn:
        assert conn.scalar(sa.text("SHOW synchronous_commit")) == "on"
    register.close()


def test_two_that_wait_for_each_other_are_told_to_try_again(register: Register) -> None:
    rows = [sa.update(tables.meta).where(tables.meta.c.name == name).values(value="x") for name in ("a", "b")]
    with register.write() as conn:
        conn.execute(FILL, [{"name": "a", "value": "0"}, {"name": "b", "value": "0"}])
    both = threading.Barrier(2)

    def change(first: sa.Update, second: sa.Update) -> str | None:
        try:
            with register.write(beside=True) as conn:
                conn.execute(first)
                both.wait()
                conn.execute(second)
        except RegisterError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(2) as at_once:
        told = [each for each in at_once.map(change, rows, rows[::-1]) if each]
    assert len(told) == 1
    assert "wait for each other" in told[0]
    assert "try again" in told[0]


def test_writers_wait_no_longer_than_told(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_MS", 10)
    register = Register.open(where)
    with (
        register.write(),
        pytest.raises(RegisterError, match="locked by another program"),
        register.write(),
    ):
        pass
    register.close()


def test_one_that_stands_still_half_way_does_not_hold_up_the_others(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "STILL_MS", 50)
    register = Register.open(where)
    with pytest.raises(RegisterError, match="stood still half-way"), register.write() as stuck:
        with register.write() as conn:
            conn.execute(FILL, {"name": "a", "value": "b"})
        stuck.execute(FILL, {"name": "c", "value": "d"})
    register.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM staff", "make it the owner"),
        ("DROP TABLE meta", "lacks one of its tables"),
        ("ALTER USER staff SET default_transaction_read_only = on", "is read-only"),
        ("ALTER USER staff CONNECTION LIMIT 0", "no connection left"),
        ("ALTER USER staff NOLOGIN", "lets this user not in"),
    ],
)
def test_what_is_wrong_with_the_database_is_no_reports_fault(
    postgres: Postgres, register: Register, spoil: str, words: str
) -> None:
    database = str(register.engine.url.database)
    postgres.execute("CREATE USER staff")
    try:
        postgres.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO staff", database)
        opened = Register.open(postgres.url(database, "staff"))
        opened.engine.dispose()
        postgres.execute(spoil, database)
        with pytest.raises(RegisterError, match=words), opened.write() as conn:
            conn.execute(FILL, {"name": "a", "value": "b"})
        opened.close()
    finally:
        postgres.execute("DROP OWNED BY staff", database)
        postgres.execute("DROP USER staff")


@pytest.mark.parametrize("names", [["twice", "twice"], ["".join(map(chr, range(0x4E00, 0x4E00 + 9000)))]])
def test_rows_that_cannot_be_stored_are_not_the_databases_fault(register: Register, names: list[str]) -> None:
    rows = [{"name": name, "value": "x"} for name in names]
    with pytest.raises(sa.exc.DBAPIError), register.write() as conn:
        upsert.put(conn, tables.meta, rows)


@pytest.mark.parametrize(
    ("user", "database", "words"),
    [("nobody", "register", "knows no such user"), ("kitback", "none", "does not exist")],
)
def test_a_wrong_address_is_named(postgres: Postgres, user: str, database: str, words: str) -> None:
    with pytest.raises(RegisterError, match=words):
        Register.open(postgres.url(database, user))


def test_another_programs_database_is_left_alone(postgres: Postgres) -> None:
    with postgres.database() as url:
        postgres.execute("CREATE TABLE loan (a int)", str(sa.make_url(url).database))
        with pytest.raises(RegisterError, match="some other program's database"):
            Register.open(url)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(RegisterError, match=r"pip install 'kitback\[postgres\]'"):
        Register.open("postgresql+psycopg://kitback@db/kitback")


def test_the_message_shows_no_password_and_no_row(postgres: Postgres, register: Register) -> None:
    with pytest.raises(RegisterError) as caught:
        Register.open(f"postgresql+psycopg://kitback:sesame@/none?host={postgres.folder}")
    assert "sesame" not in str(caught.value)
    with pytest.raises(sa.exc.IntegrityError) as refused, register.write() as conn:
        conn.execute(sa.insert(tables.tag), {"tag_id": "a", "secret": b"open sesame", "enrolled_at": None})
    assert "sesame" not in str(refused.value)
    assert b"open sesame".hex() not in str(refused.value)
