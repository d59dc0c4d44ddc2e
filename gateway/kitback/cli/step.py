"""Who did something, when and why: what every command that changes the register is told."""

from datetime import datetime
from getpass import getuser
from typing import Annotated

import typer

from kitback.cli.plain import WRONG, fail

WhoOption = Annotated[
    str,
    typer.Option(
        "--who",
        metavar="NAME",
        default_factory=getuser,
        show_default="your login name",
        help="Who did it, for the log.",
    ),
]
WhyOption = Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Why, in your words, for the log.")]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        show_default="now",
        help="When it happened: 2025-11-12T09:30, in London if no zone is named.",
    ),
]


def done_at(at: str | None) -> int:
    """Unix second of `--at`: now when nothing was given; what is still to come ends the command in plain words."""
    from kitback.clock import SystemClock, now_s

    now = now_s(SystemClock())
    then = now if at is None else moment("--at", at)
    if then > now:
        fail(f"--at {at} is still to come: give a time that has passed", WRONG)
    return then


def moment(option: str, given: str) -> int:
    """Unix second of a time as people type it, `2025-11-12T09:30` or `2025-11-12`, which is the beginning of that day.

    London's unless a zone is named.
    """
    from kitback.policy import LONDON

    try:
        then = datetime.fromisoformat(given)
    except ValueError:
        fail(f'{option} "{given}" is no time: give it as 2025-11-12T09:30, or as 2025-11-12', WRONG)
    return int((then if then.tzinfo else then.replace(tzinfo=LONDON)).timestamp())
