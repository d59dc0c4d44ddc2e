from collections.abc import Iterator
from pathlib import Path

import pytest

from lending import DAY, HOUR, NOW, Service


@pytest.fixture
def service(where: str) -> Iterator[Service]:
    """A service with one idle bed and one unplugged mattress, in `register.db`."""
    opened = Service.open(where)
    opened.lend("BED-0388", used_at=NOW - 18 * DAY - HOUR)
    opened.lend("MAT-0983", "mattress", unpowered_from=NOW - 2 * HOUR)
    opened.judge()
    yield opened
    opened.register.close()


@pytest.fixture(autouse=True)
def nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has settings of their own; they stay out of it."""
    import os

    for name in list(os.environ):
        if name.startswith("KITBACK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KITBACK_DATA", str(tmp_path))
