"""Whatever ends an import half-way, the register is empty, and the next import takes everything."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from kitback.exchange import box, open_format
from kitback.exchange.export_all import export_all
from kitback.exchange.failures import ExchangeError
from kitback.exchange.import_all import opened
from kitback.register import Register, RegisterError
from kitback.register.tables import audit
from lending import NOW, Service

_KILLED = """
import os, signal, sys
from pathlib import Path
from kitback.exchange.import_all import opened
from kitback.register import Register

rows = 0
def told(more):
    global rows
    rows += more
    if rows > 100:
        os.kill(os.getpid(), signal.SIGKILL)

with opened(Path(sys.argv[1])) as export:
    export.into(Register.open(sys.argv[2]), told)
"""


@pytest.fixture
def register(where: str) -> Iterator[Register]:
    """A register of some size."""
    service = Service.open(where)
    service.lend("BED-0388")
    with service.register.write() as conn:
        entry = {"at_us": NOW, "who": "ann", "what": "x", "after": "y" * 1000}
        conn.execute(sa.insert(audit), [entry] * 2000)
    yield service.register
    service.register.close()


@pytest.fixture
def exported(register: Register, tmp_path: Path) -> Path:
    export_all(register, tmp_path / "export", secrets=True, told=nobody)
    return tmp_path / "export"


def nobody(_rows: int) -> None:
    pass


def rows(register: Register) -> dict[str, int]:
    with register.read() as conn:
        counted = {
            each.name: conn.scalar(sa.select(sa.func.count()).select_from(each)) for each in open_format.tables()
        }
    return {name: rows for name, rows in counted.items() if rows}


def takes_it_all(exported: Path, where: str) -> bool:
    again = Register.open(where)
    before = rows(again)
    with opened(exported) as export:
        export.into(again, nobody)
    whole = {each.name: each.rows for each in export.package.resources if each.rows}
    after = rows(again)
    again.close()
    return before == {"meta": 1} and after == whole


def test_an_import_that_is_killed_leaves_nothing(exported: Path, elsewhere: str) -> None:
    ended = subprocess.run([sys.executable, "-c", _KILLED, exported, elsewhere], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert takes_it_all(exported, elsewhere)


def test_an_import_on_a_full_disk_leaves_nothing(exported: Path, tmp_path: Path) -> None:
    where = str(tmp_path / "elsewhere.db")
    target = Register.open(where)
    with target.write() as conn:  # SQLite's own limit in the place of the disk's
        conn.exec_driver_sql("PRAGMA max_page_count=200")
    with pytest.raises(RegisterError, match="disk is full: free some space"), opened(exported) as export:
        export.into(target, nobody)
    target.close()
    assert takes_it_all(exported, where)


def test_an_import_that_is_interrupted_leaves_nothing(exported: Path, elsewhere: str) -> None:
    def interrupt(_rows: int) -> None:
        raise KeyboardInterrupt

    target = Register.open(elsewhere)
    with pytest.raises(KeyboardInterrupt), opened(exported) as export:
        export.into(target, interrupt)
    target.close()
    assert takes_it_all(exported, elsewhere)


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_an_export_on_a_full_disk_leaves_nothing(
    register: Register, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(box, "_to_disk", full)
    (tmp_path / "target").mkdir()
    with pytest.raises(ExchangeError, match="No space left on device; nothing was left there"):
        export_all(register, tmp_path / "target" / name, secrets=False, told=nobody)
    assert not list((tmp_path / "target").iterdir())


def test_an_export_overwrites_nothing(register: Register, exported: Path) -> None:
    with pytest.raises(ExchangeError, match="is there already"):
        export_all(register, exported, secrets=False, told=nobody)
