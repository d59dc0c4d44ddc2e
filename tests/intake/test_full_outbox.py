"""When history fills its room, tags keep what they have."""

from collections.abc import Callable

import pytest

from kitback.intake import Intake
from kitback.register import Register, outbox
from kitback.register.outbox import OutboxFull
from paper_tag import PaperTag, counts, history


def test_at_the_cap_nothing_is_taken_in_until_there_is_room(
    register: Register, intake: Intake, tag: PaperTag, upload: Callable[[PaperTag], None]
) -> None:
    tag.use()
    upload(tag)
    with register.write() as conn:
        outbox.add_sink(conn, "s")
        outbox.set_cap(conn, outbox.room(conn).waiting)
        before, lines = counts(conn), history(conn)
    tag.use()

    with pytest.raises(OutboxFull):
        intake.take([tag.message()])

    with register.write() as conn:
        assert (counts(conn), history(conn)) == (before, lines)
        rows = outbox.pending(conn, "s", 10**6, 10**6)
        outbox.advance(conn, "s", rows, sum(row.count for row in rows), 0)
    upload(tag)
    assert tag.all_sent
