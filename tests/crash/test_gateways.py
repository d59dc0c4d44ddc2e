"""Two gateways on one register and one broker: when one is killed, or sleeps through its leases, the other has all."""

import random
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from brokers import Mosquitto
from influx import Bucket
from kitback.register import Register

from .books import differences, drained
from .fleet import Fleet
from .process import GatewayProcess
from .soak import sample

TAKEN_OVER_S = 30.0
"""By when all is safe: a killed gateway is not waited for, one that sleeps keeps its leases for ten seconds."""


def member(folder: Path, name: str, broker: Mosquitto, bucket: Bucket) -> GatewayProcess:
    """One of the gateways that share a register."""
    own = folder / name
    own.mkdir()
    return GatewayProcess(
        own, broker_port=broker.port, bucket=bucket, register=folder / "register.db", more="shard_groups = 4"
    )


@pytest.mark.parametrize("loss", sample([signal.SIGKILL, signal.SIGSTOP], 0))
@pytest.mark.parametrize("seed", sample(range(10), 0))
def test_the_tags_of_a_gateway_that_is_lost_are_the_others(
    tmp_path: Path, bucket: Bucket, seed: int, loss: signal.Signals
) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    register = Register.open(str(tmp_path / "register.db"))
    fleet = Fleet(broker.port, seed, tags=16, records=40)
    fleet.enrol(register)
    chance = random.Random(seed)
    try:
        with ExitStack() as running:
            one, other = (running.enter_context(member(tmp_path, name, broker, bucket)) for name in "ab")
            one.start()
            other.start()
            fleet.upload(one, acks=chance.randint(20, 100))
            one.signal(loss)
            fleet.upload(other, patience=TAKEN_OVER_S)
            one.signal(signal.SIGCONT)
            fleet.live_on(records=4)
            fleet.upload(other)
            drained(register, bucket)
            other.stop()
        assert not differences(register, fleet.tags, bucket)
    except AssertionError as error:
        error.add_note(f"seed {seed}")
        raise
    finally:
        fleet.close()
        register.close()
        broker.stop()
