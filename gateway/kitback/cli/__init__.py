"""The command line: `kitback`."""

from kitback.cli.app import main

__all__ = ["main"]
