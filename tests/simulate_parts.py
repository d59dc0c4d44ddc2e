"""Small services, run once for all the tests that look at what came of them."""

from pathlib import Path

from kitback.policy import load
from kitback.register import Register
from kitback.simulate.population import draw
from kitback.simulate.run import Ran, run

HOUR, DAY = 3600, 86_400


class Seen:
    """A run that is over, and its register."""

    def __init__(self, ran: Ran, register: Register) -> None:
        self.ran = ran
        self.register = register


def small(folder: Path, loans: int = 30, days: int = 6, seed: int = 1) -> Ran:
    """A run of few loans for few days, judged rarely."""
    folder.mkdir(parents=True, exist_ok=True)
    return run(draw(loans, days, seed), load(), folder, judged_every_s=12 * HOUR)
