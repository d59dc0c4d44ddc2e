"""The open export of a register: a Frictionless Data Package that needs no Kitback to be read.

Each table is a file of JSON Lines, in the order of its key: a row a line, an object a row. Not CSV: there a null is
told from an empty text by nothing, a row runs over as many lines as its texts do, and a spreadsheet that opens one
makes a rounded number of a GIAI. `datapackage.json` says of every file its SHA-256, of every column its type and
meaning, and which columns are keys. Everything is derived from the tables, so a new one is exported by itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct, field

from kitback.register.tables import metadata

DESCRIPTOR: Final = "datapackage.json"
LEFT_OUT: Final[Mapping[str, str]] = {
    "lease": "says which gateway is at work just now, and lasts ten seconds",
    "sink": "says which InfluxDB has had what of the outbox; whoever imports has another, which begins anew",
}
"""Tables that are not in an export, and why. All others are."""
SECRET: Final = frozenset({("tag", "secret")})
"""Columns that are in an export only if somebody asks for them."""

_DESCRIPTION: Final = """Everything a Kitback register holds of a community equipment service. A file a table, a row a \
line, in the order of the key; an object a row, by column. Times are Unix seconds, in columns that end in _us \
microseconds. Columns of the format `binary` are base64; those whose description begins with JSON hold JSON as text. \
Of each line the file in `lineChecks` has the CRC-32, hexadecimal, without the newline."""


class Field(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column."""

    name: str
    type: Literal["string", "integer", "number", "boolean"]
    format: str = "default"
    description: str = ""
    constraints: dict[str, bool] = {}


class Schema(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The columns of a table, and its keys."""

    fields: list[Field]
    primary_key: list[str]
    foreign_keys: list[dict[str, Any]] = []


class Resource(Struct, frozen=True, rename="camel", kw_only=True):
    """A table, and its file."""

    name: str
    path: str
    line_checks: str
    """The file with a CRC-32 of each of its lines."""
    rows: int
    bytes: int
    hash: str
    format: str = "jsonl"
    mediatype: str = "application/jsonl"
    encoding: str = "utf-8"
    description: str = ""
    table_schema: Schema = field(name="schema")


class Origin(Struct, frozen=True):
    """What wrote an export."""

    version: str
    revision: str
    """Of the register's schema."""
    secrets: bool
    """Whether the tags' secrets are in it."""


class Package(Struct, frozen=True, kw_only=True):
    """The descriptor."""

    profile: str = "data-package"
    name: str = "kitback-register"
    title: str = "A Kitback register"
    description: str = _DESCRIPTION
    kitback: Origin
    resources: list[Resource]


def tables() -> list[sa.Table]:
    """The tables of an export; one that refers to another comes after it."""
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def files(table: sa.Table) -> tuple[str, str]:
    """The file that a table is in, and the one with the checks of its lines."""
    return f"{table.name}.jsonl", f"checks/{table.name}.txt"


def columns(table: sa.Table, secrets: bool) -> list[sa.Column[Any]]:
    """The columns of a table that are in an export."""
    return [column for column in table.columns if secrets or (table.name, column.name) not in SECRET]


def by_key(table: sa.Table, dialect: str) -> Iterable[sa.ColumnElement[Any]]:
    """A table's key to order by, such that both databases put it in the same order: texts by their bytes."""
    for column in table.primary_key:
        is_text = isinstance(column.type, sa.String)
        yield sa.collate(column, "C") if is_text and dialect == "postgresql" else column


def schema(table: sa.Table, secrets: bool) -> Schema:
    """What the descriptor says of a table's columns."""
    keys = [
        {
            "fields": [str(key.parent.name)],
            # The specification's word for the table itself is none.
            "reference": {
                "resource": "" if key.column.table is table else str(key.column.table.name),
                "fields": [str(key.column.name)],
            },
        }
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
    ]
    return Schema(
        fields=[_field(column) for column in columns(table, secrets)],
        primary_key=[str(column.name) for column in table.primary_key],
        foreign_keys=keys,
    )


def row_type(table: sa.Table, secrets: bool) -> type[Struct]:
    """What a line of a table's file must hold."""
    named = [
        (str(column.name), _python(column) | None if column.nullable else _python(column))
        for column in columns(table, secrets)
    ]
    return msgspec.defstruct(str(table.name), named, forbid_unknown_fields=True, gc=False)


_TYPES: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], type, Any, str], ...]] = (
    (sa.Boolean, bool, "boolean", "default"),
    (sa.Integer, int, "integer", "default"),
    (sa.Float, float, "number", "default"),
    (sa.String, str, "string", "default"),
    (sa.LargeBinary, bytes, "string", "binary"),
)
"""Of a column's type: the value's in Python, the specification's word for it, and the format."""


def _type(column: sa.Column[Any]) -> tuple[type, Any, str]:
    return next(its for kind, *its in _TYPES if isinstance(column.type, kind))  # type: ignore[return-value] # a tuple's rest


def _python(column: sa.Column[Any]) -> Any:
    return _type(column)[0]


def _field(column: sa.Column[Any]) -> Field:
    _, type_, format_ = _type(column)
    return Field(
        name=str(column.name),
        type=type_,
        format=format_,
        description=column.comment or "",
        constraints={} if column.nullable else {"required": True},
    )
