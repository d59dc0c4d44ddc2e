"""`kitback worklist`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import WRONG, fail, pipe
from kitback.cli.tables import as_csv, styled, table
from kitback.cli.where import PolicyOption, RegisterOption, opened, read_policy

if TYPE_CHECKING:
    from kitback.collect import WorklistItem
    from kitback.policy import Policy

_COLUMNS = ("asset_id", "loan_ref", "kind", "model", "pathway", "lent_to", "reason", "action", "sentence", "since")
_STYLES = {"safety_check": "bold red", "book_in": "green", "review": "magenta", "clinician": "yellow"}


def worklist(
    register: RegisterOption,
    policy: PolicyOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list, one object a flag.")] = False,
    comma_separated: Annotated[bool, typer.Option("--csv", help="For spreadsheets: a line a flag.")] = False,
) -> None:
    """What staff have to do: every open flag, the most pressing first.

    Each says what was seen and since when. Not used means ask: nothing on the list is a reason to fetch equipment
    without asking. Times in --json and --csv are UTC.
    """
    if as_json and comma_separated:
        fail("give --json or --csv, not both", WRONG)
    agreed = read_policy(policy)
    import msgspec

    from kitback.collect import is_virtual
    from kitback.collect import worklist as open_flags

    with opened(register) as found, found.read() as conn:
        items, virtual = open_flags(conn), is_virtual(conn)
    with pipe():
        if as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(items), indent=2).decode() + "\n")
        elif comma_separated:
            as_csv(_COLUMNS, ([getattr(item, column) for column in _COLUMNS] for item in items))
        else:
            show(items, agreed, virtual)


def show(items: "list[WorklistItem]", policy: "Policy", virtual: bool) -> None:
    """Print the worklist as a table."""
    title = f"Worklist: {len(items)} to do" if items else "Worklist: nothing to do"
    table(
        f"{title} (demonstration, the tags are virtual)" if virtual else title,
        ("To do", "Equipment", "Why", "Lent to"),
        (
            (
                styled(item.title, _STYLES.get(item.action, "cyan")),
                f"{item.asset_id}\n{policy.kind[item.kind].name}",
                item.sentence,
                f"{item.lent_to}\n{item.loan_ref}",
            )
            for item in items
        ),
    )
