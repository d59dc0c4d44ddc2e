"""Opens a message: whose it is, whether it is genuine, and what it says. Refuses it with a reason otherwise."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from kitback import wire
from kitback.intake import order
from kitback.intake.quarantine import Reason

_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Refused(Exception):
    """A message that is not taken in."""

    def __init__(self, reason: Reason, detail: str, tag_id: str = "", secret: bytes | None = None) -> None:
        """`secret` is given for a genuine message only: its sender is told."""
        super().__init__(reason)
        self.reason: Reason = reason
        self.detail = detail
        self.tag_id = tag_id
        self.secret = secret


class Damaged(Struct, frozen=True):
    """A record that breaks its schema."""

    raw: bytes
    detail: str


class Opened(Struct, frozen=True):
    """A genuine report and its batch."""

    tag_id: str
    secret: bytes
    report: wire.Report | wire.Envelope
    """The tag's present state; take the batch from `seqs` and `records`."""
    seqs: list[int]
    """The sequence numbers of the batch, rising."""
    records: Sequence[wire.Record | Damaged]
    """The record of each."""
    unnumbered: list[Damaged]
    """Damaged records of which not even the number can be told."""


def open_message(tag_id: str, secret: bytes, payload: bytes) -> Opened:
    """Open a message that came on an enrolled tag's topic.

    Raises:
        Refused: it is no report, or not this tag's.
    """
    try:
        body = wire.unseal(secret, wire.UP_REPORT, payload)
    except wire.BadSignature:
        reason: Reason = "too_large" if len(payload) > wire.MAX_MESSAGE else "not_signed"
        raise Refused(reason, "the signature does not match", tag_id) from None
    try:
        return _read(tag_id, secret, payload, body)
    except Refused as refused:
        refused.tag_id, refused.secret = tag_id, secret
        raise


def _read(tag_id: str, secret: bytes, payload: bytes, body: bytes) -> Opened:
    if len(payload) > wire.MAX_MESSAGE:
        raise Refused("too_large", f"{len(payload)} bytes")
    try:
        report = wire.report_decoder.decode(body)
    except msgspec.ValidationError:
        return _read_singly(tag_id, secret, body)
    except _NOT_JSON as error:
        raise Refused("not_json", str(error)) from error
    seqs = [record.seq for record in report.records]
    _check_order(report, seqs)
    return Opened(tag_id, secret, report, seqs, report.records, [])


def _read_singly(tag_id: str, secret: bytes, body: bytes) -> Opened:
    """Decode record by record, so that a damaged one does not spoil the rest."""
    try:
        report = wire.envelope_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refused("schema", str(error)) from error
    except _NOT_JSON as error:
        raise Refused("not_json", str(error)) from error
    records = [_record(bytes(raw)) for raw in report.records]
    sound = [None if isinstance(record, Damaged) else record.seq for record in records]
    _check_order(report, [seq for seq in sound if seq is not None])
    claimed = [_claim(record) if isinstance(record, Damaged) else None for record in records]
    numbers = order.number_all(report.after, report.newest, sound, claimed)
    numbered = list(zip(numbers, records, strict=True))
    return Opened(
        tag_id,
        secret,
        report,
        [seq for seq in numbers if seq is not None],
        [record for seq, record in numbered if seq is not None],
        [record for seq, record in numbered if seq is None and isinstance(record, Damaged)],
    )


def _check_order(report: wire.Report | wire.Envelope, seqs: list[int]) -> None:
    if not order.in_order(report.oldest, report.newest, report.after, seqs):
        raise Refused(
            "schema",
            f"numbers do not rise: oldest {report.oldest}, newest {report.newest}, after {report.after}, "
            f"records {seqs[:1]} to {seqs[-1:]}",
        )


def _record(raw: bytes) -> wire.Record | Damaged:
    try:
        record: wire.Record = wire.record_decoder.decode(raw)
    except _NOT_JSON as error:
        return Damaged(raw, str(error))
    return record


def _claim(record: Damaged) -> int | None:
    """The number that a damaged record shows, if it shows one."""
    try:
        fields = msgspec.json.decode(record.raw)
    except _NOT_JSON:
        return None
    if isinstance(fields, list) and len(fields) > 1 and type(fields[1]) is int:
        return int(fields[1])
    return None
