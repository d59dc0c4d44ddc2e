"""Where the time of the intake goes: `python -m bench.profiled FILE gateway` is `kitback gateway` with a profile.

Only the thread that takes reports in is profiled, by the wall clock: what it waits for counts, too. A profile makes
Python calls dearer than they are, and C calls not; its shares are a guide, not a measurement.
"""

import cProfile
import pstats
import sys
import threading
from collections import defaultdict
from pathlib import Path

from kitback.cli import main

_THREAD = "intake"
_BUILTIN = "~"
_BUILTINS = {
    "sqlite3": "SQLite",
    "psycopg": "PostgreSQL",
    "select": "waiting for the broker",
    "msgspec": "msgspec",
    "_hashlib": "HMAC",
    "_hmac": "HMAC",
    "hmac_digest": "HMAC",
    "socket": "sockets",
}


def by_module(path: Path) -> dict[str, float]:
    """Seconds spent in each module itself, the most first; what the interpreter does for a module is the module's."""
    spent: dict[str, float] = defaultdict(float)
    for function, (_, _, own, _, callers) in pstats.Stats(str(path)).stats.items():  # type: ignore[attr-defined]
        if function[0] != _BUILTIN:
            spent[_module(function[0])] += own
        elif name := next((name for part, name in _BUILTINS.items() if part in function[2]), None):
            spent[name] += own
        else:
            for caller, (_, _, part, _) in callers.items():
                spent[_module(caller[0])] += part
    return dict(sorted(spent.items(), key=lambda each: -each[1]))


def _module(file: str) -> str:
    if file == _BUILTIN:
        return "the interpreter"
    for root in ("gateway", "site-packages"):
        _, found, below = file.partition(f"/{root}/")
        if found:
            parts = Path(below).with_suffix("").parts
            return ".".join(parts) if root == "gateway" else parts[0]
    return "standard library"


def _profile(path: Path) -> None:
    """Have the thread write its profile to a file when it ends."""
    run = threading.Thread.run

    def profiled(self: threading.Thread) -> None:
        if self.name != _THREAD:
            run(self)
            return
        profile = cProfile.Profile()
        try:
            profile.runcall(run, self)
        finally:
            profile.dump_stats(path)

    threading.Thread.run = profiled  # type: ignore[method-assign]


if __name__ == "__main__":
    _profile(Path(sys.argv.pop(1)))
    main()
