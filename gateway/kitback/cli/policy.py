"""`kitback policy`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from kitback.cli.plain import pipe
from kitback.cli.tables import styled, table
from kitback.cli.where import PolicyOption, read_policy

if TYPE_CHECKING:
    from kitback.policy import Policy

app = typer.Typer(no_args_is_help=True, help="Pathways, loan periods and thresholds, and where each comes from.")

_ORIGINS = {"P": "published", "J": "Kitback's judgement", "own": "your policy file", "": ""}


@app.command("show")
def show(policy: PolicyOption = None) -> None:
    """The policy in force, and where each value comes from.

    A policy file repeats only what it changes:

        [pathway.home_first]
        loan_period = "56 d"

    What is wrong with a file given by --policy is said, with the remedy.
    """
    agreed = read_policy(policy)
    with pipe():
        table("Policy", ("Setting", "Value", "Origin"), _rows(agreed))


def _rows(policy: "Policy") -> Iterator[tuple[str | Text, str, str]]:
    above: tuple[str, ...] = ()
    for (*table_of, setting), entry in policy.entries.items():
        if tuple(table_of) != above:
            above = tuple(table_of)
            yield styled(".".join(above), "bold"), "", ""
        if setting != "name":
            value = str(entry.value).lower() if isinstance(entry.value, bool) else str(entry.value)
            yield f"  {setting}", value, ": ".join(part for part in (_ORIGINS[entry.origin], entry.note) if part)
