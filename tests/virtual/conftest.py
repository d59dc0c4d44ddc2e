"""A workbench for the virtual hardware: small applications in place of the tag's own."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

import pytest

from kitback.virtual.tag import HEAP, firmware, micropython

START = 1_790_000_000
HEADER = f"tag 0123456789ab\nstart {START}\nend {START + 30 * 86_400}\nseed 7\n"
AGAIN = 3


class Bench:
    """One virtual tag that runs what a test wants."""

    def __init__(self, directory: Path) -> None:
        self.firmware = directory / "firmware"
        self.tag = directory / "tag"
        self.tag.mkdir()
        shutil.copytree(firmware() / "virtual", self.firmware / "virtual")
        (self.firmware / "boot.py").touch()
        self.world()

    def application(self, source: str, name: str = "main") -> None:
        """Install a module of the application. `sleep` of the last line ends most of them: a tag never ends."""
        (self.firmware / f"{name}.py").write_text(dedent(source))

    def world(self, events: Iterable[str] = (), header: str = "") -> None:
        """What happens: event lines with seconds after the start."""
        lines = []
        for event in events:
            after, rest = event.split(" ", 1)
            lines.append(f"{START + int(after)} {rest}\n")
        (self.tag / "world").write_text(HEADER + header + "".join(lines))

    def run(self, conductor_port: int = 0, restart_every: int = 0) -> tuple[int, list[str]]:
        """Start one process. Returns its exit code and the lines it printed."""
        run = self.firmware / "virtual" / "run.py"
        command = [micropython(), "-X", f"heapsize={HEAP}", run, self.tag, str(conductor_port), str(restart_every)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)
        return done.returncode, done.stdout.decode().splitlines()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
