from collections.abc import Iterator

import pytest

from lending import Service


@pytest.fixture
def service(where: str) -> Iterator[Service]:
    opened = Service.open(where)
    yield opened
    opened.register.close()
