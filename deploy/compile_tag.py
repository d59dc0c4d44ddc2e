"""Compiles the tag's application as `kitback tag deploy` does: `python deploy/compile_tag.py DIRECTORY`."""

import sys
from pathlib import Path

from kitback.fleet.application import compiled
from kitback.virtual.tag import firmware


def main(directory: Path) -> None:
    """Write every module below a directory, by the path it has on a board."""
    for name, code in compiled(firmware()).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(code)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
