"""One register: a database, its transactions and its failures in plain words."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from kitback.register import tables

_LOCK_WAIT_MS = 10_000
_CACHE_KIB = 64 << 10
"""Of each connection: the upper levels of the trees of a million tags, and what a batch touches."""
_CHECKPOINT_PAGES = 16 << 10
"""64 MiB: a page that many batches touch is copied back once."""

CALLERS_FAULT = (IntegrityError, DataError, ProgrammingError)
"""What SQLAlchemy raises for a statement that cannot be right; anything else is the database's own failure."""


class RegisterError(Exception):
    """The register cannot be opened, read or written; the message says why and what to do."""


class Register:
    """An open register. Safe to share between threads; every `read` and `write` has a connection of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        """Wrap an engine whose database is already a register; use `Register.open`."""
        self.engine = engine
        self._writing = engine.execution_options(kitback_writes=True)
        with self.write() as conn:
            self.epoch = _epoch(conn)
            """Identity of this register; tags learn it from every ack."""

    @classmethod
    def open(cls, where: str) -> "Register":
        """Open the register in a file, or at an SQLAlchemy URL; make or upgrade it where needed.

        Raises:
            RegisterError: it cannot be opened, is no register, or was written by a newer Kitback.
        """
        # Parameters of a statement are what tags said, and their secrets: they stay out of error messages.
        try:
            engine = sa.create_engine(where if "://" in where else f"sqlite:///{where}", hide_parameters=True)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise RegisterError(
                f"the register's address begins with {where.partition('://')[0]!r}, and there is no driver for that: "
                "give a file, or an address such as postgresql+psycopg://user@host/database"
            ) from error
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine)
        try:
            _upgrade(engine)
            return cls(engine)
        except RegisterError:
            engine.dispose()
            raise

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that may write; on SQLite it waits for the write lock at its beginning, not half-way.

        Raises:
            RegisterError: the database failed; nothing was kept.
        """
        with _in_words(self.engine), self._writing.begin() as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One transaction that only reads, and sees the register at one moment.

        Raises:
            RegisterError: the database failed.
        """
        with _in_words(self.engine), self.engine.connect() as conn:
            yield conn

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _prepare_sqlite(engine: sa.Engine) -> None:
    path = engine.url.database
    if path and path != ":memory:":
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RegisterError(f"cannot make the folder of the register {path}: {error.strerror}") from error

    @sa.event.listens_for(engine, "connect")
    def configure(dbapi: Any, _record: object) -> None:
        # The driver must not open transactions by itself; `begin` below does.
        dbapi.isolation_level = None
        dbapi.execute(f"PRAGMA busy_timeout={_LOCK_WAIT_MS}")
        dbapi.execute("PRAGMA journal_mode=WAL")
        # A tag is told that its records are safe: they must survive a power cut.
        dbapi.execute("PRAGMA synchronous=FULL")
        dbapi.execute("PRAGMA foreign_keys=ON")
        dbapi.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        dbapi.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")

    @sa.event.listens_for(engine, "begin")
    def begin(conn: sa.Connection) -> None:
        writes = conn.get_execution_options().get("kitback_writes", False)
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _upgrade(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", "kitback.register:migrations")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _in_words(engine), engine.execution_options(kitback_writes=True).begin() as conn:
        config.attributes["connection"] = conn
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise RegisterError(
                f"the register {_name(engine)} was written by a newer Kitback: install that version ({error})"
            ) from error


def _epoch(conn: sa.Connection) -> str:
    meta = tables.meta.c
    found: str | None = conn.scalar(sa.select(meta.value).where(meta.name == "epoch"))
    if found is None:
        found = secrets.token_hex(4)
        conn.execute(sa.insert(tables.meta).values(name="epoch", value=found))
    return found


@contextmanager
def _in_words(engine: sa.Engine) -> Iterator[None]:
    """Turn failures of the database itself into `RegisterError`; what the caller did wrong passes as it is."""
    try:
        yield
    except CALLERS_FAULT:
        raise
    except DBAPIError as error:
        raise RegisterError(f"the register {_name(engine)} {_explain(str(error.orig))}") from error


def _explain(reason: str) -> str:
    for sign, words in (
        ("locked", f"was locked by another program for {_LOCK_WAIT_MS // 1000} s: stop that program, then try again"),
        ("full", "cannot grow, the disk is full: free some space; nothing that was confirmed is lost"),
        ("unable to open", "cannot be opened: check that its folder exists and that you may write there"),
        ("readonly", "is read-only: check who owns the file and its folder"),
        ("not a database", "is not a register, it is some other file: check the path"),
        ("malformed", "is damaged: restore it from a backup; tags send again what the backup lacks"),
        ("already exists", "holds other tables, it is some other program's database: check the path"),
    ):
        if sign in reason:
            return words
    return f"failed: {reason}"


def _name(engine: sa.Engine) -> str:
    if engine.dialect.name == "sqlite":
        return engine.url.database or "in memory"
    return engine.url.render_as_string(hide_password=True)
