"""The policy file: the defaults, and over them what a service has changed."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Struct

from kitback.policy.model import Kind, Pathway
from kitback.policy.period import Period

_DEFAULTS = "defaults.toml"
_SECTIONS: dict[str, type[Struct]] = {"pathway": Pathway, "kind": Kind}
# TOML has no word for nothing; these are the trade's.
_NOTHING = ("open", "none", "on notification")
_WANTED: dict[Any, str] = {bool: "true or false", str: "text", Period: 'a length of time, such as "42 d"'}

Scalar = str | int | bool
Key = tuple[str, str, str]
"""Section, name, field: `("pathway", "home_first", "loan_period")`."""


class PolicyError(Exception):
    """The policy cannot be used. The message names the file, the key and the remedy."""


class Entry(Struct, frozen=True):
    """One line of the policy, and where it comes from."""

    value: Scalar
    origin: Literal["", "P", "J", "own"] = ""
    """Published, judged for Kitback, or the service's own. Empty for a name."""
    note: str = ""


class _Default(Struct, frozen=True, rename={"value": "is"}, forbid_unknown_fields=True):
    value: Scalar
    origin: Literal["P", "J"]
    note: str = ""


class Policy(Struct, frozen=True, kw_only=True):
    """What the service has agreed."""

    pathway: dict[str, Pathway]
    kind: dict[str, Kind]
    entries: dict[Key, Entry]
    """Every line as it was written, for showing."""

    def due(self, pathway: str, from_s: int) -> int | None:
        """When a loan on `pathway` that began at Unix second `from_s` is due back; None when it has no end.

        Raises:
            PolicyError: no such pathway.
        """
        if pathway not in self.pathway:
            raise PolicyError(f'pathway "{pathway}" is not in the policy; it has {", ".join(self.pathway)}')
        period = self.pathway[pathway].loan_period
        return period.after(from_s) if period else None


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
    """Every value of a policy file by its key; with `known` entries, only for pathways and kinds that are there."""
    for section, named in tree.items():
        if section not in _SECTIONS:
            raise PolicyError(f"{file}: {section}: no such section; {_known(section, _SECTIONS)}")
        for name, fields in _table(file, section, named).items():
            if known and (section, name, "name") not in known:
                names = {other for of, other, _ in known if of == section}
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
    section, _, field = key
    fields = _SECTIONS[section].__struct_fields__
    if field not in fields:
        raise PolicyError(f"{file}: {'.'.join(key)}: no such setting; {_known(field, fields)}")
    if not isinstance(leaf, str | int):
        raise PolicyError(f"{file}: {'.'.join(key)}: give one value, not {leaf!r}")
    return Entry(leaf, "own")


def _known(wrong: str, known: Mapping[str, object] | set[str] | tuple[str, ...]) -> str:
    close = get_close_matches(wrong, known, n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(sorted(known))}"


def _policy(file: str, entries: dict[Key, Entry]) -> Policy:
    typed: dict[str, dict[str, dict[str, Any]]] = {section: {} for section in _SECTIONS}
    for (section, name, field), entry in entries.items():
        hint = get_type_hints(_SECTIONS[section], include_extras=True)[field]
        try:
            typed[section].setdefault(name, {})[field] = _value(hint, entry.value)
        except ValueError as error:
            raise PolicyError(f"{file}: {section}.{name}.{field}: {error}") from error
    return Policy(
        pathway={name: Pathway(**fields) for name, fields in typed["pathway"].items()},
        kind={name: Kind(**fields) for name, fields in typed["kind"].items()},
        entries=entries,
    )


def _value(hint: Any, written: Scalar) -> object:
    value = None if written in _NOTHING else written
    if value is not None and Period in (hint, *get_args(hint)):
        return Period.parse(str(value))
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        wanted = _WANTED.get(hint, "a whole number, not negative")
        raise ValueError(f'"{written}" will not do; give {wanted}') from error
