"""Writes the open export of a whole register, as it is at one moment."""

import hashlib
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import msgspec
import sqlalchemy as sa

from kitback.exchange import box
from kitback.exchange.open_format import DESCRIPTOR, Origin, Package, Resource, by_key, columns, files, schema, tables
from kitback.register import Register, counters
from kitback.register.outbox import ACCOUNTS
from kitback.register.store import revision
from kitback.register.tables import counter, outbox, sink

_AT_ONCE: Final = 500
"""Rows: one of the outbox may hold half a megabyte."""

Told = Callable[[int], None]
"""Is told how many rows more are done."""

_encode = msgspec.json.Encoder().encode


def export_all(register: Register, target: Path, *, secrets: bool, told: Told) -> Package:
    """Write the whole register into a new folder, or a new ZIP file if its name ends in .zip.

    Who reads is not waited for: gateways go on. The same register makes the same bytes, whichever database it is on.

    Args:
        secrets: with the tags' secrets. Without them every tag has to be provisioned again where this is imported.

    Raises:
        ExchangeError: it cannot be written; nothing was left there.
        RegisterError: the register cannot be read; as above.
    """
    with box.new(target) as new, register.read() as conn:
        resources = [_export(conn, new, table, secrets, told) for table in tables()]
        origin = Origin(version=version("kitback"), revision=revision(), secrets=secrets)
        package = Package(kitback=origin, resources=resources)
        with new.add(DESCRIPTOR) as file:
            file.write(msgspec.json.format(_encode(package), indent=2) + b"\n")
    return package


def _export(conn: sa.Connection, new: box.NewBox, table: sa.Table, secrets: bool, told: Told) -> Resource:
    path, line_checks = files(table)
    checks = array("I")
    with new.add(path) as file:
        size, digest = _write(file, _lines(conn, table, secrets, told), checks)
    with new.add(line_checks) as file:
        for at in range(0, len(checks), _AT_ONCE):
            file.write(b"".join(b"%08x\n" % check for check in checks[at : at + _AT_ONCE]))
    return Resource(
        name=str(table.name),
        path=path,
        line_checks=line_checks,
        rows=len(checks),
        bytes=size,
        hash=f"sha256:{digest}",
        description=table.comment or "",
        table_schema=schema(table, secrets),
    )


def _write(file: BinaryIO | IO[bytes], batches: Iterable[list[bytes]], checks: "array[int]") -> tuple[int, str]:
    """Returns the size and the SHA-256 of all lines."""
    size, digest = 0, hashlib.sha256()
    for lines in batches:
        checks.extend(map(zlib.crc32, lines))
        together = b"\n".join([*lines, b""])
        digest.update(together)
        size += file.write(together)
    return size, digest.hexdigest()


def _lines(conn: sa.Connection, table: sa.Table, secrets: bool, told: Told) -> Iterator[list[bytes]]:
    names = [column.name for column in columns(table, secrets)]
    for rows in _counters(conn) if table is counter else _rows(conn, table, names):
        yield [_encode(dict(zip(names, row, strict=True))) for row in rows]
        told(len(rows))


def _rows(conn: sa.Connection, table: sa.Table, names: list[str]) -> Iterator[Sequence[Sequence[Any]]]:
    chosen = sa.select(*(table.c[name] for name in names)).order_by(*by_key(table, conn.dialect.name))
    if table is outbox:
        chosen = chosen.where(_WAITS)
    return conn.execute(chosen.execution_options(yield_per=_AT_ONCE)).partitions()


# History has a store of its own. Of the outbox an export holds what an InfluxDB still waits for, or all there is if
# none is configured; the accounts say of the rest what they will say once its time is up: that it was purged.
_WAITS: Final = outbox.c.outbox_id > sa.func.coalesce(
    sa.select(sa.func.min(sink.c.drained_to)).where(sink.c.configured).scalar_subquery(), 0
)
_WAITING: Final = sa.select(
    sa.func.coalesce(sa.func.sum(outbox.c.count), 0), sa.func.coalesce(sa.func.sum(sa.func.length(outbox.c.lines)), 0)
).where(_WAITS)


def _counters(conn: sa.Connection) -> Iterator[Sequence[Sequence[Any]]]:
    found = counters.everything(conn)
    waiting = conn.execute(_WAITING).one()
    for (ever, purged), more in zip(ACCOUNTS, waiting, strict=True):
        found[purged] = found.get(ever, 0) - int(more)
    yield sorted((name, value) for name, value in found.items() if value)
