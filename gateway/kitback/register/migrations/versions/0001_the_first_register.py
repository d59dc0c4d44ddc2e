"""The first register: a frozen copy of `tables`, which has grown since only through the migrations after this."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "asset",
        sa.Column("asset_id", sa.String(), nullable=False, comment="GS1 GIAI or the service's own equipment number"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('bed','hoist','mattress')", name=op.f("ck_asset_kind")),
        sa.CheckConstraint("state IN ('available','on_loan')", name=op.f("ck_asset_state")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_asset")),
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False, comment="A verb and its object, such as `loan.start L-1042`"),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
        comment="Service-wide counters: received, decoded, quarantined, lines enqueued …",
    )
    op.create_table(
        "lost_range",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", "journal", "first", name=op.f("pk_lost_range")),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
        comment="Facts about this register itself: `epoch` is its identity, new when it begins anew.",
    )
    op.create_table(
        "outbox",
        sa.Column(
            "outbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False, comment="Lines in `lines`"),
        sa.Column("lines", sa.LargeBinary(), nullable=False, comment="Line protocol, a newline after each line"),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        comment="History lines, a row a transaction, kept after they are written until their time is up.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "place",
        sa.Column("place_id", sa.String(), nullable=False),
        sa.Column("within", sa.String(), nullable=True, comment="The place this one is part of"),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column(
            "name", sa.String(), nullable=False, comment="What staff call it; never a person's name or an address"
        ),
        sa.CheckConstraint(
            "type IN ('service','store','care_home','hospital','school','vehicle','loan_address','zone')",
            name=op.f("ck_place_type"),
        ),
        sa.ForeignKeyConstraint(["within"], ["place.place_id"], name=op.f("fk_place_within")),
        sa.PrimaryKeyConstraint("place_id", name=op.f("pk_place")),
    )
    op.create_table(
        "quarantine",
        sa.Column(
            "quarantine_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, comment="How often the same thing came"),
        sa.Column("tag_id", sa.String(), nullable=False, comment="As the topic says; empty if the topic is no tag's"),
        sa.Column("journal", sa.String(), nullable=False, comment="Empty for a whole report"),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="0 for a whole report"),
        sa.Column(
            "digest", sa.String(), nullable=False, comment="SHA-256 of the whole payload, hex; empty for a record"
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="Capped"),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("tag_id", "journal", "seq", "digest", name=op.f("uq_quarantine_tag_id")),
    )
    op.create_table(
        "sink",
        sa.Column("name", sa.String(), nullable=False, comment="Where lines go: URL, organisation and bucket"),
        sa.Column("drained_to", sa.BigInteger(), nullable=False, comment="All outbox rows up to this id are done"),
        sa.Column("written", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column(
            "trouble", sa.Text(), nullable=True, comment="Why it takes no lines now, and what to do; null while it does"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sink")),
    )
    op.create_table(
        "tag",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", name=op.f("pk_tag")),
    )
    op.create_table(
        "tag_clock",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("ends_s", sa.BigInteger(), nullable=False, comment="Latest second placed on this clock"),
        sa.PrimaryKeyConstraint("tag_id", "clock", name=op.f("pk_tag_clock")),
        comment="How far each clock reached: the neighbours of a clock that never got a pair.",
    )
    op.create_table(
        "tag_journal",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column(
            "base", sa.BigInteger(), nullable=False, comment="Just before the oldest record held when it was first seen"
        ),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False, comment="The newest the tag has said it holds"),
        sa.Column(
            "applied", sa.BigInteger(), nullable=False, comment="Records that changed the register or wait for a time"
        ),
        sa.Column("lost", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", "journal", name=op.f("pk_tag_journal")),
        comment="Conservation per journal: applied + lost + quarantined = high - base.",
    )
    op.create_table(
        "tag_now",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column(
            "heard_at", sa.BigInteger(), nullable=False, comment="When the gateway last took in a genuine report"
        ),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="Counter of the latest report, on `clock`"),
        sa.Column(
            "rate_ppb", sa.BigInteger(), nullable=False, comment="Unix seconds per counter second, less one, in 1e-9"
        ),
        sa.Column(
            "complete_to",
            sa.BigInteger(),
            nullable=True,
            comment="Everything the tag saw up to here has been applied; null when never",
        ),
        sa.Column("whole", sa.Boolean(), nullable=False, comment="high >= newest: no half of an upload is missing"),
        sa.Column("fw", sa.String(), nullable=False),
        sa.Column("battery_mv", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", name=op.f("pk_tag_now")),
    )
    op.create_table(
        "tag_pair",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False, comment="Middle of the round trip"),
        sa.Column("unix", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", "clock", "counter", name=op.f("pk_tag_pair")),
    )
    op.create_table(
        "waiting",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False, comment="The record's JSON"),
        sa.PrimaryKeyConstraint("tag_id", "journal", "seq", name=op.f("pk_waiting")),
        comment="Records that cannot be given a time yet.",
    )
    op.create_table(
        "anchor",
        sa.Column(
            "anchor", sa.String(), nullable=False, comment="Hash of the tag's hash under the gateway's pepper, hex"
        ),
        sa.Column("place_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["place.place_id"], name=op.f("fk_anchor_place_id")),
        sa.PrimaryKeyConstraint("anchor", name=op.f("pk_anchor")),
    )
    op.create_table(
        "fitting",
        sa.Column(
            "fitting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("to_s", sa.BigInteger(), nullable=True, comment="Null while fitted"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.asset_id"], name=op.f("fk_fitting_asset_id")),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.tag_id"], name=op.f("fk_fitting_tag_id")),
        sa.PrimaryKeyConstraint("fitting_id", name=op.f("pk_fitting")),
    )
    with op.batch_alter_table("fitting", schema=None) as batch_op:
        batch_op.create_index("ix_fitting_asset_id", ["asset_id"], unique=False)
        batch_op.create_index("ix_fitting_tag_id_from_s", ["tag_id", "from_s"], unique=False)

    op.create_table(
        "judgement",
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("loan_ref", sa.String(), nullable=True, comment="Null while not on loan"),
        sa.Column("pathway", sa.String(), nullable=True),
        sa.Column("setting", sa.String(), nullable=True),
        sa.Column("loan_place", sa.String(), nullable=True),
        sa.Column("loan_from", sa.BigInteger(), nullable=True),
        sa.Column("due_s", sa.BigInteger(), nullable=True),
        sa.Column("tag_id", sa.String(), nullable=True, comment="Null while no tag is fitted"),
        sa.Column("fitted_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "heard_at",
            sa.BigInteger(),
            nullable=True,
            comment="As tag_now, but null when not heard since it was fitted",
        ),
        sa.Column("complete_to", sa.BigInteger(), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=True),
        sa.Column("battery_mv", sa.Integer(), nullable=True),
        sa.Column(
            "used_at", sa.BigInteger(), nullable=True, comment="End of the latest span with use; null when never"
        ),
        sa.Column(
            "place_id", sa.String(), nullable=True, comment="Null when nothing was ever heard or the place is unknown"
        ),
        sa.Column(
            "place_type",
            sa.String(),
            nullable=True,
            comment="Type of the top-level place, or `unknown`; null when nothing was ever heard",
        ),
        sa.Column("place_from", sa.BigInteger(), nullable=True, comment="Since when it is there"),
        sa.Column("place_seen", sa.BigInteger(), nullable=True, comment="Latest fix that agreed"),
        sa.Column(
            "rival_id",
            sa.String(),
            nullable=True,
            comment="Place that the latest fixes speak for instead; empty for unknown",
        ),
        sa.Column("rival_from", sa.BigInteger(), nullable=True),
        sa.Column("unpowered_from", sa.BigInteger(), nullable=True, comment="Null while powered"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.asset_id"], name=op.f("fk_judgement_asset_id")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_judgement")),
        comment="One row an asset with everything a rule may look at. Kept by the register, read by the watch.",
    )
    op.create_table(
        "loan",
        sa.Column("loan_ref", sa.String(), nullable=False, comment="Pseudonymous"),
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("pathway", sa.String(), nullable=False),
        sa.Column("setting", sa.String(), nullable=False, comment="home, care_home, school or hospital"),
        sa.Column("place_id", sa.String(), nullable=False, comment="Where it was lent to"),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("due_s", sa.BigInteger(), nullable=True, comment="Null when the pathway has no end"),
        sa.Column("to_s", sa.BigInteger(), nullable=True, comment="Null while on loan"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.asset_id"], name=op.f("fk_loan_asset_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.place_id"], name=op.f("fk_loan_place_id")),
        sa.PrimaryKeyConstraint("loan_ref", name=op.f("pk_loan")),
    )
    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.create_index("ix_loan_asset_id_from_s", ["asset_id", "from_s"], unique=False)
        batch_op.create_index(
            "uq_loan_open",
            ["asset_id"],
            unique=True,
            sqlite_where=sa.text("to_s IS NULL"),
            postgresql_where=sa.text("to_s IS NULL"),
        )

    op.create_table(
        "use_day",
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="Days since 1970-01-01, UTC"),
        sa.Column("in_use", sa.Integer(), nullable=False, comment="Seconds"),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False, comment="Seconds of the day that the tag's records cover"),
        sa.Column(
            "used_at",
            sa.BigInteger(),
            nullable=True,
            comment="End of the latest span with use that ended this day; null when none",
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.asset_id"], name=op.f("fk_use_day_asset_id")),
        sa.PrimaryKeyConstraint("asset_id", "day", name=op.f("pk_use_day")),
    )
    op.create_table(
        "whereabouts",
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.String(), nullable=True, comment="Null is unknown"),
        sa.Column("confidence", sa.Float(), nullable=False, comment="0 to 1"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.asset_id"], name=op.f("fk_whereabouts_asset_id")),
        sa.PrimaryKeyConstraint("asset_id", "from_s", name=op.f("pk_whereabouts")),
        comment="Changes of whereabouts, for ever; the present one is in `judgement`.",
    )
    op.create_table(
        "flag",
        sa.Column("flag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("loan_ref", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="When what the rule sees began"),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True, comment="Null while open"),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column(
            "evidence", sa.Text(), nullable=False, comment="JSON: what was seen, when, and what it was compared with"
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.asset_id"], name=op.f("fk_flag_asset_id")),
        sa.ForeignKeyConstraint(["loan_ref"], ["loan.loan_ref"], name=op.f("fk_flag_loan_ref")),
        sa.PrimaryKeyConstraint("flag_id", name=op.f("pk_flag")),
    )
    with op.batch_alter_table("flag", schema=None) as batch_op:
        batch_op.create_index(
            "uq_flag_open",
            ["asset_id", "rule"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
