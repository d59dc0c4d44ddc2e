"""The register's tables: one schema for SQLite and PostgreSQL.

Times are Unix seconds (`_at`, `_s`) unless a column says `_us`. Ids given by people or other systems are text.
Three groups: what the service owns, what the tags said, and what is on its way out.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Seconds = BigInteger
# SQLite only counts rows by itself in a column of exactly this type.
_RowId = BigInteger().with_variant(Integer, "sqlite")

_ROOM_TO_CHANGE = {"fillfactor": 70}
"""What every report changes stays on its page, and its index as it is, which spares PostgreSQL work."""

# --- what the service owns -------------------------------------------------------------------------------------------

meta = Table(
    "meta",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
    comment="Facts about this register itself: `epoch` is its identity, new when it begins anew.",
)

place = Table(
    "place",
    metadata,
    Column("place_id", String, primary_key=True),
    Column("within", String, ForeignKey("place.place_id"), comment="The place this one is part of"),
    Column("type", String, nullable=False),
    Column("name", String, nullable=False, comment="What staff call it; never a person's name or an address"),
    Column("lat", Float, comment="Degrees north; null when not known, and of a loan address always"),
    Column("lon", Float, comment="Degrees east; as lat"),
    CheckConstraint(
        "type IN ('service','store','care_home','hospital','school','vehicle','loan_address','zone')", name="type"
    ),
    CheckConstraint("(lat IS NULL) = (lon IS NULL)", name="point"),
    CheckConstraint("type <> 'loan_address' OR lat IS NULL", name="coarse"),
    Index("ix_place_within", "within"),
)

anchor = Table(
    "anchor",
    metadata,
    Column("anchor", String, primary_key=True, comment="Hash of the tag's hash under the gateway's pepper, hex"),
    Column("place_id", String, ForeignKey("place.place_id"), nullable=False),
)

asset = Table(
    "asset",
    metadata,
    Column("asset_id", String, primary_key=True, comment="GS1 GIAI or the service's own equipment number"),
    Column("kind", String, nullable=False),
    Column("model", String, nullable=False),
    Column("state", String, nullable=False),
    Column("serial", String, comment="The maker's"),
    Column("value_pence", BigInteger, comment="What a new one costs; null: what the policy says of its kind"),
    Column("commissioner", String, comment="Who paid for it"),
    Column("serviced_s", _Seconds, comment="Latest service; null when none is known"),
    Column("examined_s", _Seconds, comment="Latest thorough examination; null when none is known"),
    Column("service_due_s", _Seconds, comment="Null when its kind has none, or the latest is not known"),
    Column("exam_due_s", _Seconds, comment="As service_due_s"),
    Column("store_id", String, ForeignKey("place.place_id"), comment="Where staff put it last; null while on loan"),
    Column("scrapped_s", _Seconds, comment="Null while it is not"),
    Index("ix_asset_store_id", "store_id"),
    CheckConstraint("kind IN ('bed','hoist','mattress')", name="kind"),
    CheckConstraint(
        "state IN ('available','prescribed','on_loan','returned','decontaminated','in_repair','scrapped')", name="state"
    ),
)

recall = Table(
    "recall",
    metadata,
    Column("recall_id", _RowId, primary_key=True, autoincrement=True),
    Column("recall_ref", String, nullable=False, comment="The safety notice's own number"),
    Column("asset_id", String, ForeignKey("asset.asset_id"), nullable=False),
    Column("reason", String, nullable=False),
    Column("from_s", _Seconds, nullable=False),
    Column("ended_s", _Seconds, comment="Null while it has not been made safe or withdrawn"),
    UniqueConstraint("recall_ref", "asset_id"),
    Index("ix_recall_asset_id", "asset_id"),
)

tag = Table(
    "tag",
    metadata,
    Column("tag_id", String, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("enrolled_at", _Seconds, nullable=False),
)

fitting = Table(
    "fitting",
    metadata,
    Column("fitting_id", _RowId, primary_key=True, autoincrement=True),
    Column("tag_id", String, ForeignKey("tag.tag_id"), nullable=False),
    Column("asset_id", String, ForeignKey("asset.asset_id"), nullable=False),
    Column("from_s", _Seconds, nullable=False),
    Column("to_s", _Seconds, comment="Null while fitted"),
    Index("ix_fitting_tag_id_from_s", "tag_id", "from_s"),
    Index("ix_fitting_asset_id", "asset_id"),
)

loan = Table(
    "loan",
    metadata,
    Column("loan_ref", String, primary_key=True, comment="Pseudonymous"),
    Column("asset_id", String, ForeignKey("asset.asset_id"), nullable=False),
    Column("pathway", String, nullable=False),
    Column("setting", String, nullable=False, comment="home, care_home, school or hospital"),
    Column("place_id", String, ForeignKey("place.place_id"), nullable=False, comment="Where it was lent to"),
    Column("commissioner", String, comment="Who pays for it"),
    Column("used_by_paid_carers", Boolean, nullable=False, server_default=false(), comment="LOLER applies then"),
    Column("prescribed_s", _Seconds, comment="Null when only the delivery is known"),
    Column("speed", String, comment="Its delivery speed; null: its pathway's"),
    Column("special", Boolean, nullable=False, server_default=false(), comment="Bought for it, not met from stock"),
    Column("deliver_by_s", _Seconds, comment="Null when it was not prescribed here"),
    Column("deliver_risk_s", _Seconds, comment="From here on a delivery still missing is at risk"),
    Column("from_s", _Seconds, comment="Delivery, from which its clocks run; null while it is only prescribed"),
    Column("delivered_by", String, comment="Who says so: staff, tag or feed; null before"),
    Column("due_s", _Seconds, comment="Null when the pathway has no end"),
    Column("due_own", Boolean, nullable=False, server_default=false(), comment="Agreed for this loan, not its pathway"),
    Column("due_soon_s", _Seconds, comment="From here on it is due soon"),
    Column("review_s", _Seconds, comment="The next review; null when none is to come"),
    Column("reviewed_s", _Seconds, comment="The latest review; null when none was held"),
    Column("to_s", _Seconds, comment="Null while on loan"),
    Column("fed_by", String, comment="The provider's system that tells of it; null: staff enter it"),
    Index("ix_loan_asset_id_from_s", "asset_id", "from_s"),
    Index("ix_loan_place_id", "place_id"),
    Index(
        "uq_loan_open",
        "asset_id",
        unique=True,
        sqlite_where=Column("to_s").is_(None),
        postgresql_where=Column("to_s").is_(None),
    ),
    Index(
        "ix_loan_undelivered",
        "asset_id",
        sqlite_where=text("to_s IS NULL AND from_s IS NULL"),
        postgresql_where=text("to_s IS NULL AND from_s IS NULL"),
    ),
)

hold = Table(
    "hold",
    metadata,
    Column("hold_id", _RowId, primary_key=True, autoincrement=True),
    Column("loan_ref", String, ForeignKey("loan.loan_ref"), nullable=False),
    Column("reason", String, nullable=False, comment="hospital, or what staff say"),
    Column("from_s", _Seconds, nullable=False),
    Column("until_s", _Seconds, nullable=False, comment="It ends by itself then"),
    Column("ended_s", _Seconds, comment="When somebody ended it; null if nobody did"),
    Index("ix_hold_loan_ref", "loan_ref"),
)

visit = Table(
    "visit",
    metadata,
    Column("visit_id", _RowId, primary_key=True, autoincrement=True),
    Column("place_id", String, ForeignKey("place.place_id"), nullable=False),
    Column("from_s", _Seconds, nullable=False, comment="The agreed time begins"),
    Column("to_s", _Seconds, nullable=False, comment="and ends"),
    Column("status", String, nullable=False),
    CheckConstraint("status IN ('planned','done','cancelled')", name="status"),
    Index("ix_visit_place_id", "place_id"),
)

collection = Table(
    "collection",
    metadata,
    Column("collection_id", _RowId, primary_key=True, autoincrement=True),
    Column("loan_ref", String, ForeignKey("loan.loan_ref"), nullable=False),
    Column("asset_id", String, ForeignKey("asset.asset_id"), nullable=False),
    Column("status", String, nullable=False),
    Column("requested_s", _Seconds, comment="Null when it came back unasked"),
    Column("collect_by_s", _Seconds, comment="End of the last working day for it; null when the pathway has none"),
    Column("visit_id", BigInteger, ForeignKey("visit.visit_id"), comment="Null while not booked"),
    Column("failed_visits", Integer, nullable=False, server_default="0"),
    Column("how", String, comment="van, drop_off or found; null before"),
    Column("collected_s", _Seconds),
    Column("decontaminated_s", _Seconds),
    Column("inspected_s", _Seconds, comment="Latest inspection and test"),
    Column("ended_s", _Seconds, comment="Available again, scrapped or cancelled; null before"),
    Column("credit_pence", BigInteger, comment="What the commissioner gets back; null before, and when scrapped"),
    Column("cost_pence", BigInteger, comment="Fetching and cleaning, by the policy of the day"),
    CheckConstraint(
        "status IN ('requested','booked','collected','decontaminated','in_repair','available','scrapped','cancelled')",
        name="status",
    ),
    CheckConstraint("how IN ('van','drop_off','found')", name="how"),
    CheckConstraint("(status IN ('available','scrapped','cancelled')) = (ended_s IS NOT NULL)", name="ended"),
    Index("ix_collection_loan_ref", "loan_ref"),
    Index("ix_collection_asset_id", "asset_id"),
    Index("ix_collection_visit_id", "visit_id"),
    Index(
        "uq_collection_open",
        "asset_id",
        unique=True,
        sqlite_where=Column("ended_s").is_(None),
        postgresql_where=Column("ended_s").is_(None),
    ),
    comment="The trip home of one loan's equipment, until it is available again or scrapped.",
)

visit_task = Table(
    "visit_task",
    metadata,
    Column("visit_id", BigInteger, ForeignKey("visit.visit_id"), primary_key=True),
    Column("asset_id", String, ForeignKey("asset.asset_id"), primary_key=True),
    Column("task", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("done_s", _Seconds, comment="Done or failed then"),
    Column("reason", String, comment="Why it failed"),
    CheckConstraint("task IN ('collect','service','examine','safety_check','deliver')", name="task"),
    CheckConstraint("status IN ('planned','done','failed')", name="status"),
    comment="What is done at one visit, for each piece of equipment.",
)

feed = Table(
    "feed",
    metadata,
    Column("source", String, primary_key=True, comment="The provider's system, by the name we give it"),
    Column("heard_s", _Seconds, comment="When it was last heard"),
    Column("told_to_s", _Seconds, comment="Up to when it has told all it knows; null when never"),
)

feed_item = Table(
    "feed_item",
    metadata,
    Column("source", String, ForeignKey("feed.source"), primary_key=True),
    Column("external_id", String, primary_key=True),
    Column("loan_ref", String, ForeignKey("loan.loan_ref"), comment="Null while it could not be applied"),
    Column("asset_id", String, comment="As it was told; the register may not know it"),
    Column("told", Text, nullable=False, comment="JSON: of each field what was said last, and when"),
    Column("told_s", _Seconds, nullable=False, comment="When the latest of it was said, by the source's own clock"),
    Column("applied", Text, comment="JSON: what of the loan it has put there; null while nothing"),
    Column("trouble", Text, comment="What of it could not be applied, and what to do; null when all was"),
    Index("ix_feed_item_loan_ref", "loan_ref"),
    Index("ix_feed_item_asset_id", "asset_id"),
    Index(
        "ix_feed_item_trouble",
        "source",
        sqlite_where=text("trouble IS NOT NULL"),
        postgresql_where=text("trouble IS NOT NULL"),
    ),
    comment="What the provider's own system says of each loan, whatever became of it here.",
)

erasure = Table(
    "erasure",
    metadata,
    Column("erasure_id", _RowId, primary_key=True, autoincrement=True),
    Column("asked_s", _Seconds, nullable=False),
    Column("who", String, nullable=False),
    Column("tag_id", String, comment="Whose history lines go; null for an asset's flags, and once they are gone"),
    Column("asset_id", String, comment="Whose flags' history lines go; null for a tag's, and once they are gone"),
    Column("from_s", _Seconds, comment="of this time; null once they are gone"),
    Column("to_s", _Seconds, comment="both included; null once they are gone"),
    Column("outbox_s", _Seconds, comment="Gone from the outbox; null before"),
    Column("done_s", _Seconds, comment="Gone from the history as well, and looked for in vain; null before"),
    comment="What was erased, without the loan it was of.",
)

remains = Table(
    "remains",
    metadata,
    Column("month", String, primary_key=True, comment="2026-10"),
    Column("commissioner", String, primary_key=True, comment="Empty for none"),
    Column("kind", String, primary_key=True),
    Column("pathway", String, primary_key=True),
    Column("name", String, primary_key=True, comment="What is counted"),
    Column("count", BigInteger, nullable=False),
    comment="The anonymous counts that are left of loans that were erased.",
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", _RowId, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False, comment="A verb and its object, such as `loan.start L-1042`"),
    Column("why", String, comment="In the words of whoever did it"),
    Column("before", Text, comment="JSON: what it changed, as it was; null for what is new"),
    Column("after", Text, comment="JSON: and as it is; null for what is gone"),
    Index("ix_audit_what", "what"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True, comment="What is led, or `worker` and a holder: who is there"),
    Column("holder", String, nullable=False),
    Column("until_s", Float, nullable=False, comment="Unix seconds of the database's clock"),
)

# --- what the tags said ----------------------------------------------------------------------------------------------

# A journal's account: applied + lost + quarantined = high - base, always.


def _account() -> list[Column[Any]]:
    return [
        Column("base", BigInteger, nullable=False, comment="Just before the oldest record held when it was first seen"),
        Column("high", BigInteger, nullable=False),
        Column("newest", BigInteger, nullable=False, comment="The newest the tag has said it holds"),
        Column("applied", BigInteger, nullable=False, comment="Records that changed the register or wait for a time"),
        Column("lost", BigInteger, nullable=False),
        Column("quarantined", BigInteger, nullable=False),
        Column("duplicate", BigInteger, nullable=False),
        Column("gaps", Text, nullable=False, comment="JSON: [first, last] of what was written off, latest few"),
    ]


tag_now = Table(
    "tag_now",
    metadata,
    Column("tag_id", String, primary_key=True),
    Column("heard_at", _Seconds, nullable=False, comment="When the gateway last took in a genuine report"),
    Column("journal", String, nullable=False, comment="The present one, whose account follows"),
    *_account(),
    Column("clock", Integer, nullable=False),
    Column("at", BigInteger, nullable=False, comment="Counter of the latest report, on `clock`"),
    Column("rate_ppb", BigInteger, nullable=False, comment="Unix seconds per counter second, less one, in 1e-9"),
    Column("clocks", Text, nullable=False, comment="JSON: of each clock its pairs and how far it reached"),
    Column("waiting", Integer, nullable=False, comment="Rows in `waiting`"),
    Column("complete_to", _Seconds, comment="Everything the tag saw up to here has been applied; null when never"),
    Column("whole", Boolean, nullable=False, comment="high >= newest, and no record waits: nothing is half there"),
    Column("fw", String, nullable=False),
    Column("battery_mv", Integer, nullable=False),
    comment="One row a tag with all that its next report is judged by.",
    sqlite_with_rowid=False,
    postgresql_with=_ROOM_TO_CHANGE,
)

tag_journal = Table(
    "tag_journal",
    metadata,
    Column("tag_id", String, primary_key=True),
    Column("journal", String, primary_key=True),
    *_account(),
    comment="The accounts of journals that are not a tag's present one.",
    sqlite_with_rowid=False,
)

waiting = Table(
    "waiting",
    metadata,
    Column("tag_id", String, primary_key=True),
    Column("journal", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("clock", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False, comment="The record's JSON"),
    comment="Records that cannot be given a time yet.",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", _RowId, primary_key=True, autoincrement=True),
    Column("first_at", _Seconds, nullable=False),
    Column("last_at", _Seconds, nullable=False),
    Column("times", Integer, nullable=False, comment="How often the same thing came"),
    Column("tag_id", String, nullable=False, comment="As the topic says; empty if the topic is no tag's"),
    Column("journal", String, nullable=False, comment="Empty for a whole report"),
    Column("seq", BigInteger, nullable=False, comment="0 for a whole report"),
    Column("digest", String, nullable=False, comment="SHA-256 of the whole payload, hex; empty for a record"),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("payload", LargeBinary, nullable=False, comment="Capped"),
    Column("clock", Integer, comment="The clock that a record is on; null for anything else"),
    Column(
        "counter", BigInteger, comment="A counter of that clock whose Unix time was told with the record; null if none"
    ),
    Column("unix", _Seconds, comment="Its Unix time"),
    UniqueConstraint("tag_id", "journal", "seq", "digest"),
)

judgement = Table(
    "judgement",
    metadata,
    Column("asset_id", String, ForeignKey("asset.asset_id"), primary_key=True),
    Column("kind", String, nullable=False),
    # the loan
    Column("loan_ref", String, comment="Null while not on loan"),
    Column("pathway", String),
    Column("setting", String),
    Column("loan_place", String),
    Column("prescribed_s", _Seconds),
    Column("deliver_by_s", _Seconds),
    Column("deliver_risk_s", _Seconds),
    Column("loan_from", _Seconds, comment="Delivery; null while it is only prescribed"),
    Column("due_s", _Seconds),
    Column("due_soon_s", _Seconds),
    Column("review_s", _Seconds),
    Column("held_until", _Seconds, comment="End of the loan's hold; null when there is none"),
    Column("fed_by", String, comment="The provider's system that tells of the loan; null: staff enter it"),
    Column("home_from", _Seconds, comment="When staff released the loan's latest hold; null when they did not"),
    Column("free_from", _Seconds, comment="End of the latest loan; null while there is one, or none ever was"),
    # the asset
    Column("service_due_s", _Seconds),
    Column("exam_due_s", _Seconds),
    Column("recalled_from", _Seconds, comment="Since when a safety notice calls it back; null when none does"),
    # the tag
    Column("tag_id", String, comment="Null while no tag is fitted"),
    Column("fitted_at", _Seconds),
    Column("heard_at", _Seconds, comment="As tag_now, but null when not heard since it was fitted"),
    Column("complete_to", _Seconds),
    Column("whole", Boolean),
    Column("battery_mv", Integer),
    # use, since the loan began (or the tag was fitted)
    Column("used_at", _Seconds, comment="End of the latest span with use; null when never"),
    # whereabouts
    Column("place_id", String, comment="Null when nothing was ever heard or the place is unknown"),
    Column("place_type", String, comment="Type of the top-level place, or `unknown`; null when nothing was ever heard"),
    Column("place_from", _Seconds, comment="Since when it is there"),
    Column("place_seen", _Seconds, comment="Latest fix that agreed"),
    Column("rival_id", String, comment="Place that the latest fixes speak for instead; empty for unknown"),
    Column("rival_from", _Seconds),
    # alarms
    Column("unpowered_from", _Seconds, comment="Null while powered"),
    comment="One row an asset with everything a rule may look at. Kept by the register, read by the watch.",
    sqlite_with_rowid=False,
    postgresql_with=_ROOM_TO_CHANGE,
)

use_day = Table(
    "use_day",
    metadata,
    Column("asset_id", String, ForeignKey("asset.asset_id"), primary_key=True),
    Column("day", Integer, primary_key=True, comment="Days since 1970-01-01, UTC"),
    Column("in_use", Integer, nullable=False, comment="Seconds"),
    Column("events", Integer, nullable=False),
    Column("seen", Integer, nullable=False, comment="Seconds of the day that the tag's records cover"),
    Column("used_at", _Seconds, comment="End of the latest span with use that ended this day; null when none"),
    sqlite_with_rowid=False,
    postgresql_with=_ROOM_TO_CHANGE,
)

whereabouts = Table(
    "whereabouts",
    metadata,
    Column("asset_id", String, ForeignKey("asset.asset_id"), primary_key=True),
    Column("from_s", _Seconds, primary_key=True),
    Column("place_id", String, comment="Null is unknown"),
    Column("confidence", Float, nullable=False, comment="0 to 1"),
    Index("ix_whereabouts_place_id", "place_id"),
    comment="Changes of whereabouts, for ever; the present one is in `judgement`.",
)

flag = Table(
    "flag",
    metadata,
    Column("flag_id", _RowId, primary_key=True, autoincrement=True),
    Column("asset_id", String, ForeignKey("asset.asset_id"), nullable=False),
    Column("loan_ref", String, ForeignKey("loan.loan_ref"), comment="Null when the asset was not on loan"),
    Column("kind", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("status", String, nullable=False, server_default="open"),
    Column("status_s", _Seconds, comment="Since when it has this status; null since it was raised"),
    Column("muted_until", _Seconds, comment="A snooze or `still_needed` ends then; null for the rest"),
    Column("basis_s", _Seconds, comment="`since` as it was when somebody decided; another one brings it back"),
    Column("outcome", String, comment="What came of it; null while open"),
    Column("cause", String, nullable=False, server_default="seen", comment="`policy` when only a new policy raised it"),
    Column("since", _Seconds, nullable=False, comment="When what the rule sees began"),
    Column("raised_at", _Seconds, nullable=False),
    Column("closed_at", _Seconds, comment="Null while open"),
    Column("sentence", Text, nullable=False),
    Column("evidence", Text, nullable=False, comment="JSON: what was seen, when, and what it was compared with"),
    CheckConstraint(
        "status IN ('open','contacted','confirmed','still_needed','held','snoozed','collection','closed')",
        name="status",
    ),
    CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed"),
    Index("ix_flag_loan_ref", "loan_ref"),
    Index(
        "uq_flag_open",
        "asset_id",
        "rule",
        unique=True,
        sqlite_where=Column("closed_at").is_(None),
        postgresql_where=Column("closed_at").is_(None),
    ),
    Index(
        "ix_flag_settled",
        "asset_id",
        sqlite_where=text("closed_at IS NOT NULL AND basis_s IS NOT NULL"),
        postgresql_where=text("closed_at IS NOT NULL AND basis_s IS NOT NULL"),
    ),
)

# --- what is on its way out ------------------------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", _RowId, primary_key=True, autoincrement=True),
    Column("made_at", _Seconds, nullable=False),
    Column("count", Integer, nullable=False, comment="Lines in `lines`"),
    Column("lines", LargeBinary, nullable=False, comment="Line protocol, a newline after each line"),
    comment="History lines, a row a transaction, kept after they are written until their time is up.",
    # A sink remembers the last id it has seen: ids must not begin anew when all rows were purged.
    sqlite_autoincrement=True,
)

sink = Table(
    "sink",
    metadata,
    Column("name", String, primary_key=True, comment="Where lines go: URL, organisation and bucket"),
    Column("drained_to", BigInteger, nullable=False, comment="All outbox rows up to this id are done"),
    Column("written", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("trouble", Text, comment="Why it takes no lines now, and what to do; null while it does"),
    Column("missed", BigInteger, nullable=False, server_default="0", comment="Lines purged before it had them"),
    Column("done_bytes", BigInteger, nullable=False, server_default="0", comment="Bytes of all rows it is done with"),
    Column("configured", Boolean, nullable=False, server_default=false(), comment="The outbox waits for it"),
)

counter = Table(
    "counter",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
    comment="Service-wide counters: received, accepted, quarantined, lines enqueued …",
)
