from collections.abc import Iterator
from pathlib import Path

import pytest

from lending import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    opened = Service.open(tmp_path)
    yield opened
    opened.register.close()
