"""The demo's gateway: the service, in a process of its own, living in the story's time.

`python -m kitback.demo.gateway FOLDER` reads FOLDER/gateway.json, says `ready` on standard output once tags can be
answered, and serves until it is told to end.
"""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kitback.service import Gateway, read_config
from kitback.virtual.story_clock import StoryClock

CLOCK: Final = "story-clock"
REGISTER: Final = "register.db"
PEPPER: Final = "pepper"
LOG: Final = "gateway.log"
_CONFIG: Final = "gateway.json"


class NotReady(Exception):
    """The demo's gateway ended before it could answer. Holds the end of its log."""


def start(folder: Path, config: Mapping[str, Any]) -> subprocess.Popen[str]:
    """Start the gateway in a folder that holds the story's clock, and wait until it can answer tags.

    Args:
        config: fields of `service.Config` other than the register and the pepper.

    Raises:
        NotReady: it ended instead.
    """
    own = {"register": str(folder / REGISTER), "pepper": str(folder / PEPPER)}
    (folder / _CONFIG).write_text(json.dumps({**own, **config}), encoding="utf-8")
    with (folder / LOG).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name if __spec__ else __name__, str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    if process.stdout is None or process.stdout.readline() != "ready\n":
        process.wait()
        raise NotReady(f"the gateway did not start; its log ends:\n{(folder / LOG).read_text('utf-8')[-2000:]}")
    return process


def _serve(folder: Path) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    config = json.loads((folder / _CONFIG).read_text("utf-8"))
    files = {"register": str(folder / REGISTER), "pepper": str(folder / PEPPER)}
    gateway = Gateway(read_config({**config, **files}), StoryClock.open(folder / CLOCK))
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the demo, which then ends us
    try:
        gateway.start()
        print("ready", flush=True)
        gateway.wait()
    finally:
        gateway.stop()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
