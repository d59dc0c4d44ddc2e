"""The policy file: the defaults, and over them what a service has changed."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Struct

from kitback.policy.calendar import Hours
from kitback.policy.model import DeliverySpeed, Kind, Pathway, Watch
from kitback.policy.period import Period
from kitback.policy.policy import Entry, Key, Policy, PolicyError, Scalar

_DEFAULTS = "defaults.toml"
_NAMED: dict[str, type[Struct]] = {"delivery_speed": DeliverySpeed, "pathway": Pathway, "kind": Kind}
_SECTIONS: dict[str, type[Struct]] = {**_NAMED, "watch": Watch}
# TOML has no word for nothing; these are the trade's.
_NOTHING = ("open", "none", "on notification", "day and night")
_WRITTEN: tuple[type[Period | Hours], ...] = (Period, Hours)
_WANTED: dict[Any, str] = {
    bool: "true or false",
    str: 'text in quotes, such as "2"',
    Period: 'a length of time, such as "42 d"',
}


class _Default(Struct, frozen=True, rename={"value": "is"}, forbid_unknown_fields=True):
    value: Scalar
    origin: Literal["P", "J"]
    note: str = ""


def load(path: Path | None = None) -> Policy:
    """The defaults, and over them what the file at `path` changes.

    Raises:
        PolicyError: the file cannot be read, or says something that cannot be used.
    """
    shipped = resources.files(__package__).joinpath(_DEFAULTS).read_text(encoding="utf-8")
    entries = {key: _default(leaf) for key, leaf in _leaves(_DEFAULTS, tomllib.loads(shipped))}
    if path:
        own = _leaves(str(path), _read(path), entries)
        entries |= {key: _own(str(path), key, leaf) for key, leaf in own}
    return _policy(str(path or _DEFAULTS), entries)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}; give the path of a policy file that can be read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: not TOML: {error}") from error


def _leaves(file: str, tree: Mapping[str, Any], known: Mapping[Key, Entry] | None = None) -> Iterator[tuple[Key, Any]]:
    """Every value of a policy file by its key; with `known` entries, only under names that are there."""
    for section, under in tree.items():
        if section not in _SECTIONS:
            raise PolicyError(f"{file}: {section}: no such section; {_known(section, _SECTIONS)}")
        if section not in _NAMED:
            for field, leaf in _table(file, section, under).items():
                yield (section, field), leaf
            continue
        for name, fields in _table(file, section, under).items():
            if known and (section, name, "name") not in known:
                names = {key[1] for key in known if key[0] == section}
                raise PolicyError(f"{file}: {section}.{name}: no such {section}; {_known(name, names)}")
            for field, leaf in _table(file, f"{section}.{name}", fields).items():
                yield (section, name, field), leaf


def _table(file: str, key: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PolicyError(f"{file}: {key}: a value where a table belongs; write [{key}] and the values under it")
    return value


def _default(leaf: object) -> Entry:
    if not isinstance(leaf, dict):
        return Entry(msgspec.convert(leaf, Scalar))
    default = msgspec.convert(leaf, _Default)
    return Entry(default.value, default.origin, default.note)


def _own(file: str, key: Key, leaf: object) -> Entry:
    fields = _SECTIONS[key[0]].__struct_fields__
    if key[-1] not in fields:
        raise PolicyError(f"{file}: {'.'.join(key)}: no such setting; {_known(key[-1], fields)}")
    if not isinstance(leaf, str | int):
        raise PolicyError(f"{file}: {'.'.join(key)}: give one value, not {leaf!r}")
    return Entry(leaf, "own")


def _known(wrong: str, known: Mapping[str, object] | set[str] | tuple[str, ...]) -> str:
    close = get_close_matches(wrong, known, n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(sorted(known))}"


def _policy(file: str, entries: dict[Key, Entry]) -> Policy:
    typed: dict[str, dict[str, dict[str, Any]]] = {section: {} for section in _SECTIONS}
    for key, entry in entries.items():
        section, field = key[0], key[-1]
        hint = get_type_hints(_SECTIONS[section], include_extras=True)[field]
        try:
            typed[section].setdefault(key[1] if section in _NAMED else "", {})[field] = _value(hint, entry.value)
        except ValueError as error:
            raise PolicyError(f"{file}: {'.'.join(key)}: {error}") from error
    for name, pathway in typed["pathway"].items():
        if pathway["delivery_speed"] not in typed["delivery_speed"]:
            there = ", ".join(typed["delivery_speed"])
            raise PolicyError(f"{file}: pathway.{name}.delivery_speed: no such delivery speed; there are {there}")
    return Policy(
        delivery_speed={name: DeliverySpeed(**fields) for name, fields in typed["delivery_speed"].items()},
        pathway={name: Pathway(**fields) for name, fields in typed["pathway"].items()},
        kind={name: Kind(**fields) for name, fields in typed["kind"].items()},
        watch=Watch(**typed["watch"][""]),
        entries=entries,
    )


def _value(hint: Any, written: Scalar) -> object:
    value = None if written in _NOTHING else written
    for written_as in _WRITTEN:
        if value is not None and written_as in (hint, *get_args(hint)):
            return written_as.parse(str(value))
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        wanted = _WANTED.get(hint, "a whole number, not negative")
        raise ValueError(f'"{written}" will not do; give {wanted}') from error
