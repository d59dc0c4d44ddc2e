"""Several files in a folder or a ZIP file, whichever its name says; it is there whole, or not at all."""

import os
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from kitback.exchange.failures import ExchangeError

_LEVEL = 1
"""JSON Lines get eight times smaller with it; the best level makes a tenth less of them, in four times the time."""


class NewBox:
    """A folder or a ZIP file that is being filled."""

    def __init__(self, folder: Path, archive: zipfile.ZipFile | None) -> None:
        self._folder = folder
        self._archive = archive

    @contextmanager
    def add(self, name: str) -> Iterator[BinaryIO | IO[bytes]]:
        """A new file, to be written from beginning to end before the next one."""
        if self._archive is not None:  # by its name, so that it has no date: the same content is the same file
            with self._archive.open(name, "w", force_zip64=True) as entry:
                yield entry
            return
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as file:
            yield file
            _to_disk(file)


@contextmanager
def new(target: Path) -> Iterator[NewBox]:
    """A new folder, or ZIP file if its name ends in .zip. Its name appears when it is whole and on the disk.

    Raises:
        ExchangeError: it is there already, or cannot be written.
    """
    if target.exists():
        raise ExchangeError(f"{target} is there already: give a new name, or remove it first")
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.unfinished")
    try:
        if target.suffix == ".zip":
            with open(unfinished, "xb", opener=_own) as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
                    yield NewBox(unfinished, archive)
                _to_disk(file)
        else:
            unfinished.mkdir(mode=0o700)
            yield NewBox(unfinished, None)
        unfinished.rename(target)
    except OSError as error:
        raise ExchangeError(f"cannot write {target}: {error.strerror}; nothing was left there") from error
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            unfinished.unlink(missing_ok=True)


def _own(path: str, flags: int) -> int:
    """For its owner only, as the folder."""
    return os.open(path, flags, 0o600)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


class Box:
    """A folder or a ZIP file to read."""

    def __init__(self, source: Path, archive: zipfile.ZipFile | None) -> None:
        self._source = source
        self._archive = archive

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO | IO[bytes]]:
        """One of its files.

        Raises:
            ExchangeError: it is not there, or cannot be read.
        """
        try:
            file = self._archive.open(name) if self._archive else (self._source / name).open("rb")
        except RuntimeError as error:  # it asks for a password, or was packed in a way of its own
            raise ExchangeError(
                f"{self._source} was packed by something else ({error}): unpack it into a folder"
            ) from error
        except (KeyError, OSError) as error:
            raise ExchangeError(f"{self._source} lacks {name}: get the whole export again") from error
        try:
            with file:
                yield file
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ExchangeError(f"{name} in {self._source} cannot be read ({error}): get the export again") from error


@contextmanager
def opened(source: Path) -> Iterator[Box]:
    """A folder or ZIP file that is there.

    Raises:
        ExchangeError: it is neither.
    """
    if source.is_dir():
        yield Box(source, None)
        return
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise ExchangeError(f"there is no {source}: give the folder or ZIP file of an export") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise ExchangeError(f"{source} is no folder, and no whole ZIP file: get the export again") from error
    with archive:
        yield Box(source, archive)
