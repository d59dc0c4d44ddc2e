"""The policy file: the defaults, and over them what a service has changed; or everything that is wrong with it."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from kitback.policy.calendar import Hours
from kitback.policy.model import Collection, DeliverySpeed, Feed, Kind, Pathway, Retention, Watch
from kitback.policy.period import Period, Unreadable
from kitback.policy.policy import Entry, Key, Policy, PolicyError, Scalar
from kitback.policy.sense import Clash, contradictions, oddities
from kitback.policy.toml_lines import Broken, parse

_DEFAULTS = "defaults.toml"
_NAMED: dict[str, type[Struct]] = {"delivery_speed": DeliverySpeed, "pathway": Pathway, "kind": Kind}
_SECTIONS: dict[str, type[Struct]] = {
    **_NAMED,
    "watch": Watch,
    "collection": Collection,
    "feed": Feed,
    "retention": Retention,
}
# TOML has no word for nothing; these are the trade's.
_NOTHING = {
    "loan_period": "open",
    "hours": "day and night",
    "collect_within_working_days": "on notification",
}
_NOTHING_ELSEWHERE = "none"
_WANTED: dict[Any, str] = {
    bool: "true or false",
    str: 'text in quotes, such as "2"',
    Period: 'a length of time, such as "42 d"',
    Hours: 'hours of the day, such as "08:00 to 22:00"',
}


class Mistake(Struct, frozen=True):
    """What is wrong in one place of a policy file."""

    line: int | None
    """Counted from 1; None when it is in no one line."""
    key: str
    """As it stands in the file, such as `pathway.home_first.loan_period`; empty where a line is no TOML."""
    what: str
    remedy: str


class Checked(Struct, frozen=True):
    """A policy file, read as far as it can be."""

    policy: Policy
    """The defaults, and over them whatever in the file is right."""
    mistakes: list[Mistake]
    """What makes it unusable, in the order of the file."""
    remarks: list[Mistake]
    """What can be, but is worth a second look."""
    lines: dict[str, int]
    """The line of each value in the file, by its key as it stands there."""


class _Default(Struct, frozen=True, rename={"value": "is"}, forbid_unknown_fields=True):
    value: Scalar
    origin: Literal["P", "J"]
    note: str = ""


def load(path: Path | None = None) -> Policy:
    """The defaults, and over them what the file at `path` changes.

    Raises:
        PolicyError: the file cannot be read, or says something that cannot be used; every mistake is named.
    """
    if path is None:
        return _policy(_defaults())
    checked = check(path)
    if checked.mistakes:
        raise PolicyError("\n".join(f"{path}{_told(mistake)}" for mistake in checked.mistakes))
    return checked.policy


def check(path: Path) -> Checked:
    """Read the policy file at `path`, and find every mistake in it.

    Raises:
        PolicyError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows puts a mark before it
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}; give the path of a policy file that can be read") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: not TOML: not written in UTF-8; save it as UTF-8") from error
    parsed = parse(text)
    found = _Found(_defaults(), parsed.lines, [_broken(each) for each in parsed.broken])
    for key, leaf in found.leaves(parsed.tree):
        found.take(key, leaf)
    policy = _policy(found.entries)
    found.mistakes += (found.clash(each) for each in contradictions(policy))
    remarks = [found.clash(each) for each in oddities(policy)]
    own = {".".join(key): line for key, line in parsed.lines.items() if key in found.entries}
    return Checked(policy, sorted(found.mistakes, key=_line), sorted(remarks, key=_line), own)


class _Found:
    """What has been read of a file so far."""

    def __init__(self, defaults: dict[Key, Entry], lines: Mapping[Key, int], mistakes: list[Mistake]) -> None:
        self.entries = dict(defaults)
        self.mistakes = mistakes
        self._lines = lines

    def wrong(self, key: Key, what: str, remedy: str) -> None:
        self.mistakes.append(Mistake(self._lines.get(key), ".".join(key), what, remedy))

    def clash(self, clash: Clash) -> Mistake:
        """Values that do not go together, at the line of the first that this file wrote: others are defaults."""
        key = next((key for key in clash.keys if key in self._lines), clash.keys[0])
        return Mistake(self._lines.get(key), ".".join(key), clash.what, clash.remedy)

    def leaves(self, tree: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
        """Every value under a heading that exists, by its key."""
        for section, under in tree.items():
            if section not in _SECTIONS:
                self.wrong((section,), "no such section", _meant(section, _SECTIONS))
            elif section not in _NAMED:
                yield from self._fields((section,), under)
            else:
                for name, fields in self._fields((section,), under):
                    names = [key[1] for key in self.entries if key[0] == section and key[-1] == "name"]
                    if name[1] in names:
                        yield from self._fields(name, fields)
                    else:
                        self.wrong(name, f"no such {section.replace('_', ' ')}", _meant(name[1], names))

    def _fields(self, key: Key, value: object) -> Iterator[tuple[Key, Any]]:
        if isinstance(value, dict):
            yield from (((*key, name), each) for name, each in value.items())
        else:
            heading = ".".join(key)
            self.wrong(key, "a value where a heading belongs", f"write [{heading}] and the values under it")

    def take(self, key: Key, leaf: object) -> None:
        """Let a value of the file stand over the default's, if it is right."""
        fields = _SECTIONS[key[0]].__struct_fields__
        if key[-1] not in fields:
            self.wrong(key, "no such setting", _meant(key[-1], fields))
        elif not isinstance(leaf, str | int):
            self.wrong(key, "not one value", _alone(key[-1], leaf))
        else:
            try:
                _value(key, leaf)
            except Unreadable as error:
                self.wrong(key, error.what, error.remedy)
            else:
                self.entries[key] = Entry(leaf, "own")


def restore(values: Mapping[str, Scalar]) -> Policy:
    """The policy whose `values` somebody kept.

    Raises:
        PolicyError: they are another Kitback's, whose policy had other lines.
    """
    try:
        return _policy({tuple(key.split(".")): Entry(value) for key, value in values.items()})
    except (LookupError, TypeError, ValueError) as error:
        raise PolicyError("the policy that was kept is another Kitback's") from error


def _alone(field: str, leaf: object) -> str:
    # As the defaults' own file has it, with the origin beside it: people copy that.
    if isinstance(leaf, dict) and isinstance(leaf.get("is"), str | int):
        return f"write the value alone: {field} = {_as_written(leaf['is'])}"
    return "give one text, number, or true or false"


def _as_written(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)


def _line(mistake: Mistake) -> int:
    return mistake.line or 0


def _told(mistake: Mistake) -> str:
    parts = [mistake.key, f"{mistake.what}; {mistake.remedy}"]
    return (f":{mistake.line}: " if mistake.line else ": ") + ": ".join(part for part in parts if part)


def _broken(broken: Broken) -> Mistake:
    twice = "Cannot" in broken.why
    remedy = "say it once" if twice else 'write a heading as [kind.bed], a value as idle_home = "7 d", text in quotes'
    unread = "; what follows is not checked yet" if broken.last else ""
    return Mistake(broken.line, "", f"not TOML: {broken.text} ({broken.why})", remedy + unread)


def _meant(wrong: str, known: Iterable[str]) -> str:
    close = get_close_matches(wrong, known, n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(sorted(known))}"


@cache
def _defaults() -> dict[Key, Entry]:
    tree = tomllib.loads(resources.files(__package__).joinpath(_DEFAULTS).read_text(encoding="utf-8"))
    entries: dict[Key, Entry] = {}
    for section, under in tree.items():
        named = {(section, name): each for name, each in under.items()} if section in _NAMED else {(section,): under}
        entries |= {(*of, field): _default(leaf) for of, fields in named.items() for field, leaf in fields.items()}
    return entries


def _default(leaf: object) -> Entry:
    if not isinstance(leaf, dict):
        return Entry(msgspec.convert(leaf, Scalar))
    default = msgspec.convert(leaf, _Default)
    return Entry(default.value, default.origin, default.note)


def _policy(entries: dict[Key, Entry]) -> Policy:
    typed: dict[str, dict[str, dict[str, Any]]] = {section: {} for section in _SECTIONS}
    for key, entry in entries.items():
        typed[key[0]].setdefault(key[1] if key[0] in _NAMED else "", {})[key[-1]] = _value(key, entry.value)
    return Policy(
        delivery_speed={name: DeliverySpeed(**fields) for name, fields in typed["delivery_speed"].items()},
        pathway={name: Pathway(**fields) for name, fields in typed["pathway"].items()},
        kind={name: Kind(**fields) for name, fields in typed["kind"].items()},
        watch=Watch(**typed["watch"][""]),
        collection=Collection(**typed["collection"][""]),
        feed=Feed(**typed["feed"][""]),
        retention=Retention(**typed["retention"][""]),
        entries=entries,
    )


def _value(key: Key, written: Scalar) -> object:
    """What is written, as the type that belongs there; raises `Unreadable`."""
    hint = _hints(_SECTIONS[key[0]])[key[-1]]
    optional = type(None) in get_args(hint)
    nothing = _NOTHING.get(key[-1], _NOTHING_ELSEWHERE)
    if optional and written == nothing:
        return None
    wanted = next(kind for kind in get_args(hint) if kind is not type(None)) if optional else hint
    or_nothing = f', or "{nothing}"' if optional else ""
    try:
        if wanted in (Period, Hours) and isinstance(written, str):
            return wanted.parse(written)
        return msgspec.convert(written, wanted)
    except Unreadable as error:
        raise Unreadable(error.what, error.remedy + or_nothing) from error
    except msgspec.ValidationError as error:
        raise Unreadable(f"{_as_written(written)} will not do", f"give {_wanted(wanted)}{or_nothing}") from error


def _wanted(kind: Any) -> str:
    if kind in _WANTED:
        return _WANTED[kind]
    if get_origin(kind) is Literal:
        return " or ".join(f'"{each}"' for each in get_args(kind))
    bounds = get_args(kind)[1]
    return f"a whole number from {bounds.ge} to {bounds.le}"


@cache
def _hints(of: type[Struct]) -> dict[str, Any]:
    return get_type_hints(of, include_extras=True)
