"""Brokers that go away in the middle of an upload, with and without their memory."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brokers import Mosquitto, until
from kitback.register import Register

from .books import differences
from .fleet import Fleet
from .process import GatewayProcess
from .soak import sample


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    opened = Register.open(str(tmp_path / "register.db"))
    yield opened
    opened.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


def restart(broker: Mosquitto, _folder: Path) -> None:
    broker.stop()
    broker.start()


def power_cut(broker: Mosquitto, _folder: Path) -> None:
    broker.stop(signal.SIGKILL)
    broker.start()


def forget(broker: Mosquitto, folder: Path) -> None:
    """Sessions, subscriptions and queues are gone, as on a broker without persistence."""
    broker.stop()
    (folder / "mosquitto.db").unlink()
    broker.start()


@pytest.mark.parametrize("happens", sample([restart, power_cut, forget], 2))
def test_a_broker_that_comes_back_in_the_middle_of_an_upload_costs_nothing(
    tmp_path: Path, mosquitto: Mosquitto, register: Register, happens: Callable[[Mosquitto, Path], None]
) -> None:
    fleet = Fleet(mosquitto.port, seed=1)
    fleet.enrol(register)
    with GatewayProcess(tmp_path, broker_port=mosquitto.port) as gateway:
        gateway.start()
        for acks in sample([40, 80], 0):
            fleet.upload(gateway, acks)
            happens(mosquitto, tmp_path)
        fleet.upload(gateway)
        gateway.stop()
    assert not differences(register, fleet.tags)


@pytest.mark.parametrize("happens", sample([restart, forget], 0))
def test_reports_that_waited_on_the_broker_are_taken_in_once_or_sent_again(
    tmp_path: Path, mosquitto: Mosquitto, register: Register, happens: Callable[[Mosquitto, Path], None]
) -> None:
    fleet = Fleet(mosquitto.port, seed=2)
    fleet.enrol(register)
    with GatewayProcess(tmp_path, broker_port=mosquitto.port) as gateway:
        gateway.start()
        fleet.upload(gateway, 40)
        gateway.kill()
        sent = fleet.sent
        until(lambda: fleet.turn() or fleet.sent >= sent + len(fleet.tags), what="a queue on the broker")
        happens(mosquitto, tmp_path)
        gateway.start()
        fleet.upload(gateway)
        gateway.stop()
    assert not differences(register, fleet.tags)


def test_the_embedded_broker_dies_with_the_gateway_and_comes_back_with_it(tmp_path: Path, register: Register) -> None:
    with GatewayProcess(tmp_path) as gateway:
        fleet = Fleet(gateway.port, seed=3)
        fleet.enrol(register)
        gateway.start()
        for acks in sample([40, 80], 0):
            fleet.upload(gateway, acks)
            gateway.kill()
            gateway.start()
        fleet.upload(gateway)
        gateway.stop()
    assert not differences(register, fleet.tags)
