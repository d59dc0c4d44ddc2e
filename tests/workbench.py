"""A workbench: a board that is real MicroPython, waiting at its prompt at the other end of a cable."""

import json
import os
import pty
import select
import subprocess
import threading
import tty
from pathlib import Path
from typing import Any

from kitback.virtual.tag import micropython

MODULES = Path(__file__).parent / "fleet" / "board"


class Board:
    """MicroPython at the end of a serial cable. Its files are in `files`; `said` is all that came from it."""

    tag_id = "7c9ebd000001"

    def __init__(self, files: Path) -> None:
        self.files = files
        self.said = b""
        files.mkdir()
        self._ends = [_terminal(), _terminal()]
        (self._computer, port), (self._chip, prompt) = self._ends
        self.port = os.ttyname(port)
        self._process = subprocess.Popen(
            [micropython()],
            stdin=prompt,
            stdout=prompt,
            stderr=prompt,
            cwd=files,
            env={"MICROPYPATH": f"{MODULES}:.frozen"},
            start_new_session=True,
        )
        self._cut, self._pull = os.pipe()
        self._cable = threading.Thread(target=self._carry, daemon=True)
        self._cable.start()

    @property
    def nvs(self) -> dict[str, Any]:
        return dict(json.loads((self.files / "nvs").read_text()))

    def wait_for_restart(self) -> None:
        """Until the program has reset the board, which ends it here."""
        self._process.wait(10)

    def unplug(self) -> None:
        os.write(self._pull, b".")
        self._cable.join()
        self._process.kill()
        self._process.wait()
        for each in (self._cut, self._pull, *self._ends[0], *self._ends[1]):
            os.close(each)

    def _carry(self) -> None:
        while True:
            ready, _, _ = select.select([self._computer, self._chip, self._cut], [], [])
            if self._cut in ready:
                return
            if self._computer in ready:
                os.write(self._chip, os.read(self._computer, 256))
            if self._chip in ready:
                data = os.read(self._chip, 256)
                self.said += data
                os.write(self._computer, data)


def _terminal() -> tuple[int, int]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    return ours, theirs
