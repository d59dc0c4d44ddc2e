"""Writes the JSON Schemas beside this file from wire.py and the feed's messages: `python docs/schema.py`."""

import json
from pathlib import Path
from typing import Any

import msgspec

from kitback import wire
from kitback.exchange.feed import Message

HERE = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _schema(title: str, *kinds: type) -> str:
    """A schema that one of several kinds of message satisfies."""
    found, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    root = dict(found[0]) if len(found) == 1 else {"anyOf": list(found)}
    document: dict[str, Any] = {"$schema": DIALECT, "title": title, **root, "$defs": components}
    return json.dumps(document, indent=2) + "\n"


def schemas() -> dict[str, str]:
    """What the schema files should hold, by file name."""
    return {
        "report.schema.json": _schema("What a tag publishes on up/report, without its signature", wire.Report),
        "ack.schema.json": _schema("What a tag hears on down/ack, without its signature", wire.Ack, wire.Rejection),
        "settings.schema.json": _schema("What is retained on down/settings, without its signature", wire.Settings),
        "settings-report.schema.json": _schema(
            "What a tag publishes on up/settings, without its signature", wire.SettingsReport
        ),
        "command.schema.json": _schema("What a tag hears on down/command, without its signature", wire.Command),
        "command-result.schema.json": _schema(
            "What a tag publishes on up/command, without its signature", wire.CommandResult
        ),
        "feed.schema.json": _schema(
            "What a provider's system says of one loan: a line of a file, or POST /api/feed", Message
        ),
    }


if __name__ == "__main__":
    for name, text in schemas().items():
        (HERE / name).write_text(text, encoding="utf-8")
