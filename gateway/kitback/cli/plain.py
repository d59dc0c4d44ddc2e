"""How the command line speaks: results on standard output, trouble on standard error, in plain words."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

FAILED = 1
"""Exit code: it could not be done; the words say why."""
WRONG = 2
"""Exit code: the command line or the configuration asks for something that is not possible."""
NUMBERS = 10**12
"""No register counts further; databases take no number much larger."""


def fail(why: object, code: int = FAILED) -> NoReturn:
    """Say why, and exit."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]kitback:[/] {_plain(why)}")
    raise typer.Exit(code)


@contextmanager
def failing(*errors: type[Exception], code: int = FAILED) -> Iterator[None]:
    """Turn these errors, whose messages are meant for people, into an exit."""
    try:
        yield
    except errors as error:
        fail(error, code)


@contextmanager
def pipe() -> Iterator[None]:
    """Stop quietly when whatever reads our output (`head`, a pager) has had enough."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at exit: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from None


def _plain(why: object) -> str:
    # Square brackets are markup to Rich; here they are somebody's words.
    return str(why).replace("[", "\\[")
