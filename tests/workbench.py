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

import lives
from kitback.virtual.tag import firmware, micropython

FLEET = Path(__file__).parent / "fleet"
BARE = ":".join(map(str, [FLEET / "board", ".frozen"]))


class Board:
    """MicroPython at the end of a serial cable. Its files are in `files`; `said` is all that came from it."""

    tag_id = "7c9ebd000001"

    def __init__(self, files: Path, *start: str, path: str = BARE) -> None:
        self.files = files
        self.said = b""
        files.mkdir(exist_ok=True)
        self._ends = [_terminal(), _terminal()]
        (self._computer, port), (self._chip, prompt) = self._ends
        self.port = os.ttyname(port)
        self._process = subprocess.Popen(
            [micropython(), *start],
            stdin=prompt,
            stdout=prompt,
            stderr=prompt,
            cwd=files,
            env={"MICROPYPATH": path},
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


class FittedBoard(Board):
    """The virtual board, with the application, provisioned for a kind, and with some sensors of its parts.py."""

    def __init__(self, files: Path, kind: str, sensors: str) -> None:
        files.mkdir()
        self._nvs = files / "nvs"
        self._nvs.write_text(f"kitback provision blob {json.dumps(lives.provision(kind, 1)).encode().hex()}\n")
        header = f"tag {self.tag_id}\nstart {lives.START}\nend {lives.START + lives.DAY}\n"
        (files / "world").write_text(header + f"fitted {sensors}\nnoise_pct 10\n")
        self._hands = files / "hands"
        self.feel()
        path = [firmware() / "virtual", firmware(), firmware() / "lib", ".frozen"]
        super().__init__(files, "-i", str(FLEET / "equipment" / "start.py"), path=":".join(map(str, path)))

    def feel(self, **felt: int) -> None:
        """What happens to the equipment from now on; all else is at rest."""
        self._hands.write_text(json.dumps(felt))

    @property
    def noted(self) -> dict[str, Any]:
        """What was noted when it was fitted."""
        for line in self._nvs.read_text().splitlines():
            if line.startswith("kitback fitting blob "):
                return dict(json.loads(bytes.fromhex(line.split()[-1])))
        return {}


def _terminal() -> tuple[int, int]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    return ours, theirs
