"""The laws of conservation: nothing that came in, and no line that was made, is unaccounted for."""

import sqlalchemy as sa

from kitback.register import counters, outbox
from kitback.register.tables import outbox as table


def assert_conserved(conn: sa.Connection) -> None:
    """Hold all laws against a register."""
    had = counters.everything(conn)

    def told(*names: str) -> int:
        return sum(had.get(name, 0) for name in names)

    quarantined = sum(value for name, value in had.items() if name.startswith("quarantined."))
    assert told("received", "replayed") == told("accepted") + quarantined, had
    came = told("records.received", "records.replayed")
    outcomes = ("applied", "duplicate", "early", "quarantined")
    assert came == told(*(f"records.{outcome}" for outcome in outcomes)), had
    for sink in outbox.standings(conn):
        assert sink.enqueued == sink.written + sink.rejected + sink.missed + sink.pending, sink
        assert min(sink.written, sink.rejected, sink.missed, sink.pending) >= 0, sink
    kept = conn.execute(sa.select(sa.func.sum(table.c.count), sa.func.sum(sa.func.length(table.c.lines)))).one()
    assert told("enqueued") - told("purged") == (kept[0] or 0)
    assert outbox.room(conn).kept == (kept[1] or 0)
