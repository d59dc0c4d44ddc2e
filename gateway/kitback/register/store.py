"""One register: a database and its transactions."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from kitback.register import engines, tables
from kitback.register.failures import RegisterError, in_words, name


class Register:
    """An open register. Safe to share between threads; every `read` and `write` has a connection of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        """Wrap an engine whose database is already a register; use `Register.open`."""
        self.engine = engine
        self._alone, self._beside = engines.alone(engine), engines.beside(engine)
        self._reading, self._turn = engines.reading(engine), engines.turns(engine)
        with self.write() as conn:
            self.epoch = _epoch(conn)
            """Identity of this register; tags learn it from every ack."""

    @classmethod
    def open(cls, where: str) -> "Register":
        """Open the register in a file, or at an SQLAlchemy URL; make or upgrade it where needed.

        Raises:
            RegisterError: it cannot be opened, is no register, or was written by a newer Kitback.
        """
        engine = engines.make(where)
        try:
            _upgrade(engine)
            return cls(engine)
        except RegisterError:
            engine.dispose()
            raise

    @contextmanager
    def write(self, *, beside: bool = False) -> Iterator[sa.Connection]:
        """One transaction that may write; it waits for other writers at its beginning, not half-way.

        Args:
            beside: on PostgreSQL do not wait; then hold each row before reading what is to be changed.

        Raises:
            RegisterError: the database failed; nothing was kept.
        """
        with in_words(self.engine), self._turn(), (self._beside if beside else self._alone).begin() as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One transaction that only reads, and sees the register at one moment.

        Raises:
            RegisterError: the database failed.
        """
        with in_words(self.engine), self._reading.connect() as conn:
            yield conn

    def compact(self) -> None:
        """Write the database anew, so that nothing that was deleted is left in its files; all others wait meanwhile.

        Raises:
            RegisterError: the database failed, or there is no room for a second copy; everything is as it was.
        """
        with in_words(self.engine):
            engines.compact(self.engine)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def revision() -> str:
    """The revision of the schema that every register has once it is open."""
    return str(ScriptDirectory.from_config(_migrations()).get_current_head())


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "kitback.register:migrations")
    return config


def _upgrade(engine: sa.Engine) -> None:
    config = _migrations()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with in_words(engine), engines.altering(engine) as conn:
        config.attributes["connection"] = conn
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise RegisterError(
                f"the register {name(engine)} was written by a newer Kitback: install that version ({error})"
            ) from error


def _epoch(conn: sa.Connection) -> str:
    meta = tables.meta.c
    found: str | None = conn.scalar(sa.select(meta.value).where(meta.name == "epoch"))
    if found is None:
        found = secrets.token_hex(4)
        conn.execute(sa.insert(tables.meta).values(name="epoch", value=found))
    return found
