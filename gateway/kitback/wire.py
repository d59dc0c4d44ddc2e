"""What tags and the gateway say to each other; the only place that knows the JSON.

A message is one JSON object in UTF-8, a newline, and the base64 of the first 16 bytes of an HMAC-SHA256 under the tag's
own secret. The HMAC covers the channel (`up/report`, `down/ack`) and the JSON: nothing can be reflected to its sender.
docs/protocol.md is this module in words; the schemas docs/*.schema.json are generated from it.

Units: `Counter` is whole seconds of one clock of one tag; `Unix` is whole seconds since 1970; RSSI is dBm.
"""

import hmac
import re
from binascii import b2a_base64
from collections.abc import Callable
from functools import cache
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

VERSION: Final = 1
MAX_MESSAGE: Final = 4096
"""The largest message a tag may send or be sent, in bytes, signature included."""

UP_REPORT: Final = "up/report"
UP_SETTINGS: Final = "up/settings"
UP_COMMAND: Final = "up/command"
DOWN_ACK: Final = "down/ack"
DOWN_SETTINGS: Final = "down/settings"
DOWN_COMMAND: Final = "down/command"

Counter = Annotated[int, Meta(ge=0, le=2**32 - 1, description="Whole seconds of this clock")]
Seq = Annotated[int, Meta(ge=1, le=2**32 - 1, description="Sequence number of a record in its journal")]
High = Annotated[int, Meta(ge=0, le=2**32 - 1, description="Sequence number, or 0 for none")]
Unix = Annotated[int, Meta(ge=1_500_000_000, le=2**33, description="Whole seconds since 1970-01-01T00:00:00Z")]
Span = Annotated[int, Meta(ge=0, le=31 * 86400, description="A length of time in seconds")]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
ClockNo = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Number of the clock: the tag's power-on counter")]
JournalId = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9]{1,5}$", description="Journal id, hyphen, generation")]
AnchorHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}$", description="Six bytes of keyed hash, hexadecimal")]
Rssi = Annotated[int, Meta(ge=-127, le=20, description="dBm")]
Short = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]  # PostgreSQL has no NUL in texts

TAG_ID = re.compile(r"[0-9a-f]{8,16}")


class Boot(Struct, array_like=True, frozen=True, tag="boot", forbid_unknown_fields=True):
    """The tag started. Consecutive starts for one cause are merged into one record."""

    seq: Seq
    at: Counter
    cause: Literal["power_on", "brownout", "watchdog", "hard_reset", "soft_reset", "panic", "unknown"]
    count: Annotated[int, Meta(ge=1, le=65535, description="Starts merged into this record")] = 1


class Use(Struct, array_like=True, frozen=True, tag="use", forbid_unknown_fields=True):
    """What happened from `at` for `span` seconds. A quiet span has `in_use` and `events` 0."""

    seq: Seq
    at: Counter
    span: Span
    in_use: Span
    """Seconds of the span in which the asset was in use: bed occupied, pump running, hoist under load."""
    events: Count
    """Backrest movements, pressure cycles or lift cycles within the span."""


class Heard(Struct, array_like=True, frozen=True):
    """One anchor in a fix."""

    anchor: AnchorHash
    rssi: Rssi


class Fix(Struct, array_like=True, frozen=True, tag="fix", forbid_unknown_fields=True):
    """The anchors heard at one moment, strongest first, each known only by its keyed hash."""

    seq: Seq
    at: Counter
    cause: Literal["boot", "due", "moved"]
    key: Annotated[int, Meta(ge=0, le=255, description="Id of the anchor key the hashes were made with")]
    heard: Annotated[list[Heard], Meta(max_length=16)]


class Alarm(Struct, array_like=True, frozen=True, tag="alarm", forbid_unknown_fields=True):
    """Something that cannot wait for the schedule began (`on`) or ended."""

    seq: Seq
    at: Counter
    name: Literal["unpowered"]
    on: bool


class Health(Struct, array_like=True, frozen=True, tag="health", forbid_unknown_fields=True):
    """How the tag itself is, once a day, or once a week while no gateway hears it."""

    seq: Seq
    at: Counter
    battery_mv: Annotated[int, Meta(ge=0, le=20000, description="Supply of the tag in millivolts")]
    heap_free: Count
    """Bytes of heap free after a collection."""
    wakes: Count
    """Wakes since the previous health record."""
    awake_s: Count
    """Seconds awake since the previous health record."""
    battery_pct: Annotated[int, Meta(ge=0, le=100)] | None = None
    """How full the battery is, by its voltage."""
    heap_block: Count | None = None
    """Bytes of the largest piece of heap that can be had."""
    wifi_s: Count | None = None
    """Of the seconds awake, those with Wi-Fi on."""
    bluetooth_s: Count | None = None
    """Of the seconds awake, those with Bluetooth on."""
    used_mc: Count | None = None
    """Millicoulombs used since the previous health record, by the tag's energy ledger."""
    days_left: Count | None = None
    """How long the battery will last at that; none on mains."""


Record = Boot | Use | Fix | Alarm | Health


class Pair(Struct, array_like=True, frozen=True):
    """One round trip on the present clock: sent at counter `sent`, the ack came at counter `acked` and said `unix`."""

    sent: Counter
    acked: Counter
    unix: Unix


class OpenUse(Struct, array_like=True, frozen=True):
    """The span of use that is not yet a record: what the tag knows up to this report."""

    at: Counter
    span: Span
    in_use: Span
    events: Count


class _Report(Struct, frozen=True, kw_only=True):
    v: Literal[1]
    fw: Short
    """Version of the tag's application."""
    journal: JournalId
    oldest: Seq
    """Lowest sequence number the journal still holds; `newest + 1` when it holds none."""
    newest: High
    """Highest sequence number ever given in this journal; 0 when none."""
    clock: ClockNo
    """The present clock; `at`, `pair` and `open` are on it."""
    at: Counter
    pair: Pair | None = None
    alarms: list[Literal["unpowered"]] = []
    """Names of the alarms that are on now."""
    battery_mv: Annotated[int, Meta(ge=0, le=20000)]
    crash: Short | None = None
    """The newest crash that no ack has answered yet, as `<type> <file>:<line>`."""
    safe: bool = False
    """Whether the tag is in safe mode: it crashed again and again, and now only reports."""
    open: OpenUse | None = None
    after: High
    """The sequence number just before the batch."""
    on: ClockNo
    """The clock that the batch's records are on."""


class Report(_Report, frozen=True, kw_only=True):
    """One message from a tag: its present state and one batch of records, in order of sequence number."""

    records: list[Record]


class Envelope(_Report, frozen=True, kw_only=True):
    """A report whose records are not decoded yet, so that one bad record does not spoil the rest."""

    records: list[msgspec.Raw]


class Ack(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The gateway's answer to a report that it could read."""

    v: Literal[1]
    journal: JournalId
    high: High
    """All records up to here are safe, or known to be lost."""
    at: Counter
    """The report's `at`, echoed: the tag takes an ack for the report it is waiting on and no other."""
    unix: Unix | None = None
    """The gateway's time while it handled the report; absent when its own clock cannot be trusted."""
    epoch: Short
    """Identity of the register; a new one tells the tag that the gateway began anew."""
    settings: Count = 0
    """Newest revision of its settings that the tag has not answered yet; 0 is none."""
    commands: Count = 0
    """How many commands it has not answered yet."""


class Rejection(Struct, frozen=True, kw_only=True):
    """The gateway's answer to a report that is genuine but cannot be read. Sent on the same channel as an ack."""

    v: Literal[1]
    reject: Short
    """The reason, a word of `intake.quarantine`."""
    of: Annotated[str, Meta(min_length=24, max_length=24)]
    """The signature of the rejected report, so that a late rejection hits no other."""


Revision = Annotated[int, Meta(ge=1, le=2**31 - 1, description="Goes up with every change of a tag's settings")]
Generation = Annotated[int, Meta(ge=1, le=2**31 - 1, description="How often this tag has been provisioned")]


class Values(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What can be set. What is left out is as the tag's makers set it."""

    report_s: Annotated[int, Meta(ge=900, le=7 * 86400)] | None = None
    """Report at least so often."""
    fix_s: Annotated[int, Meta(ge=3600, le=7 * 86400)] | None = None
    """Note a fix at least so often."""
    scan_gap_s: Annotated[int, Meta(ge=600, le=86400)] | None = None
    """Seconds between scans at least, however often it moves. Not more than `fix_s`."""
    settled_s: Annotated[int, Meta(ge=60, le=3600)] | None = None
    """Still for so long: a move is over."""
    pause_s: Annotated[int, Meta(ge=300, le=7200)] | None = None
    """Not used for so long: a span of use is over."""
    safe_mv: Annotated[int, Meta(ge=2800, le=3600)] | None = None
    """Below this supply the tag writes no flash and uses no radio."""


class Settings(Struct, frozen=True, kw_only=True):
    """The settings meant for one tag, the whole of them. Retained on `down/settings`."""

    v: Literal[1]
    generation: Generation
    revision: Revision
    values: Values


class SettingsReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tag's answer to settings."""

    v: Literal[1]
    revision: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    """The revision that this answers; 0 if it could not be read."""
    refused: Short | None = None
    """Why they were not applied: `schema`, `generation`, `stale`, or `bounds: <name>`."""
    in_force: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    """The revision in force now; 0 is none."""
    values: Values
    """What is in force now."""


CommandId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{1,32}$")]


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a tag should do once. On `down/command`, not retained."""

    v: Literal[1]
    id: CommandId
    """No other command to this tag has the same."""
    generation: Generation
    expires: Unix
    """Not to be begun after this time."""
    do: Literal["identify", "report_now", "reboot", "maintenance", "ship_mode", "wipe"]
    for_s: Annotated[int, Meta(ge=60, le=4 * 3600, description="How long, for maintenance; an hour if left out")] = 3600


class CommandResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tag's answer to a command."""

    v: Literal[1]
    id: CommandId
    refused: Short | None = None
    """Why it will not be done: `schema`, `generation`, `expired`, `unknown`. Left out: noted as done, it begins."""


report_decoder: Final = msgspec.json.Decoder(Report)
envelope_decoder: Final = msgspec.json.Decoder(Envelope)
settings_report_decoder: Final = msgspec.json.Decoder(SettingsReport)
command_result_decoder: Final = msgspec.json.Decoder(CommandResult)
record_decoder: Final = msgspec.json.Decoder(Record)
answer_decoder: Final = msgspec.json.Decoder(Ack)
encode: Final = msgspec.json.Encoder().encode


class BadSignature(Exception):
    """The message was not made with this tag's secret, or was damaged on the way."""


def signature(secret: bytes, channel: str, body: bytes) -> bytes:
    """The 24 base64 bytes that close a message."""
    return b2a_base64(hmac.digest(secret, channel.encode() + b"\n" + body, "sha256")[:16], newline=False)


def seal(secret: bytes, channel: str, body: bytes) -> bytes:
    """A signed message."""
    return body + b"\n" + signature(secret, channel, body)


def unseal(secret: bytes, channel: str, message: bytes) -> bytes:
    """The body of a signed message.

    Raises:
        BadSignature: the signature is missing or wrong.
    """
    body, _, mac = message.rpartition(b"\n")
    if not hmac.compare_digest(mac, signature(secret, channel, body)):
        raise BadSignature
    return body


def topic(root: str, tag_id: str, channel: str) -> str:
    """The topic of a tag's channel; the shard is the last hexadecimal digit of the tag id."""
    return f"{root}/{tag_id[-1]}/{tag_id}/{channel}"


def tag_of(root: str, topic_name: str) -> str | None:
    """The tag id in an upward topic, or None if the topic is not one that `topic` makes."""
    found = _reports(root)(topic_name)
    return found[2] if found else None


@cache
def _reports(root: str) -> Callable[[str], re.Match[str] | None]:
    # A tag id of TAG_ID's 8 to 16 digits that ends in its shard.
    return re.compile(rf"{re.escape(root)}/([0-9a-f])/([0-9a-f]{{7,15}}\1)/{UP_REPORT}").fullmatch
