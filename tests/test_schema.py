"""The published JSON Schemas are those of wire.py, and say yes and no where it does."""

import json
import re
from collections.abc import Callable
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
from docs.schema import HERE, schemas

from kitback import wire


@pytest.mark.parametrize("name", sorted(schemas()))
def test_schema_is_current(name: str) -> None:
    published = (HERE / name).read_text(encoding="utf-8")
    assert published == schemas()[name], "wire.py has changed: do `python docs/schema.py`"


@pytest.fixture
def report() -> dict[str, Any]:
    heard = [wire.Heard("0a0b0c0d0e0f", -60)]
    return json.loads(
        wire.encode(
            wire.Report(
                v=1,
                fw="0.1.0",
                journal="0a0b0c0d-1",
                oldest=1,
                newest=5,
                clock=1,
                at=90_000,
                pair=wire.Pair(1, 2, 1_790_000_000),
                alarms=["unpowered"],
                battery_mv=3900,
                open=wire.OpenUse(0, 90_000, 0, 0),
                after=0,
                on=1,
                records=[
                    wire.Boot(1, 0, "power_on"),
                    wire.Fix(2, 5, "boot", 1, heard),
                    wire.Use(3, 0, 3600, 60, 1),
                    wire.Alarm(4, 3600, "unpowered", True),
                    wire.Health(5, 86_400, 3900, 100_000, 96, 40),
                ],
            )
        )
    )


def valid(name: str, document: dict[str, Any]) -> bool:
    validator = jsonschema.Draft202012Validator(json.loads((HERE / name).read_text(encoding="utf-8")))
    return validator.is_valid(document)


def test_a_report_with_every_kind_of_record_is_valid(report: dict[str, Any]) -> None:
    assert valid("report.schema.json", report)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report.pop("journal"),
        lambda report: report.update(journal="0A0B0C0D-1"),
        lambda report: report.update(v=2),
        lambda report: report["records"].append(["use", 0, 0, 0, 0, 0]),
        lambda report: report["records"].append(["nap", 6, 0]),
        lambda report: report["records"].append(["use", 6, 0]),
        lambda report: report.update(alarms=["bored"]),
    ],
)
def test_a_report_that_breaks_the_contract_is_not(
    report: dict[str, Any], spoil: Callable[[dict[str, Any]], object]
) -> None:
    spoil(report)
    assert not valid("report.schema.json", report)


def test_both_kinds_of_answer_are_valid() -> None:
    ack = wire.Ack(v=1, journal="0a0b0c0d-1", high=5, at=90_000, unix=1_790_000_000, epoch="e")
    rejection = wire.Rejection(v=1, reject="schema", of="m" * 24)
    for answer in (ack, rejection):
        assert valid("ack.schema.json", json.loads(wire.encode(answer)))
    assert not valid("ack.schema.json", {"v": 1})


PROTOCOL = (HERE / "protocol.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "message",
    [
        wire.Report,
        wire.Ack,
        wire.Rejection,
        wire.OpenUse,
        wire.Pair,
        wire.Settings,
        wire.SettingsReport,
        wire.Command,
        wire.CommandResult,
    ],
)
def test_the_protocol_page_names_every_field(message: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(message):
        assert re.search(rf"[`\[ ]{field.encode_name}[`,\] ;]", PROTOCOL), field.encode_name


def test_the_protocol_page_gives_the_bounds_of_every_setting() -> None:
    properties = json.loads((HERE / "settings.schema.json").read_text(encoding="utf-8"))["$defs"]["Values"][
        "properties"
    ]
    for name, schema in properties.items():
        number = next(kind for kind in schema["anyOf"] if kind["type"] == "integer")
        assert f"| `{name}` | {number['minimum']} | {number['maximum']} |" in PROTOCOL


@pytest.mark.parametrize("do", get_args(msgspec.structs.fields(wire.Command)[4].type))
def test_the_protocol_page_explains_every_command(do: str) -> None:
    assert f"| `{do}` | " in PROTOCOL


@pytest.mark.parametrize("record", [wire.Boot, wire.Use, wire.Fix, wire.Alarm, wire.Health])
def test_the_protocol_page_names_the_fields_of_every_record_in_order(record: type[msgspec.Struct]) -> None:
    _, _, *rest = (field.encode_name for field in msgspec.structs.fields(record))
    tag = record.__struct_config__.tag
    assert f'| `["{tag}", seq, at, ...]` | `{", ".join(rest)}` |' in PROTOCOL


def test_the_protocol_pages_example_is_right() -> None:
    signature = wire.signature(bytes(range(32)), wire.UP_REPORT, b'{"v":1}').decode()
    assert f"\n{signature}\n" in PROTOCOL
