"""Takes the open export of a whole register into an empty one: all of it in one transaction, or nothing."""

import hashlib
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec.structs import astuple

from kitback.exchange import box
from kitback.exchange.export_all import Told
from kitback.exchange.failures import ExchangeError
from kitback.exchange.open_format import DESCRIPTOR, Package, Resource, columns, files, row_type, schema, tables
from kitback.register import Register
from kitback.register.failures import CALLERS_FAULT
from kitback.register.store import revision
from kitback.register.tables import meta

_AT_ONCE: Final = 5_000
"""Rows, on SQLite; PostgreSQL has each table as one stream."""
_BYTES: Final = 1 << 20
_DESCRIPTOR_BYTES: Final = 16 << 20
"""More is no descriptor."""
_SECRET_BYTES: Final = 32

Row = tuple[Any, ...]


@contextmanager
def opened(source: Path) -> Iterator["Export"]:
    """An export that is whole, and of this Kitback's schema.

    Raises:
        ExchangeError: it is not; the message names the file, and the line where it can.
    """
    with box.opened(source) as found:
        package = _descriptor(found)
        _refuse_other_schema(package)
        for resource in package.resources:
            _verify(found, resource)
        yield Export(found, package)


class Export:
    """An export that was found whole."""

    def __init__(self, found: box.Box, package: Package) -> None:
        self._box = found
        self.package = package

    def into(self, register: Register, told: Told) -> None:
        """Take everything in. The register is then the one that was exported, and has its identity.

        A tag whose secret is not in the export gets one that nobody knows: it has to be provisioned again.

        Raises:
            ExchangeError: the register is not empty, or a line cannot be taken; nothing was kept.
            RegisterError: the database failed; as above.
        """
        with_secrets = self.package.kitback.secrets
        with register.write() as conn:
            _refuse_full(conn)
            conn.execute(sa.delete(meta))  # its own identity, of which nobody knows
            if conn.dialect.name == "sqlite":
                conn.exec_driver_sql("PRAGMA defer_foreign_keys=ON")  # a place may be part of a later one
            for table, resource in zip(tables(), self.package.resources, strict=True):
                with _as_exchange_error(resource), self._box.file(resource.path) as file:
                    _load(
                        conn,
                        table,
                        _names(table, with_secrets),
                        _rows(table, resource, file, with_secrets, told),
                    )
            _settle(conn)


# --- whether it is whole ---------------------------------------------------------------------------------------------


def _descriptor(found: box.Box) -> Package:
    with found.file(DESCRIPTOR) as file:
        content = file.read(_DESCRIPTOR_BYTES)
    try:
        package = msgspec.json.decode(content, type=Package)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExchangeError(f"{DESCRIPTOR} is not as Kitback writes it ({error}): get the export again") from error
    return package


def _refuse_other_schema(package: Package) -> None:
    origin, ours = package.kitback, revision()
    if origin.revision != ours:
        newer = origin.revision > ours
        remedy = (
            "install that version" if newer else "import it with that version, then let this one upgrade the register"
        )
        raise ExchangeError(
            f"the export was written by {'a newer' if newer else 'an older'} Kitback ({origin.version}, schema "
            f"{origin.revision}; this one has {ours}): {remedy}"
        )
    # Names as well: no file is opened but those of an export.
    expected = [(table.name, *files(table), schema(table, origin.secrets)) for table in tables()]
    if [(each.name, each.path, each.line_checks, each.table_schema) for each in package.resources] != expected:
        raise ExchangeError(
            f"the tables in {DESCRIPTOR} are not those of schema {ours}: get the export again, and change nothing in it"
        )


def _verify(found: box.Box, resource: Resource) -> None:
    digest, size = hashlib.sha256(), 0
    with found.file(resource.path) as file:
        # What unpacks to more than it was is not read to its end.
        while size <= resource.bytes and (part := file.read(_BYTES)):
            digest.update(part)
            size += len(part)
    if f"sha256:{digest.hexdigest()}" != resource.hash:
        raise ExchangeError(f"{_where(found, resource, size)}: get the export again, and change nothing in it")


def _where(found: box.Box, resource: Resource, size: int) -> str:
    """The first line of a file that is not as it was written."""
    name = resource.path
    try:
        with found.file(name) as file, found.file(resource.line_checks) as checks:
            line = 0
            no_longer = iter(partial(file.readline, resource.bytes + 1), b"")
            for line, (check, content) in enumerate(zip(checks, no_longer, strict=False), start=1):
                if not content.endswith(b"\n"):
                    return f"{name} is cut off in line {line} of {resource.rows}"
                if b"%08x\n" % zlib.crc32(content[:-1]) != check:
                    return f"{name}, line {line}, was changed since it was exported"
    except ExchangeError:  # without its checks there is but one for the file
        return f"{name} was changed since it was exported ({size} bytes of {resource.bytes})"
    if line < resource.rows:
        return f"{name} is cut off after line {line} of {resource.rows}"
    return f"{name} goes on after line {resource.rows}, which was its last"


def _refuse_full(conn: sa.Connection) -> None:
    for table in tables():
        held = conn.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        if held > (table is meta):
            raise ExchangeError(
                f"the register is not empty: it has rows of {table.name}. Give the path of a new file, or the URL of "
                "an empty database, that no gateway has run on"
            )


# --- taking it in ----------------------------------------------------------------------------------------------------


def _rows(table: sa.Table, resource: Resource, file: Any, with_secrets: bool, told: Told) -> Iterator[Row]:
    decode = msgspec.json.Decoder(row_type(table, with_secrets)).decode
    unknown = len(table.columns) - len(columns(table, with_secrets))
    done = 0
    for line, content in enumerate(file, start=1):
        try:
            row = astuple(decode(content))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ExchangeError(f"{resource.path}, line {line}: {error}: get the export again") from error
        yield row + tuple(secrets.token_bytes(_SECRET_BYTES) for _ in range(unknown))
        if line - done == _AT_ONCE:
            told(_AT_ONCE)
            done = line
    told(resource.rows - done)


def _names(table: sa.Table, with_secrets: bool) -> list[str]:
    """The columns of a row above: those that are not in the export come last."""
    there = [column.name for column in columns(table, with_secrets)]
    return there + [column.name for column in table.columns if column.name not in there]


def _load(conn: sa.Connection, table: sa.Table, names: list[str], rows: Iterator[Row]) -> None:
    if conn.dialect.name == "postgresql":
        _stream(conn, f"COPY {table.name} ({', '.join(names)}) FROM STDIN", rows)
        return
    marks = ", ".join("?" * len(names))
    insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names of our own tables
    while some := list(islice(rows, _AT_ONCE)):
        conn.exec_driver_sql(insert, some)


def _stream(conn: sa.Connection, copy: str, rows: Iterator[Row]) -> None:
    """A table in one statement, so that a place may be part of a later one."""
    driver: Any = conn.connection.dbapi_connection
    errors: Any = conn.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor, cursor.copy(copy) as stream:
            for row in rows:
                stream.write_row(row)
    except errors.Error as error:
        told = sa.exc.DBAPIError.instance(copy, None, error, errors.Error, hide_parameters=True, dialect=conn.dialect)
        raise told from error


def _settle(conn: sa.Connection) -> None:
    """Rows to come are counted on from the last; nothing is named that is not there."""
    if conn.dialect.name == "sqlite":  # which counts on by itself
        for table, *_ in conn.exec_driver_sql("PRAGMA foreign_key_check"):
            raise ExchangeError(f"{table}.jsonl names what the export does not hold: get the export again")
        return
    for table in tables():
        if (counted := table.autoincrement_column) is not None:
            last = sa.select(sa.func.max(counted)).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, counted.name)
            conn.execute(sa.select(sa.func.setval(sequence, last)))


@contextmanager
def _as_exchange_error(resource: Resource) -> Iterator[None]:
    """What the database refuses in a line is the export's fault."""
    try:
        yield
    except CALLERS_FAULT as error:
        raise ExchangeError(f"{resource.path} cannot be taken in ({error.orig}): get the export again") from error
