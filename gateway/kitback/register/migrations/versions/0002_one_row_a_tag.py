"""One row a tag with all that its next report is judged by, where there were five tables with rows of each."""

import json
from collections import Counter, defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_GAPS_KEPT = 1024


def _account() -> list[sa.Column[Any]]:
    return [
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("lost", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), nullable=False),
        sa.Column("gaps", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    accounts, presents = _accounts(), _presents()
    for name in ("tag_journal", "tag_now", "lost_range", "tag_pair", "tag_clock"):
        op.drop_table(name)
    tag_now = op.create_table(
        "tag_now",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        *_account(),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rate_ppb", sa.BigInteger(), nullable=False),
        sa.Column("clocks", sa.Text(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("complete_to", sa.BigInteger(), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("fw", sa.String(), nullable=False),
        sa.Column("battery_mv", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", name=op.f("pk_tag_now")),
        sqlite_with_rowid=False,
    )
    tag_journal = op.create_table(
        "tag_journal",
        sa.Column("tag_id", sa.String(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        *_account(),
        sa.PrimaryKeyConstraint("tag_id", "journal", name=op.f("pk_tag_journal")),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(tag_now, [row | accounts.pop((row["tag_id"], row["journal"])) for row in presents])
    op.bulk_insert(tag_journal, list(accounts.values()))
    if op.get_bind().dialect.name == "sqlite":
        for name in ("use_day", "judgement"):
            with op.batch_alter_table(name, recreate="always", table_kwargs={"sqlite_with_rowid": False}):
                pass
    else:
        for name in ("use_day", "judgement", "tag_now"):
            op.execute(f"ALTER TABLE {name} SET (fillfactor = 70)")


def _rows(query: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in op.get_bind().execute(sa.text(query))]


def _accounts() -> dict[tuple[str, str], dict[str, Any]]:
    gaps = defaultdict(list)
    for row in _rows("SELECT tag_id, journal, first, last FROM lost_range ORDER BY tag_id, journal, first"):
        gaps[row["tag_id"], row["journal"]].append([row["first"], row["last"]])
    return {
        key: row | {"gaps": json.dumps(gaps[key][-_GAPS_KEPT:])}
        for row in _rows("SELECT * FROM tag_journal")
        for key in [(row["tag_id"], row["journal"])]
    }


def _presents() -> list[dict[str, Any]]:
    clocks: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(lambda: [[], None]))
    for row in _rows("SELECT * FROM tag_pair ORDER BY tag_id, clock, counter"):
        clocks[row["tag_id"]][row["clock"]][0].append([row["counter"], row["unix"]])
    for row in _rows("SELECT * FROM tag_clock"):
        clocks[row["tag_id"]][row["clock"]][1] = row["ends_s"]
    waiting: Counter[str] = Counter()
    for row in _rows("SELECT tag_id, clock, count(*) AS n FROM waiting GROUP BY tag_id, clock"):
        waiting[row["tag_id"]] += row["n"]
        clocks[row["tag_id"]].setdefault(row["clock"], [[], None])
    return [
        row
        | {
            "clocks": json.dumps(clocks[row["tag_id"]]),
            "waiting": waiting[row["tag_id"]],
            "whole": bool(row["whole"]),
        }
        for row in _rows("SELECT * FROM tag_now")
    ]
