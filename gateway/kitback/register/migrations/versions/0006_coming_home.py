"""Coming home: visits and collections, the provider's feed, where things stand, and what is left of erased loans."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_STATES = "state IN ('available','prescribed','on_loan','returned','decontaminated','in_repair','scrapped')"
_COLLECTION = (
    "status IN ('requested','booked','collected','decontaminated','in_repair','available','scrapped','cancelled')"
)
_ENDED = "(status IN ('available','scrapped','cancelled')) = (ended_s IS NOT NULL)"
_TASKS = "task IN ('collect','service','examine','safety_check','deliver')"


# What staff have asked to be fetched, by a flag only until now.
_ASKED = """
SELECT loan.loan_ref, loan.asset_id, min(flag.status_s) AS requested_s
FROM flag JOIN loan ON flag.loan_ref = loan.loan_ref
WHERE flag.status = 'collection' AND loan.from_s IS NOT NULL AND loan.to_s IS NULL
GROUP BY loan.loan_ref, loan.asset_id
ORDER BY loan.loan_ref
"""
_REQUEST = """
INSERT INTO collection (loan_ref, asset_id, status, requested_s)
VALUES (:loan_ref, :asset_id, 'requested', :requested_s)
"""
_NOTE = """
INSERT INTO audit (at_us, who, what, why, after)
VALUES (:requested_s * 1000000, 'system', :what, 'a flag asked for it, before there were collections', :after)
"""


def upgrade() -> None:
    _places()
    _assets_and_loans()
    _visits_and_collections()
    _asked()
    _feed()
    _erasure()


def _seconds(name: str, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), comment=comment)


def _moment(name: str, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, comment=comment)


def _text(name: str, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), comment=comment)


def _word(name: str, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=False, comment=comment)


def _row_id(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _of(table: str, column: str, other: str, its: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.{its or column}"], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _places() -> None:
    with op.batch_alter_table("place") as table:
        table.add_column(
            sa.Column("lat", sa.Float(), comment="Degrees north; null when not known, and of a loan address always")
        )
        table.add_column(sa.Column("lon", sa.Float(), comment="Degrees east; as lat"))
        table.create_check_constraint(op.f("ck_place_point"), "(lat IS NULL) = (lon IS NULL)")
        table.create_check_constraint(op.f("ck_place_coarse"), "type <> 'loan_address' OR lat IS NULL")


def _assets_and_loans() -> None:
    with op.batch_alter_table("asset") as table:
        table.add_column(_text("store_id", "Where staff put it last; null while on loan"))
        table.add_column(_seconds("scrapped_s", "Null while it is not"))
        table.create_foreign_key(op.f("fk_asset_store_id"), "place", ["store_id"], ["place_id"])
        table.drop_constraint(op.f("ck_asset_state"), type_="check")
        table.create_check_constraint(op.f("ck_asset_state"), _STATES)
    special: sa.Column[Any] = sa.Column(
        "special",
        sa.Boolean(),
        nullable=False,
        server_default=sa.false(),
        comment="Bought for it, not met from stock",
    )
    op.add_column("loan", special)
    op.add_column("loan", _text("fed_by", "The provider's system that tells of it; null: staff enter it"))
    op.add_column("judgement", _text("fed_by", "The provider's system that tells of the loan; null: staff enter it"))


def _visits_and_collections() -> None:
    op.create_table(
        "visit",
        _row_id("visit_id"),
        _word("place_id"),
        _moment("from_s", "The agreed time begins"),
        _moment("to_s", "and ends"),
        _word("status"),
        _check("visit", "status", "status IN ('planned','done','cancelled')"),
        _of("visit", "place_id", "place"),
        _key("visit", "visit_id"),
    )
    op.create_index("ix_visit_place_id", "visit", ["place_id"])
    op.create_table(
        "collection",
        _row_id("collection_id"),
        _word("loan_ref"),
        _word("asset_id"),
        _word("status"),
        _seconds("requested_s", "Null when it came back unasked"),
        _seconds("collect_by_s", "End of the last working day for it; null when the pathway has none"),
        _seconds("visit_id", "Null while not booked"),
        sa.Column("failed_visits", sa.Integer(), nullable=False, server_default="0"),
        _text("how", "van, drop_off or found; null before"),
        _seconds("collected_s"),
        _seconds("decontaminated_s"),
        _seconds("inspected_s", "Latest inspection and test"),
        _seconds("ended_s", "Available again, scrapped or cancelled; null before"),
        _seconds("credit_pence", "What the commissioner gets back; null before, and when scrapped"),
        _seconds("cost_pence", "Fetching and cleaning, by the policy of the day"),
        _check("collection", "status", _COLLECTION),
        _check("collection", "how", "how IN ('van','drop_off','found')"),
        _check("collection", "ended", _ENDED),
        _of("collection", "loan_ref", "loan"),
        _of("collection", "asset_id", "asset"),
        _of("collection", "visit_id", "visit"),
        _key("collection", "collection_id"),
        comment="The trip home of one loan's equipment, until it is available again or scrapped.",
    )
    op.create_index("ix_collection_loan_ref", "collection", ["loan_ref"])
    op.create_index("ix_collection_asset_id", "collection", ["asset_id"])
    running = sa.text("ended_s IS NULL")
    op.create_index(
        "uq_collection_open",
        "collection",
        ["asset_id"],
        unique=True,
        sqlite_where=running,
        postgresql_where=running,
    )
    op.create_table(
        "visit_task",
        _moment("visit_id"),
        _word("asset_id"),
        _word("task"),
        _word("status"),
        _seconds("done_s", "Done or failed then"),
        _text("reason", "Why it failed"),
        _check("visit_task", "task", _TASKS),
        _check("visit_task", "status", "status IN ('planned','done','failed')"),
        _of("visit_task", "visit_id", "visit"),
        _of("visit_task", "asset_id", "asset"),
        _key("visit_task", "visit_id", "asset_id", "task"),
        comment="What is done at one visit, for each piece of equipment.",
    )


def _asked() -> None:
    conn = op.get_bind()
    for row in conn.execute(sa.text(_ASKED)).all():
        told = dict(row._mapping)
        conn.execute(sa.text(_REQUEST), told)
        after = json.dumps({**told, "status": "requested", "failed_visits": 0})
        # Whoever goes through the audit log ends with the row.
        conn.execute(sa.text(_NOTE), {**told, "what": f"collection.request {row.loan_ref}", "after": after})


def _feed() -> None:
    op.create_table(
        "feed",
        _word("source", "The provider's system, by the name we give it"),
        _seconds("heard_s", "When it was last heard"),
        _seconds("told_to_s", "Up to when it has told all it knows; null when never"),
        _key("feed", "source"),
    )
    op.create_table(
        "feed_item",
        _word("source"),
        _word("external_id"),
        _text("loan_ref", "Null while it could not be applied"),
        _text("asset_id", "As it was told; the register may not know it"),
        sa.Column("told", sa.Text(), nullable=False, comment="JSON: of each field what was said last, and when"),
        _moment("told_s", "When the latest of it was said, by the source's own clock"),
        sa.Column("applied", sa.Text(), comment="JSON: what of the loan it has put there; null while nothing"),
        sa.Column("trouble", sa.Text(), comment="What of it could not be applied, and what to do; null when all was"),
        _of("feed_item", "source", "feed"),
        _of("feed_item", "loan_ref", "loan"),
        _key("feed_item", "source", "external_id"),
        comment="What the provider's own system says of each loan, whatever became of it here.",
    )
    op.create_index("ix_feed_item_loan_ref", "feed_item", ["loan_ref"])
    op.create_index("ix_feed_item_asset_id", "feed_item", ["asset_id"])
    troubled = sa.text("trouble IS NOT NULL")
    op.create_index("ix_feed_item_trouble", "feed_item", ["source"], sqlite_where=troubled, postgresql_where=troubled)


def _erasure() -> None:
    op.create_table(
        "erasure",
        _row_id("erasure_id"),
        _moment("asked_s"),
        _word("who"),
        _text("tag_id", "Whose history lines go; null for an asset's flags, and once they are gone"),
        _text("asset_id", "Whose flags' history lines go; null for a tag's, and once they are gone"),
        _seconds("from_s", "of this time; null once they are gone"),
        _seconds("to_s", "both included; null once they are gone"),
        _seconds("outbox_s", "Gone from the outbox; null before"),
        _seconds("done_s", "Gone from the history as well, and looked for in vain; null before"),
        _key("erasure", "erasure_id"),
        comment="What was erased, without the loan it was of.",
    )
    op.create_table(
        "remains",
        _word("month", "2026-10"),
        _word("commissioner", "Empty for none"),
        _word("kind"),
        _word("pathway"),
        _word("name", "What is counted"),
        _moment("count"),
        _key("remains", "month", "commissioner", "kind", "pathway", "name"),
        comment="The anonymous counts that are left of loans that were erased.",
    )
    # By which all is found that names what is erased.
    for table, column in (
        ("place", "within"),
        ("asset", "store_id"),
        ("collection", "visit_id"),
        ("loan", "place_id"),
        ("whereabouts", "place_id"),
        ("flag", "loan_ref"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
