from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of another register, which is not there yet; each test that asks for one has it on either engine."""
    if request.param == "sqlite":
        yield str(tmp_path / "elsewhere.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url
