"""TOML with the line of every key, and with every broken line, not only the first: `tomllib` tells neither.

The line of a key is the first with which the file, cut off there, has it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_UNREADABLE = (ValueError, RecursionError)
"""Besides what is no TOML: numbers of thousands of digits, and lists in lists in lists."""
_PLACE = re.compile(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is no TOML."""

    line: int
    text: str
    why: str
    last: bool
    """Whether nothing after it could be read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What could be read of a file."""

    tree: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]
    """The line of each table and value, counted from 1."""
    broken: list[Broken]


def parse(text: str) -> Parsed:
    """Read TOML; a broken line is left out, and after a broken heading all that follows is."""
    lines = text.replace("\r\n", "\n").split("\n")
    broken: list[Broken] = []
    while True:
        try:
            tree = tomllib.loads("\n".join(lines))
        except _UNREADABLE as error:
            broken.append(_leave_out(lines, str(error)))
        else:
            return Parsed(tree, dict(_first_lines(lines)), broken)


def _leave_out(lines: list[str], message: str) -> Broken:
    place = _PLACE.search(message)
    noticed = int(place[1]) if place and place[1] else len(lines)
    # A list that is never closed is noticed further down; what is broken is the line it begins on.
    begins = next(count for count in reversed(range(noticed)) if _tree(lines[:count]) is not None)
    last = lines[begins].lstrip().startswith("[") or not (place and place[1])
    told = Broken(begins + 1, lines[begins].strip(), _PLACE.sub("", message), last)
    for each in range(begins, len(lines) if last else noticed):
        lines[each] = ""
    return told


def _first_lines(lines: list[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    seen: set[tuple[str, ...]] = set()
    for count, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        for key in _keys(_tree(lines[:count]) or {}, ()):
            if key not in seen:
                seen.add(key)
                yield key, count


def _keys(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, value in tree.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _keys(value, (*above, name))


def _tree(lines: list[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("\n".join(lines))
    except _UNREADABLE:
        return None
