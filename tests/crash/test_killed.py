"""SIGKILL of the gateway while tags upload: what they noted is in the register once and in InfluxDB once.

A seed decides when the gateway is killed, up to four times in one upload: at a step of its own (see `doomed`), after
so many acks, or by the clock. `make soak` tries 60 seeds, `make test` three.
"""

import random
import time
from pathlib import Path

import pytest

from brokers import Mosquitto
from influx import Bucket
from kitback.register import Register

from .books import differences, pending
from .fleet import Fleet
from .process import GatewayProcess
from .soak import sample

SEEDS = sample(range(60), 4, 54, 58)
STEPS = {"statement": 1000, "commit": 80, "packet": 60, "request": 20}
"""About as many as an upload and its drain take; see `doomed`."""
PATIENCE = 120.0


class Killer:
    """Kills a gateway at moments that a seed decides."""

    def __init__(self, gateway: GatewayProcess, fleet: Fleet, chance: random.Random) -> None:
        self._gateway = gateway
        self._fleet = fleet
        self._chance = chance
        self._left = chance.randint(1, 4)
        self.told: list[str] = []
        """What was done, for a failure's message."""
        self._next()

    def turn(self) -> None:
        """Kill the gateway if it is time, and start it again if it is dead."""
        if self._fleet.acks >= self._acks:
            self._acks, self._at = 10**9, time.monotonic() + self._chance.uniform(0, 0.03)
        if time.monotonic() > self._at:
            self._gateway.kill()
        if self._gateway.died():
            self._left -= 1
            self._next()

    def _next(self) -> None:
        step, self._acks, self._at = "statement:0", 10**9, float("inf")
        how = self._chance.choice([*STEPS, "acks", "clock"]) if self._left > 0 else "never again"
        if how in STEPS:
            # Rather early than late: what comes late is more of the same.
            step = how = f"{how}:{int(self._chance.uniform(1, STEPS[how] ** 0.5) ** 2)}"
        elif how == "acks":
            self._acks = self._fleet.acks + self._chance.randint(1, 100)
            how = f"soon after {self._acks} acks"
        elif how == "clock":
            seconds = self._chance.uniform(0.5, 4.0)
            self._at = time.monotonic() + seconds
            how = f"after {seconds:.3f} s"
        self.told.append(how)
        self._gateway.start(step)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_gateway_loses_and_doubles_nothing(tmp_path: Path, bucket: Bucket, seed: int) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    fleet = Fleet(broker.port, seed, records=100)
    register = Register.open(str(tmp_path / "register.db"))
    fleet.enrol(register)
    with GatewayProcess(tmp_path, broker_port=broker.port, bucket=bucket) as gateway:
        killer = Killer(gateway, fleet, random.Random(seed))
        try:
            deadline = time.monotonic() + PATIENCE
            while not (fleet.all_safe and pending(register, bucket) == 0 and not gateway.died()):
                assert time.monotonic() < deadline, f"not all is safe: {fleet.outstanding()}\n{gateway.said()}"
                fleet.turn()
                killer.turn()
            gateway.stop()
            assert not differences(register, fleet.tags, bucket)
        except AssertionError as error:
            error.add_note(f"seed {seed}; killed {', '.join(killer.told)}")
            raise
        finally:
            fleet.close()
            register.close()
            broker.stop()
