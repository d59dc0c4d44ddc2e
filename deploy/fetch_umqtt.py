"""Fetches MicroPython's MQTT client, `umqtt.simple`, for the virtual tags: `python deploy/fetch_umqtt.py firmware/lib`.

It is published as a source archive that pip cannot build, so the archive is found as pip would find it, checked against
the hash below and unpacked. Boards get the client from micropython-lib instead (see firmware/manifest.py).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2
from unearth import HashMismatchError, PackageFinder

REQUIREMENT = "micropython-umqtt.simple==1.3.4"
SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"


def fetch(into: Path) -> None:
    """Put the package `umqtt` into a directory, which is made when it does not exist.

    Raises:
        SystemExit: the archive cannot be had, or is not the one that is meant.
    """
    finder = PackageFinder(index_urls=_indexes())
    with tempfile.TemporaryDirectory() as scratch:
        try:
            package = finder.find_best_match(REQUIREMENT).best
            if package is None:
                sys.exit(f"{REQUIREMENT} was not found. Is there a network, and does pip's package index carry it?")
            unpacked = finder.download_and_unpack(package.link, scratch, hashes={"sha256": [SHA256]})
        except HashMismatchError:
            sys.exit(f"{REQUIREMENT}: not the archive this was tested with (sha256 {SHA256}).")
        except httpx2.HTTPError as error:
            sys.exit(f"{REQUIREMENT} could not be fetched: {error}")
        # Without the archive's old file times, which would make `make` fetch it again.
        shutil.copytree(unpacked / "umqtt", into / "umqtt", copy_function=shutil.copy, dirs_exist_ok=True)


def _indexes() -> list[str]:
    """The package index that pip is told to use; none means the public one."""
    if index := os.environ.get("PIP_INDEX_URL"):
        return [index]
    pip = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(pip, capture_output=True, text=True, check=False).stdout.split()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    fetch(Path(sys.argv[1]))
