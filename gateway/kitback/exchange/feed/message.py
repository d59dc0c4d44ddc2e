"""One message of a feed: what the provider's system says of one loan, and when it said so.

Every field but `id` may be left out: then nothing is said of it, and what was said before stands. What is null (in CSV
`none`) is taken back.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from kitback.exchange.cells import Unfit, ident, moment, word, yes
from kitback.policy import SETTINGS

Fact = str | int | bool | None
"""What is said of one field; times are Unix seconds. None: nothing, any more."""

_AHEAD_S: Final = 300
"""So much may two clocks differ."""
_ID: Final = re.compile(r"[^\s\\\x00-\x1f\x7f](?:[^\\\x00-\x1f\x7f]{0,58}[^\s\\\x00-\x1f\x7f])?")
_AT: Final = re.compile(r"(.*) - at `\$\.?([^`]*)`")
_NOTHING: Final = "none"

Id = Annotated[str, Meta(min_length=1, max_length=60)]
Time = Annotated[
    str,
    Meta(
        min_length=8,
        max_length=40,
        description="ISO 8601; without a zone it is London's, without an hour the beginning of the day",
        examples=["2026-10-24T09:30:00Z", "2026-10-24"],
    ),
]


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider's system says of one loan. A field that is left out says nothing; null takes back."""

    id: Id
    """The loan's own number there."""
    said: Time | UnsetType = UNSET
    """When this was said, by the clock of the provider's system; what was said last holds."""
    loan: Id | UnsetType = UNSET
    """Its pseudonymous reference in Kitback, if it has one already."""
    asset: Id | UnsetType = UNSET
    pathway: Id | UnsetType = UNSET
    setting: Literal["home", "care_home", "school", "hospital"] | UnsetType = UNSET
    place: Id | UnsetType = UNSET
    """The id of where it is lent to; never an address. One that Kitback does not know is entered."""
    commissioner: Id | UnsetType | None = UNSET
    paid_carers: bool | UnsetType = UNSET
    special: bool | UnsetType = UNSET
    speed: Id | UnsetType | None = UNSET
    prescribed: Time | UnsetType | None = UNSET
    delivered: Time | UnsetType | None = UNSET
    returned: Time | UnsetType | None = UNSET
    decontaminated: Time | UnsetType | None = UNSET
    """What came back of this loan."""
    available: Time | UnsetType | None = UNSET
    """What came back of this loan was inspected and tested, and can be lent again."""
    cancelled: Time | UnsetType | None = UNSET


COLUMNS: Final = Message.__struct_fields__
"""What a message may say, by name: the columns of a CSV file."""
TIMES: Final = ("prescribed", "delivered", "returned", "decontaminated", "available", "cancelled")
_YES_NO: Final = ("paid_carers", "special")
_TAKEN_BACK: Final = ("commissioner", "speed", *TIMES)
"""What may be null."""
_MEANS: Final = {"id": "the loan's number in the provider's system"}


class Wrong(Exception):
    """A message that cannot be taken."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(f"{column}: {what}" if column else what)
        self.column = column
        self.what = what
        """What is wrong, and what to do."""


class Said(Struct, frozen=True):
    """A message that can be taken."""

    external_id: str
    said_s: int
    facts: dict[str, Fact]


def from_json(text: bytes | str | msgspec.Raw, now_s: int, said_s: int | None) -> Said:
    """A message that is a JSON object.

    Args:
        said_s: when it was said, if it does not say so itself.

    Raises:
        Wrong: it is none, or says what cannot be; the column is the field, empty for the whole.
    """
    try:
        told = msgspec.json.decode(text, type=Message)
    except msgspec.ValidationError as error:
        found = _AT.fullmatch(str(error))
        what, column = (found[1], found[2]) if found else (str(error), "")
        raise Wrong(column, f"{what}: give it as docs/feed.md has it") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong("", f"this is no JSON ({error}): give one object, on one line") from error
    given = {name: value for name, value in msgspec.structs.asdict(told).items() if value is not UNSET}
    return _said(given, now_s, said_s)


def from_cells(cells: Mapping[str, str], now_s: int, said_s: int | None) -> Said:
    """A message that is a row of a sheet; an empty cell says nothing, `none` takes back.

    Raises:
        Wrong: as `from_json`.
    """
    given: dict[str, Any] = {}
    for name, cell in cells.items():
        if cell.lower() == _NOTHING and name in _TAKEN_BACK:
            given[name] = None
        elif name == "setting":
            given[name] = _fits(name, cell, lambda text: word(text, SETTINGS))
        elif name in _YES_NO:
            given[name] = _fits(name, cell, yes)
        else:
            given[name] = _fits(name, cell, ident)
    return _said(given, now_s, said_s)


def _said(given: dict[str, Any], now_s: int, said_s: int | None) -> Said:
    if "id" not in given:
        raise Wrong("id", f"is empty: give {_MEANS['id']}")
    external_id = str(given.pop("id"))
    _check_id("id", external_id)
    told_s = _fits("said", given.pop("said"), moment) if "said" in given else said_s
    if told_s is None:
        raise Wrong("said", "is empty: say when the provider's system said this, by its own clock")
    if told_s > now_s + _AHEAD_S:
        raise Wrong("said", "is still to come: put the clock of the provider's system right, and check the zone")
    facts: dict[str, Fact] = {}
    for name, value in given.items():
        if value is not None and name in TIMES:
            facts[name] = at = _fits(name, value, moment)
            if at > told_s + _AHEAD_S:
                raise Wrong(name, "is later than when it was said: tell it when it has happened")
        else:
            facts[name] = value
            if isinstance(value, str):
                _check_id(name, value)
    return Said(external_id, told_s, facts)


def _check_id(name: str, value: str) -> None:
    if not _ID.fullmatch(value):
        raise Wrong(name, f"{value[:70]!r} will not do: give 1 to 60 printable characters without backslashes")


def _fits(name: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except Unfit as error:
        raise Wrong(name, str(error)) from error
