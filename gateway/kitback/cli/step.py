"""What the steps of staff share on the command line: who, why and when; and ids that the shell can complete."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import NUMBERS, WRONG, fail, failing
from kitback.cli.where import default_register, opened, read_policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from kitback.policy import Policy

_COMPLETIONS = 50
_YEARS = range(1970, 3000)
"""What is not within these is a slip of the hand."""


def moment(text: str) -> int:
    """The Unix second of a time in ISO 8601; without a zone it is London's, without an hour the day's beginning."""
    from datetime import datetime

    from kitback.policy import LONDON
    from kitback.policy.period import unix

    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write it as 2026-10-24 or 2026-10-24T09:30") from None
    if written.year not in _YEARS:
        raise typer.BadParameter(f"{text!r} is not between {_YEARS[0]} and {_YEARS[-1]}: check the year")
    return unix(written.replace(tzinfo=LONDON)) if written.tzinfo is None else int(written.timestamp())


WhoOption = Annotated[
    str,
    typer.Option(
        "--who", metavar="NAME", callback=lambda who: who or getuser(), show_default="your login", help="Who did it."
    ),
]
WhyOption = Annotated[
    str | None, typer.Option("--why", metavar="TEXT", help="Why, in your own words. No name, no address.")
]
AtOption = Annotated[
    int | None,
    typer.Option(
        "--at", metavar="TIME", parser=moment, help="When it happened, as 2026-10-24T09:30 in London; now if left out."
    ),
]
AgreedOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        envvar="KITBACK_POLICY",
        help="Your service's policy file. Without it: what this register was last judged by, else the defaults.",
    ),
]
LimitOption = Annotated[int | None, typer.Option(min=1, max=NUMBERS, help="So many at most, the first.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs. Times are UTC.")]


def happened(at: int | None) -> int:
    """When a step happened; what is still to come has not."""
    import time

    from kitback.watch.words import stamp

    now = int(time.time())
    if at is not None and at > now:
        fail(f"{stamp(at)} is still to come: enter it when it has happened", WRONG)
    return now if at is None else at


@contextmanager
def step(register: str) -> Iterator["sa.Connection"]:
    """A transaction for one step; what the register refuses ends the command in plain words, nothing changed."""
    from kitback.register import IllegalMove, RegisterError

    with opened(register) as found, failing(RegisterError, IllegalMove), found.write() as conn:
        yield conn


def agreed(conn: "sa.Connection", path: Path | None) -> "Policy":
    """The policy that a step sets clocks by. Unless told otherwise the gateway's: it does not set them again."""
    import msgspec

    from kitback.policy import PolicyError, restore
    from kitback.register.settled import settled

    kept = settled(conn, "policy")
    if path is None and kept is not None:
        try:
            return restore(msgspec.json.decode(kept)["values"])
        except PolicyError:  # of another Kitback: when this one judges, it sets all clocks anew
            pass
    return read_policy(path)


@contextmanager
def look(register: str) -> Iterator["sa.Connection"]:
    """A transaction that only reads."""
    from kitback.register import IllegalMove, RegisterError

    with opened(register) as found, failing(RegisterError, IllegalMove), found.read() as conn:
        yield conn


def completing(ids: "Callable[[sa.Connection, str], Iterable[str]]") -> Callable[[typer.Context, str], list[str]]:
    """Completion of an id that has been begun, from the register that the command would use."""

    def complete(context: typer.Context, begun: str) -> list[str]:
        from kitback.register import Register, RegisterError

        where = context.params.get("register") or os.environ.get("KITBACK_REGISTER") or default_register()
        try:
            register = Register.open(where) if "://" in where or Path(where).is_file() else None
        except RegisterError:
            register = None
        if register is None:
            return []
        try:
            with register.read() as conn:
                return list(ids(conn, begun))
        except RegisterError:
            return []
        finally:
            register.close()

    return complete


def asset_ids(conn: "sa.Connection", begun: str) -> list[str]:
    """Assets whose ids begin so."""
    from kitback.register.tables import asset

    return _beginning(conn, asset.c.asset_id, begun)


def loan_refs(conn: "sa.Connection", begun: str) -> list[str]:
    """Running loans whose references begin so."""
    from kitback.register.tables import loan

    return _beginning(conn, loan.c.loan_ref, begun, loan.c.to_s.is_(None))


def place_ids(conn: "sa.Connection", begun: str) -> list[str]:
    """Places that something can be lent to, whose ids begin so."""
    from kitback.register.tables import place

    return _beginning(conn, place.c.place_id, begun, place.c.type != "zone")


def every_place_id(conn: "sa.Connection", begun: str) -> list[str]:
    """Places whose ids begin so, parts of others as well."""
    from kitback.register.tables import place

    return _beginning(conn, place.c.place_id, begun)


def store_ids(conn: "sa.Connection", begun: str) -> list[str]:
    """Stores whose ids begin so."""
    from kitback.register.tables import place

    return _beginning(conn, place.c.place_id, begun, place.c.type == "store")


def _beginning(
    conn: "sa.Connection", column: "sa.Column[str]", begun: str, *which: "sa.ColumnElement[bool]"
) -> list[str]:
    import sqlalchemy as sa

    chosen = sa.select(column).where(column.startswith(begun, autoescape=True), *which)
    return list(conn.scalars(chosen.order_by(column).limit(_COMPLETIONS)))
