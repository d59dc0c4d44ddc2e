"""What many tests need: a register, a clock that stands still, and real brokers."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from brokers import AnyBroker, Embedded, Mosquitto
from influx import bucket, influx_server  # noqa: F401 - fixtures
from kitback.register import Register
from paper_tag import SetClock
from postgres import postgres, postgres_register  # noqa: F401 - fixtures

# The same examples each time: whether a change is green must not depend on the dice.
hypothesis.settings.register_profile("fixed", derandomize=True)
hypothesis.settings.load_profile("fixed")


@pytest.fixture
def clock() -> SetClock:
    return SetClock(1_750_000_000)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_engines") and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ["sqlite", "postgresql"])


@pytest.fixture
def engine() -> str:
    """What the register is on; tests marked `both_engines` run on SQLite and on PostgreSQL."""
    return "sqlite"


@pytest.fixture
def where(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of an empty register."""
    if engine == "postgresql":
        return str(request.getfixturevalue("postgres_register"))
    return f"sqlite:///{tmp_path}/register.db"


@pytest.fixture
def register(where: str) -> Iterator[Register]:
    opened = Register.open(where)
    yield opened
    opened.close()


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyBroker]:
    """A running broker; each test that asks for one runs on both."""
    chosen: AnyBroker = Mosquitto(tmp_path) if request.param == "mosquitto" else Embedded()
    chosen.start()
    yield chosen
    chosen.stop()
