"""What many tests need: a register, a clock that stands still, and real brokers."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from brokers import AnyBroker, Embedded, Mosquitto
from influx import bucket, influx_server  # noqa: F401
from kitback.register import Register
from paper_tag import SetClock

# The same examples each time: whether a change is green must not depend on the dice.
hypothesis.settings.register_profile("fixed", derandomize=True)
hypothesis.settings.load_profile("fixed")


@pytest.fixture
def clock() -> SetClock:
    return SetClock(1_750_000_000)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    opened = Register.open(f"sqlite:///{tmp_path}/register.db")
    yield opened
    opened.close()


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyBroker]:
    """A running broker; each test that asks for one runs on both."""
    chosen: AnyBroker = Mosquitto(tmp_path) if request.param == "mosquitto" else Embedded()
    chosen.start()
    yield chosen
    chosen.stop()
