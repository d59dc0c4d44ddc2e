"""How history stands: the conservation law, in numbers."""

from dataclasses import dataclass

import sqlalchemy as sa

from kitback.register import Register, outbox
from kitback.register.tables import outbox as outbox_table


@dataclass(frozen=True, slots=True)
class Status:
    """How far one sink has got, in lines. `enqueued` = `written` + `rejected` + `pending` + `missed`."""

    sink: str
    enqueued: int
    written: int
    rejected: int
    """Refused by the sink for good, and kept in quarantine."""
    pending: int
    trouble: str | None
    """Why the sink takes no lines now, and what to do; None while it does."""

    @property
    def missed(self) -> int:
        """Lines whose time in the outbox was up before this sink could have them."""
        return self.enqueued - self.written - self.rejected - self.pending


def status(register: Register, sink: str) -> Status:
    """How a sink stands, by its name; one that was never drained to has everything pending."""
    with register.read() as conn:
        known = {standing.name: standing for standing in outbox.standings(conn)}
        standing = known.get(sink, outbox.Standing(sink, drained_to=0, written=0, rejected=0, trouble=None))
        kept = sa.select(sa.func.coalesce(sa.func.sum(outbox_table.c.count), 0))
        pending = conn.scalar(kept.where(outbox_table.c.outbox_id > standing.drained_to))
        return Status(
            sink, outbox.enqueued(conn), standing.written, standing.rejected, int(pending or 0), standing.trouble
        )
