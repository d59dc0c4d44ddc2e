"""Runs parts of the firmware on real MicroPython."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kitback.virtual.tag import firmware, micropython

HERE = Path(__file__).parent
# What a tag has, and room for the board that stands in for the real one: its flash alone is 64 KiB of this heap.
HEAP = "384K"

OnTag = Callable[..., Any]


@pytest.fixture(scope="session")
def on_tag() -> OnTag:
    """Runs a script on MicroPython with the firmware in reach.

    `given` is there under that name, and the last line that the script prints is the answer; both pass through JSON.
    KITBACK_UMQTT may name a directory with another `umqtt` than the one that virtual tags use, which is PyPI's.
    """
    umqtt = os.environ.get("KITBACK_UMQTT", firmware() / "lib")
    path = f"{HERE / 'standin'}:{firmware()}:{umqtt}:.frozen"

    def run(script: str, given: Any = None) -> Any:
        program = f"import json, sys\ngiven = json.load(sys.stdin)\n{script}"
        done = subprocess.run(
            [micropython(), "-X", f"heapsize={HEAP}", "-c", program],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "MICROPYPATH": path},
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
