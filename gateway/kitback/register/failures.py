"""What a failing database says, in plain words and with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from kitback.register.turns import TooLong

CALLERS_FAULT: Final = (IntegrityError, DataError)
"""What SQLAlchemy raises for values that cannot be stored. Anything else is the database's failure, or its users have
too few rights, or our statement is wrong: that would meet every other caller too."""

_CALLERS_CODES: Final = ("21", "54")
"""How PostgreSQL's codes of the same begin, for which SQLAlchemy has no class: one row twice, and too large a value."""

LOCK_WAIT_MS: Final = 10_000
"""How long a writer waits for others before it gives up; on SQLite for its own program's, and again for others'."""

_LOCKED = f"was locked by another program for {LOCK_WAIT_MS // 1000} s: stop that program, then try again"
_NO_TURN = (
    f"could not be written to for {LOCK_WAIT_MS // 1000} s: if another program has it locked, stop that; then try again"
)
_FOREIGN = "holds other tables, it is some other program's database: check the path"
_DAMAGED = "is damaged: restore it from a backup; tags send again what the backup lacks"
_CROWDED = "has no connection left: raise `max_connections` of the server, or stop what else is connected to it"
_BUSY = "has all its connections in use, and none came free: look for what holds them, or stop other programs"
_AWAY = "was stopped or is starting: it is found again as soon as it is back"

_SQLITE: Final = (
    ("locked", _LOCKED),
    ("full", "cannot grow, the disk is full: free some space; nothing that was confirmed is lost"),
    ("unable to open", "cannot be opened: check that its folder exists and that you may write there"),
    ("readonly", "is read-only: check who owns the file and its folder"),
    ("not a database", "is not a register, it is some other file: check the path"),
    ("malformed", _DAMAGED),
    ("already exists", _FOREIGN),
)
"""Signs in SQLite's messages."""

_POSTGRESQL: Final = (
    ("40P01", "had two writers wait for each other, and ended this one: try again"),
    ("40", "had another writer change the same rows: try again"),
    ("55P03", _LOCKED),
    ("53100", "cannot grow, the server's disk is full: free some space; nothing that was confirmed is lost"),
    ("53300", _CROWDED),
    ("25006", "is read-only: give the address of the primary server, and check `default_transaction_read_only`"),
    ("25P03", "gave up this connection, which had stood still half-way: try again"),
    ("42501", "may not be changed by this user: make it the owner of the database and its tables"),
    ("42P01", "lacks one of its tables: restore it from a backup; tags send again what the backup lacks"),
    ("42P07", _FOREIGN),
    ("57P", _AWAY),
    ("XX001", _DAMAGED),
    ("XX002", "has a damaged index: REINDEX the database"),
)
"""How PostgreSQL's error codes begin."""

_NO_SESSION: Final = (
    ("password", "lets nobody in with this user and password: check both"),
    ("no pg_hba.conf entry", "lets this user or machine not in: see the server's pg_hba.conf"),
    ("not permitted to log in", "lets this user not in: check the address, or ALTER USER … LOGIN there"),
    ("too many connections", _CROWDED),
    ('FATAL: role "', "knows no such user: check the address, or CREATE USER there"),
    ('FATAL: database "', "does not exist: check the address, or CREATE DATABASE there"),
    ("too many clients", _CROWDED),
    ("connection slots", _CROWDED),
    ("starting up", _AWAY),
    ("shutting down", _AWAY),
    ("server closed the connection", _AWAY),
    ("connection", "cannot be reached: check the address, the network, and that the server runs"),
)
"""Signs in the messages of PostgreSQL's client library, which come without a code."""


class RegisterError(Exception):
    """The register cannot be opened, read or written; the message says why and what to do."""


@contextmanager
def in_words(engine: sa.Engine) -> Iterator[None]:
    """Turn failures of the database itself into `RegisterError`; what the caller did wrong passes as it is."""
    try:
        yield
    except DBAPIError as error:
        _forget_rows(error)
        if isinstance(error, CALLERS_FAULT) or (getattr(error.orig, "sqlstate", None) or "").startswith(_CALLERS_CODES):
            raise
        raise RegisterError(f"the register {name(engine)} {_explain(error.orig)}") from error
    except TooLong as error:
        raise RegisterError(f"the register {name(engine)} {_NO_TURN}") from error
    except sa.exc.TimeoutError as error:
        raise RegisterError(f"the register {name(engine)} {_BUSY}") from error


@contextmanager
def nobodys_fault(engine: sa.Engine) -> Iterator[None]:
    """Turn every refusal of the database into `RegisterError`: for rows that are no one caller's own."""
    try:
        yield
    except CALLERS_FAULT as error:
        raise RegisterError(f"the register {name(engine)} {_explain(error.orig)}") from error


def name(engine: sa.Engine) -> str:
    """A register as people know it."""
    if engine.dialect.name == "sqlite":
        return engine.url.database or "in memory"
    return engine.url.render_as_string(hide_password=True)


def _forget_rows(error: DBAPIError) -> None:
    """Keep of PostgreSQL's words the first line: the details quote rows, with what tags said and their secrets."""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    if error.orig is not None and primary:
        error.orig.args = (primary,)
        error.args = (f"({type(error.orig).__name__}) {primary}",)


def _explain(error: BaseException | None) -> str:
    reason = " ".join(str(error).split())
    if code := getattr(error, "sqlstate", None):
        return next((words for sign, words in _POSTGRESQL if code.startswith(sign)), f"failed: {reason} ({code})")
    signs = _NO_SESSION if hasattr(error, "sqlstate") else _SQLITE
    return next((words for sign, words in signs if sign in reason), f"failed: {reason}")
