"""FHIR in files: one bundle, or a file a type with a resource a line, as FHIR Bulk Data has it.

Each resource is checked against the R4B model before it is written; the file appears whole, or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
from pydantic import ValidationError

from kitback.exchange.fhir.resources import MAKERS, Resource

Typed = Iterable[tuple[str, Iterable[Resource]]]
"""Resources, type by type."""


class Invalid(Exception):
    """A resource is not what FHIR allows; the message names it, the element and what is wrong."""


class _Model(Protocol):
    def model_validate(self, resource: Resource) -> object: ...


def write_bundle(path: Path, typed: Typed) -> Counter[str]:
    """Write a bundle of type `collection`, and return how many resources of each type it has.

    Raises:
        Invalid: a resource breaks the model. Nothing is written.
        OSError: the file cannot be written.
    """
    written = Counter[str]()
    with _whole(path) as file:
        file.write(b'{"resourceType":"Bundle","type":"collection","entry":[')
        for resource in _checked(typed, written):
            file.write(b",\n" if written.total() > 1 else b"\n")
            file.write(msgspec.json.encode({"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}))
        file.write(b"\n]}\n")
    return written


def write_ndjson(folder: Path, typed: Typed) -> Counter[str]:
    """Write a file `<type>.ndjson` for each of the types into a folder, and return how many resources each has.

    Raises:
        Invalid: a resource breaks the model. Nothing is written.
        OSError: the files cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = Counter[str]()
    with ExitStack() as stack:
        files = {kind: stack.enter_context(_whole(folder / f"{kind}.ndjson")) for kind in MAKERS}
        for resource in _checked(typed, written):
            files[resource["resourceType"]].write(msgspec.json.encode(resource) + b"\n")
    return written


def _checked(typed: Typed, written: "Counter[str]") -> Iterator[Resource]:
    for kind, resources in typed:
        model: _Model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        for resource in resources:
            try:
                model.model_validate(resource)
            except ValidationError as error:
                first = error.errors(include_url=False, include_context=False)[0]
                where = ".".join(str(each) for each in (kind, *first["loc"]))
                number = resource["identifier"][0]["value"]
                raise Invalid(
                    f"{kind} {number}: {where}: {first['msg']}; FHIR does not allow {first['input']!r}: "
                    "put it right in the register"
                ) from error
            written[kind] += 1
            yield resource


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its place when all of it is written; what was there before stays until then."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
