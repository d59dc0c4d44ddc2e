"""`kitback policy`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from kitback.cli.plain import FAILED, WRONG, failing, pipe
from kitback.cli.policy_explain import explain
from kitback.cli.tables import styled, table
from kitback.cli.where import PolicyOption, read_policy

if TYPE_CHECKING:
    from kitback.policy import Checked, Mistake, Policy, Scalar

app = typer.Typer(no_args_is_help=True, help="Pathways, loan periods and thresholds, and where each comes from.")
app.command("explain")(explain)


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
        table("Policy", ("Setting", "Value", "Origin"), _lines(agreed))


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Your service's policy file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one object.")] = False,
) -> None:
    """Everything that is wrong with a policy file, with its line and the remedy, and what it changes.

    Nothing is put in force by it. Exit codes: 0 the file can be used, 1 it has mistakes, 2 it cannot be read.
    """
    from kitback.policy import PolicyError
    from kitback.policy import check as read

    with failing(PolicyError, code=WRONG):
        checked = read(file)
    with pipe():
        if as_json:
            _print_json(file, checked)
        else:
            _show(file, checked)
    if checked.mistakes:
        raise typer.Exit(FAILED)


def _lines(policy: "Policy") -> Iterator[tuple[str | Text, str, str]]:
    above: tuple[str, ...] = ()
    for (*heading, setting), entry in policy.entries.items():
        if tuple(heading) != above:
            above = tuple(heading)
            yield styled(".".join(above), "bold"), "", ""
        if setting != "name":
            yield f"  {setting}", _written(entry.value), entry.source


def _written(value: "Scalar") -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _differences(checked: "Checked") -> list[dict[str, Any]]:
    from kitback.policy import load

    defaults = load()
    was = {".".join(key): entry for key, entry in defaults.entries.items()}
    return [
        {
            "line": checked.lines.get(each.key),
            "key": each.key,
            "value": each.after,
            "default": each.before,
            "default_source": was[each.key].source,
        }
        for each in checked.policy.differences(defaults.values)
    ]


def _print_json(file: Path, checked: "Checked") -> None:
    import msgspec

    told = {
        "file": str(file),
        "usable": not checked.mistakes,
        "mistakes": checked.mistakes,
        "remarks": checked.remarks,
        "differences": _differences(checked),
    }
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")


def _show(file: Path, checked: "Checked") -> None:
    columns = ("Line", "Setting", "What to do")
    if checked.mistakes:
        count = len(checked.mistakes)
        table(f"{file}: {count} mistake{'s' if count > 1 else ''}", columns, _places(checked.mistakes))
    else:
        typer.echo(f"{file}: no mistakes, it can be used.")
    if checked.remarks:
        table("Worth a second look", columns, _places(checked.remarks))
    differences = _differences(checked)
    if not differences:
        typer.echo("Nothing differs from the defaults.")
        return
    table(
        "What differs from the defaults",
        ("Line", "Setting", "Yours", "Default", "Where the default comes from"),
        (
            (
                _number(each["line"]),
                each["key"],
                _written(each["value"]),
                _written(each["default"]),
                each["default_source"],
            )
            for each in differences
        ),
    )


def _places(mistakes: "list[Mistake]") -> Iterator[tuple[str, str, str]]:
    for each in mistakes:
        yield _number(each.line), each.key, f"{each.what}; {each.remedy}"


def _number(line: int | None) -> str:
    return "" if line is None else str(line)
