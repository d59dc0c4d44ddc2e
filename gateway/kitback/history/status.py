"""How history stands: the conservation law, in numbers."""

from kitback.register import Register, outbox
from kitback.register.outbox import Standing


def status(register: Register, sink: str) -> Standing:
    """How a sink stands, by its name.

    Raises:
        KeyError: nothing was ever drained to it.
    """
    with register.read() as conn:
        return {standing.name: standing for standing in outbox.standings(conn)}[sink]
