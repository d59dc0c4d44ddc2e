"""The schema of the history: what is told to InfluxDB, as lines of its protocol. Timestamps are in microseconds.

| measurement | tags | fields |
| --- | --- | --- |
| `use` | tag, kind | asset, span, in_use, events, quality |
| `fix` | tag, kind | asset, cause, anchors, place_type, quality |
| `alarm` | tag, kind | asset, name, on, quality |
| `health` | tag, kind | asset, battery_mv, heap_free, wakes, awake_s, quality, and if told: battery_pct, heap_block,
| | | wifi_s, bluetooth_s, used_mc, days_left |
| `boot` | tag, kind | asset, cause, count, quality |
| `flag` | asset, rule, kind | open, since, sentence |
| `assets` | kind, state | count |
| `fleet` | kind | fitted, heard_24h |
| `gateway` | | every counter of the register, and `outbox_kept`, `outbox_waiting` in bytes |

`kind` is `unfitted`, and `asset` is left out, for what a tag noted while it was on no asset. No line names a loan, a
place or an anchor. Spans, `in_use` and `awake_s` are seconds, `since` is Unix seconds.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, assert_never

from kitback import wire

UNFITTED: Final = "unfitted"
_HEALTH_IF_TOLD: Final = ("battery_pct", "heap_block", "wifi_s", "bluetooth_s", "used_mc", "days_left")

Field = bool | int | str


def record_line(
    tag_id: str,
    asset_id: str | None,
    kind: str | None,
    record: wire.Record,
    at_s: int,
    quality: str,
    place_type: str | None = None,
) -> bytes:
    """The line of one record placed at `at_s`.

    The sequence number makes the microseconds, so that two records of one second keep apart and a repeat is harmless.
    `place_type` is the type of the place that a fix was read as.
    """
    # Put together by hand: there is one for each record. A tag's id, a kind and a quality need no escapes.
    whose = _whose(tag_id, asset_id, kind)
    at_us = at_s * 1_000_000 + record.seq % 1_000_000
    if isinstance(record, wire.Use):  # nearly all are
        span, in_use, events = record.span, record.in_use, record.events
        return f'use{whose}span={span}i,in_use={in_use}i,events={events}i,quality="{quality}" {at_us}'.encode()
    measurement, told = _of_record(record, place_type)
    return f'{measurement}{whose}{told},quality="{quality}" {at_us}'.encode()


@lru_cache(maxsize=1024)  # a report's records are mostly one asset's
def _whose(tag_id: str, asset_id: str | None, kind: str | None) -> str:
    asset = "" if asset_id is None else f"asset={_field(asset_id)},"
    return f",tag={tag_id},kind={kind or UNFITTED} {asset}"


def _of_record(record: wire.Fix | wire.Alarm | wire.Health | wire.Boot, place_type: str | None) -> tuple[str, str]:
    match record:
        case wire.Fix():
            seen = "" if place_type is None else f',place_type="{place_type}"'  # a word of ours, as the cause is
            return "fix", f'cause="{record.cause}",anchors={len(record.heard)}i{seen}'
        case wire.Alarm():
            return "alarm", _fields({"name": record.name, "on": record.on})
        case wire.Health():
            told = {name: value for name in _HEALTH_IF_TOLD if (value := getattr(record, name)) is not None}
            return "health", _fields(
                {
                    "battery_mv": record.battery_mv,
                    "heap_free": record.heap_free,
                    "wakes": record.wakes,
                    "awake_s": record.awake_s,
                    **told,
                }
            )
        case wire.Boot():
            return "boot", _fields({"cause": record.cause, "count": record.count})
        case _:
            assert_never(record)


def flag_line(
    asset_id: str, rule: str, kind: str, is_open: bool, since: int, sentence: str, at_s: int, seq: int = 0
) -> bytes:
    """The line of a flag that opened, changed its words or closed at `at_s`, in the judgement numbered `seq`."""
    # By hand, as a record's: a judgement may open many. A rule and a kind need no escapes.
    series = f"flag,asset={tag_value(asset_id)},rule={rule},kind={kind}"
    told = f"open={_field(is_open)},since={since}i,sentence={_field(sentence)}"
    return f"{series} {told} {at_s * 1_000_000 + seq % 1_000_000}".encode()


def assets_line(kind: str, state: str, count: int, at_s: int, seq: int = 0) -> bytes:
    """The line that says how many assets of a kind are in a state."""
    return _line("assets", {"kind": kind, "state": state}, {"count": count}, at_s * 1_000_000 + seq % 1_000_000)


def fleet_line(kind: str, fitted: int, heard_24h: int, at_s: int, seq: int = 0) -> bytes:
    """The line that says how many tags are fitted to assets of a kind, and how many of them were heard in a day."""
    return _line(
        "fleet", {"kind": kind}, {"fitted": fitted, "heard_24h": heard_24h}, at_s * 1_000_000 + seq % 1_000_000
    )


def gateway_line(values: Mapping[str, int], at_s: int) -> bytes:
    """The line that says how the gateway does; a name's dots become underscores."""
    return _line("gateway", {}, {name.replace(".", "_"): value for name, value in values.items()}, at_s * 1_000_000)


def _line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Field], at_us: int) -> bytes:
    series = ",".join([measurement, *(f"{name}={tag_value(value)}" for name, value in tags.items())])
    return f"{series} {_fields(fields)} {at_us}".encode()


def _fields(fields: Mapping[str, Field]) -> str:
    return ",".join(f"{name}={_field(value)}" for name, value in fields.items())


def tag_value(value: str) -> str:
    """A tag's value as it stands in a line."""
    # A backslash before the next separator would swallow it: the protocol has no escape for that.
    value = value.replace("\\", "/").replace("\n", " ")
    return value.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")


def _field(value: Field) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
