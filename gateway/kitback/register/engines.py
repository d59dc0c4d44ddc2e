"""What a register needs SQLite and PostgreSQL to do: commit durably, read at one moment, wait no longer than told."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from kitback.register.failures import LOCK_WAIT_MS, RegisterError
from kitback.register.turns import Turns

_CACHE_KIB = 64 << 10
"""Of each connection: the upper levels of the trees of a million tags, and what a batch touches."""
_CHECKPOINT_PAGES = 16 << 10
"""64 MiB: a page that many batches touch is copied back once."""

STILL_MS: Final = 60_000
"""A transaction of a program that was stopped half-way keeps what it holds from the others so long at most."""
_WRITERS: Final = int.from_bytes(b"kitback", "big")
"""The advisory lock that stands for writing to the register."""
_CONNECTION: Final = {
    "application_name": "kitback",
    "client_encoding": "utf8",
    "connect_timeout": "10",
    # A server that went away without a word is given up after half a minute, not when TCP does.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}


def make(where: str) -> sa.Engine:
    """An engine for a register in a file or at an SQLAlchemy URL; it connects when it is first used.

    Raises:
        RegisterError: the address is none, or the file's folder cannot be made.
    """
    # Parameters of a statement are what tags said, and their secrets: they stay out of error messages.
    try:
        url = sa.make_url(where if "://" in where else f"sqlite:///{where}")
        if url.get_backend_name() == "sqlite":
            return _sqlite(sa.create_engine(url, hide_parameters=True))
        asked = {name: each for name, each in _CONNECTION.items() if name not in url.query}
        return _postgresql(sa.create_engine(url, hide_parameters=True, connect_args=asked, pool_pre_ping=True))
    except (sa.exc.ArgumentError, ImportError) as error:
        raise RegisterError(
            f"the register's address begins with {where.partition('://')[0]!r}, and there is no driver for that: "
            "give a file, or an address such as postgresql+psycopg://user@host/database, for which "
            "`pip install 'kitback[postgres]'` brings the driver"
        ) from error


def alone(engine: sa.Engine) -> sa.Engine:
    """The same, for transactions that wait at their beginning until no other of them is under way."""
    return engine.execution_options(kitback_writer="alone")


def beside(engine: sa.Engine) -> sa.Engine:
    """The same, for transactions that write beside others where the database can: what they read they have to hold."""
    return engine.execution_options(kitback_writer="beside")


@contextmanager
def altering(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction, alone, that may alter tables."""
    with alone(engine).connect() as conn:
        if engine.dialect.name != "sqlite":
            with conn.begin():
                yield conn
            return
        dbapi: Any = conn.connection.dbapi_connection
        # SQLite alters a table by making it anew, and would miss the old one's rows wherever they are named.
        dbapi.execute("PRAGMA foreign_keys=OFF")
        try:
            with conn.begin():
                yield conn
                broken = conn.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise RegisterError(
                        f"after its upgrade {engine.url.database} would name what is not there: {broken}"
                    )
        finally:
            dbapi.execute("PRAGMA foreign_keys=ON")


def compact(engine: sa.Engine) -> None:
    """Write a database anew, without what was deleted from it."""
    if engine.dialect.name == "postgresql":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
            conn.exec_driver_sql("VACUUM FULL")
        return
    with engine.connect() as conn:
        conn.rollback()  # SQLite does it in no transaction
        dbapi: Any = conn.connection.dbapi_connection
        try:
            dbapi.execute("VACUUM")
            dbapi.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError("VACUUM", None, error) from error


def turns(engine: sa.Engine) -> Callable[[], AbstractContextManager[None]]:
    """What `Register.write` holds, of one register. On PostgreSQL its advisory lock is the queue."""
    return Turns(LOCK_WAIT_MS / 1000).mine if engine.dialect.name == "sqlite" else nullcontext


def reading(engine: sa.Engine) -> sa.Engine:
    """The same, for transactions that read everything as it was at one moment."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _sqlite(engine: sa.Engine) -> sa.Engine:
    path = engine.url.database
    if path and path != ":memory:":
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RegisterError(f"cannot make the folder of the register {path}: {error.strerror}") from error

    # For each value that is neither number nor text the driver asks who could convert it, which takes longer than
    # to store it, unless somebody is known.
    sqlite3.register_adapter(bool, int)
    sqlite3.register_adapter(type(None), lambda none: none)

    @sa.event.listens_for(engine, "connect")
    def configure(dbapi: Any, _record: object) -> None:
        # The driver must not open transactions by itself; `begin` below does.
        dbapi.isolation_level = None
        dbapi.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")
        dbapi.execute("PRAGMA journal_mode=WAL")
        # A tag is told that its records are safe: they must survive a power cut.
        dbapi.execute("PRAGMA synchronous=FULL")
        dbapi.execute("PRAGMA foreign_keys=ON")
        dbapi.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        dbapi.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")

    @sa.event.listens_for(engine, "begin")
    def begin(conn: sa.Connection) -> None:
        writes = "kitback_writer" in conn.get_execution_options()
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(engine: sa.Engine) -> sa.Engine:
    @sa.event.listens_for(engine, "connect")
    def configure(dbapi: Any, _record: object) -> None:
        dbapi.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")
        dbapi.execute(f"SET idle_in_transaction_session_timeout = {STILL_MS}")
        # As above; the other ways of this setting are all durable.
        dbapi.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
        dbapi.commit()

    @sa.event.listens_for(engine, "begin")
    def begin(conn: sa.Connection) -> None:
        if conn.get_execution_options().get("kitback_writer") == "alone":
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")

    return engine
