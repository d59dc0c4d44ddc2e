"""A real PostgreSQL for tests: Debian's, on a Unix socket in a temporary folder, with a new register a test.

It forgets everything at a power cut, which spares the waiting for disks; all else is a server as it comes.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from brokers import until
from kitback.register import Register

_USER = "kitback"
_TEMPLATE = "register"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "deadlock_timeout": "50ms",
    "shared_buffers": "32MB",
    "max_connections": "60",
}


@dataclass
class Postgres:
    """A server with its data in `folder`. It can be stopped and come back."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None

    def make(self) -> None:
        """Lay out an empty server; whoever runs it must own the folder, and may not be root."""
        if os.getuid() == 0:
            shutil.chown(self.folder, _somebody().pw_uid)
        self._run("initdb", "--no-sync", "--auth=trust", f"--username={_USER}", "--locale=C.UTF-8").wait()

    def start(self) -> None:
        settings = (_SETTINGS | {"unix_socket_directories": str(self.folder)} | self.settings).items()
        self._process = self._run("postgres", *(f"--{name}={value}" for name, value in settings))
        until(self._answers, what="PostgreSQL's start")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: by default without waiting for its clients; SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, database: str, user: str = _USER) -> str:
        """A database as the product is told of it."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Do something as the server's owner."""
        conn = psycopg.connect(host=str(self.folder), user=_USER, dbname=database, autocommit=True)
        with conn:
            conn.execute(statement)  # type: ignore[call-overload]
        conn.close()

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A new database, by its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [_find(program), "-D", str(self.folder / "data"), *arguments],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                user=_somebody().pw_uid if os.getuid() == 0 else None,
                group=_somebody().pw_gid if os.getuid() == 0 else None,
                extra_groups=[] if os.getuid() == 0 else None,
            )


@contextmanager
def server(**settings: str) -> Iterator[Postgres]:
    """A running server of its own. Not in pytest's folder: that is closed to other users, root's server is one."""
    folder = Path(tempfile.mkdtemp(prefix="kitback-postgres-"))
    postgres = Postgres(folder, settings)
    try:
        postgres.make()
        postgres.start()
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder)


def _find(program: str) -> str:
    places = sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
    found = places[-1] if places else shutil.which(program)
    if found is None:
        raise RuntimeError(f"{program} is missing: run deploy/test-packages as root, or install Debian's postgresql")
    return found


def _somebody() -> pwd.struct_passwd:
    """Who runs the server when root may not."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this test run, with an empty register to copy."""
    with server() as started:
        started.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        Register.open(started.url(_TEMPLATE)).close()
        yield started


@pytest.fixture
def postgres_register(postgres: Postgres) -> Iterator[str]:
    """An empty register on PostgreSQL, by its URL."""
    with postgres.database(_TEMPLATE) as url:
        yield url
