"""The loan register: what staff know of assets and loans, their clocks, holds, recalls, and the life of a flag."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_STATUS = "status IN ('open','contacted','confirmed','still_needed','held','snoozed','collection','closed')"


def _seconds(name: str, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), comment=comment)


def upgrade() -> None:
    _assets()
    _loans()
    _audit()
    _judgements()
    _flags()


def _assets() -> None:
    with op.batch_alter_table("asset") as table:
        table.add_column(sa.Column("serial", sa.String(), comment="The maker's"))
        table.add_column(
            sa.Column(
                "value_pence", sa.BigInteger(), comment="What a new one costs; null: what the policy says of its kind"
            )
        )
        table.add_column(sa.Column("commissioner", sa.String(), comment="Who paid for it"))
        table.add_column(_seconds("serviced_s", "Latest service; null when none is known"))
        table.add_column(_seconds("examined_s", "Latest thorough examination; null when none is known"))
        table.add_column(_seconds("service_due_s", "Null when its kind has none, or the latest is not known"))
        table.add_column(_seconds("exam_due_s", "As service_due_s"))
        table.drop_constraint(op.f("ck_asset_state"), type_="check")
        table.create_check_constraint(op.f("ck_asset_state"), "state IN ('available','prescribed','on_loan')")
    op.create_table(
        "recall",
        sa.Column(
            "recall_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("recall_ref", sa.String(), nullable=False, comment="The safety notice's own number"),
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        _seconds("ended_s", "Null while it has not been made safe or withdrawn"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.asset_id"], name=op.f("fk_recall_asset_id")),
        sa.PrimaryKeyConstraint("recall_id", name=op.f("pk_recall")),
        sa.UniqueConstraint("recall_ref", "asset_id", name=op.f("uq_recall_recall_ref")),
    )
    op.create_index("ix_recall_asset_id", "recall", ["asset_id"])


def _loans() -> None:
    with op.batch_alter_table("loan") as table:
        table.add_column(sa.Column("commissioner", sa.String(), comment="Who pays for it"))
        table.add_column(
            sa.Column(
                "used_by_paid_carers",
                sa.Boolean(),
                nullable=False,
                server_default=sa.false(),
                comment="LOLER applies then",
            )
        )
        table.add_column(_seconds("prescribed_s", "Null when only the delivery is known"))
        table.add_column(sa.Column("speed", sa.String(), comment="Its delivery speed; null: its pathway's"))
        table.add_column(_seconds("deliver_by_s", "Null when it was not prescribed here"))
        table.add_column(_seconds("deliver_risk_s", "From here on a delivery still missing is at risk"))
        table.alter_column("from_s", existing_type=sa.BigInteger(), nullable=True)
        table.add_column(sa.Column("delivered_by", sa.String(), comment="Who says so: staff or tag; null before"))
        table.add_column(
            sa.Column(
                "due_own",
                sa.Boolean(),
                nullable=False,
                server_default=sa.false(),
                comment="Agreed for this loan, not its pathway",
            )
        )
        table.add_column(_seconds("due_soon_s", "From here on it is due soon"))
        table.add_column(_seconds("review_s", "The next review; null when none is to come"))
        table.add_column(_seconds("reviewed_s", "The latest review; null when none was held"))
    op.execute("UPDATE loan SET delivered_by = 'staff'")
    undelivered = sa.text("to_s IS NULL AND from_s IS NULL")
    op.create_index("ix_loan_undelivered", "loan", ["asset_id"], sqlite_where=undelivered, postgresql_where=undelivered)
    op.create_table(
        "hold",
        sa.Column(
            "hold_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("loan_ref", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False, comment="hospital, or what staff say"),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("until_s", sa.BigInteger(), nullable=False, comment="It ends by itself then"),
        _seconds("ended_s", "When somebody ended it; null if nobody did"),
        sa.ForeignKeyConstraint(["loan_ref"], ["loan.loan_ref"], name=op.f("fk_hold_loan_ref")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_hold")),
    )
    op.create_index("ix_hold_loan_ref", "hold", ["loan_ref"])


def _audit() -> None:
    with op.batch_alter_table("audit") as table:
        table.add_column(sa.Column("why", sa.String(), comment="In the words of whoever did it"))
        table.add_column(
            sa.Column("before", sa.Text(), comment="JSON: what it changed, as it was; null for what is new")
        )
        table.alter_column(
            "detail", new_column_name="after", existing_type=sa.Text(), existing_nullable=False, nullable=True
        )
    op.create_index("ix_audit_what", "audit", ["what"])


def _judgements() -> None:
    for column in (
        _seconds("prescribed_s"),
        _seconds("deliver_by_s"),
        _seconds("deliver_risk_s"),
        _seconds("due_soon_s"),
        _seconds("review_s"),
        _seconds("held_until", "End of the loan's hold; null when there is none"),
        _seconds("home_from", "When staff released the loan's latest hold; null when they did not"),
        _seconds("free_from", "End of the latest loan; null while there is one, or none ever was"),
        _seconds("service_due_s"),
        _seconds("exam_due_s"),
        _seconds("recalled_from", "Since when a safety notice calls it back; null when none does"),
    ):
        op.add_column("judgement", column)
    op.execute(
        "UPDATE judgement SET free_from = "
        "(SELECT max(loan.to_s) FROM loan WHERE loan.asset_id = judgement.asset_id) WHERE loan_ref IS NULL"
    )


def _flags() -> None:
    with op.batch_alter_table("flag") as table:
        table.alter_column("loan_ref", existing_type=sa.String(), nullable=True)
        table.add_column(sa.Column("status", sa.String(), nullable=False, server_default="open"))
        table.add_column(_seconds("status_s", "Since when it has this status; null since it was raised"))
        table.add_column(_seconds("muted_until", "A snooze or `still_needed` ends then; null for the rest"))
        table.add_column(_seconds("basis_s", "`since` as it was when somebody decided; another one brings it back"))
        table.add_column(sa.Column("outcome", sa.String(), comment="What came of it; null while open"))
        table.add_column(
            sa.Column(
                "cause",
                sa.String(),
                nullable=False,
                server_default="seen",
                comment="`policy` when only a new policy raised it",
            )
        )
    settled = sa.text("closed_at IS NOT NULL AND basis_s IS NOT NULL")
    op.create_index("ix_flag_settled", "flag", ["asset_id"], sqlite_where=settled, postgresql_where=settled)
    op.execute("UPDATE flag SET status = 'closed', outcome = 'ended' WHERE closed_at IS NOT NULL")
    with op.batch_alter_table("flag") as table:
        table.create_check_constraint(op.f("ck_flag_status"), _STATUS)
        table.create_check_constraint(op.f("ck_flag_closed"), "(status = 'closed') = (closed_at IS NOT NULL)")
