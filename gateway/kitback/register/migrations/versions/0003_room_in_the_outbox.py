"""Totals of the outbox as counters, what each sink missed, and what it takes to give a set-aside record its time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for column in (
        sa.Column("clock", sa.Integer(), comment="The clock that a record is on; null for anything else"),
        sa.Column(
            "counter",
            sa.BigInteger(),
            comment="A counter of that clock whose Unix time was told with the record; null if none",
        ),
        sa.Column("unix", sa.BigInteger(), comment="Its Unix time"),
    ):
        op.add_column("quarantine", column)
    for column in (
        sa.Column(
            "missed", sa.BigInteger(), nullable=False, server_default="0", comment="Lines purged before it had them"
        ),
        sa.Column(
            "done_bytes",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="Bytes of all rows it is done with",
        ),
        sa.Column(
            "configured", sa.Boolean(), nullable=False, server_default=sa.false(), comment="The outbox waits for it"
        ),
    ):
        op.add_column("sink", column)
    # Bytes are counted from here on: as if the rows that are left were all that ever was.
    op.execute(
        "INSERT INTO counter (name, value) SELECT name, value FROM ("
        "SELECT 'enqueued.bytes' AS name, coalesce(sum(length(lines)), 0) AS value FROM outbox "
        "UNION ALL SELECT 'purged', coalesce((SELECT value FROM counter WHERE name = 'enqueued'), 0) "
        "- (SELECT coalesce(sum(count), 0) FROM outbox)) AS totals WHERE value > 0"
    )
    op.execute(
        "UPDATE sink SET "
        "missed = coalesce((SELECT value FROM counter WHERE name = 'enqueued'), 0) - written - rejected "
        "- (SELECT coalesce(sum(count), 0) FROM outbox WHERE outbox_id > drained_to), "
        "done_bytes = (SELECT coalesce(sum(length(lines)), 0) FROM outbox WHERE outbox_id <= drained_to)"
    )
