"""Leases, for several gateways on one register."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False, comment="What is led, or `worker` and a holder: who is there"),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until_s", sa.Float(), nullable=False, comment="Unix seconds of the database's clock"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
