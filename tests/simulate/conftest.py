"""A small service, run once for all the tests that look at what came of it."""

from collections.abc import Iterator

import pytest

from kitback.register import Register
from kitback.simulate.run import REGISTER
from simulate_parts import Seen, small


@pytest.fixture(scope="package")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("simulated")
    ran = small(folder, loans=50, days=10, seed=11)
    register = Register.open(str(folder / REGISTER))
    yield Seen(ran, register)
    register.close()
