"""`kitback import`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.export import progress
from kitback.cli.plain import FAILED, WRONG, failing, pipe
from kitback.cli.step import AgreedOption, JsonOption, WhoOption, WhyOption, agreed
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from kitback.exchange.csv_in import Taken

app = typer.Typer(no_args_is_help=True, help="What comes in from other systems: spreadsheets, and a whole register.")

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The sheet, saved as CSV in UTF-8.", show_default=False)
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be; change nothing.")]
SkipOption = Annotated[bool, typer.Option("--skip-bad", help="Take in what is right, and leave out what is wrong.")]


@app.command("places")
def places(
    register: RegisterOption,
    file: FileArgument,
    dry_run: DryOption = False,
    skip_bad: SkipOption = False,
    who: WhoOption = "",
    why: WhyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stores, care homes, loan addresses: a line a place, a place after the one that it is part of.

    Columns are place_id, type, name; if you like within, lat, lon. All that is wrong is told at once, with its line,
    its column and what to do, and then nothing was changed.
    """
    _bring("places", register, file, None, dry_run, skip_bad, who, why, as_json)


@app.command("assets")
def assets(
    register: RegisterOption,
    file: FileArgument,
    dry_run: DryOption = False,
    skip_bad: SkipOption = False,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Equipment: a line each. It is available for loan from then on.

    Columns are asset_id, kind, model; if you like serial, value_gbp, commissioner, serviced, examined (the latest
    ones). All that is wrong is told at once, with its line, its column and what to do, and then nothing was changed.
    """
    _bring("assets", register, file, policy, dry_run, skip_bad, who, why, as_json)


@app.command("loans")
def loans(
    register: RegisterOption,
    file: FileArgument,
    dry_run: DryOption = False,
    skip_bad: SkipOption = False,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Loans that run: a line each, after their equipment and their places were brought.

    Columns are loan_ref, asset_id, pathway, setting, place_id; prescribed or delivered, or both; if you like speed,
    due_agreed, reviewed, commissioner, used_by_paid_carers. All that is wrong is told at once, with its line, its
    column and what to do, and then nothing was changed.
    """
    _bring("loans", register, file, policy, dry_run, skip_bad, who, why, as_json)


@app.command("all")
def everything(
    register: RegisterOption,
    source: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|ZIP", help="What kitback export all has written.", show_default=False),
    ],
) -> None:
    """A whole register that was exported, into an empty one: a new file, or an empty database.

    It is then the register that was exported, as it was. Let no gateway run on the old one any more. Whatever goes
    wrong, nothing is half there.
    """
    from kitback.exchange import import_all
    from kitback.exchange.failures import ExchangeError
    from kitback.register import Register, RegisterError

    with failing(ExchangeError, RegisterError), import_all.opened(source) as export:
        rows = sum(each.rows for each in export.package.resources)
        found = Register.open(register)
        try:
            with progress(f"Taking in {source}", rows) as told:
                export.into(found, told)
        finally:
            found.close()
    typer.echo(f"The register is here: {rows:,} rows.")
    if not export.package.kitback.secrets:
        typer.echo(
            "The export had no secrets: no tag is believed until it is provisioned again (kitback tag provision)."
        )


def _bring(
    name: str,
    register: str,
    file: Path,
    policy: Path | None,
    dry_run: bool,
    skip_bad: bool,
    who: str,
    why: str | None,
    as_json: bool,
) -> None:
    import time

    from kitback.exchange.csv_in import take
    from kitback.exchange.rows import SheetError
    from kitback.register import RegisterError

    with (
        opened(register) as found,
        failing(RegisterError),
        failing(SheetError, code=WRONG),
        progress(f"Reading {file}") as told,
    ):
        taken = take(
            found,
            lambda conn: agreed(conn, policy),
            name,
            file,
            int(time.time()),
            dry_run=dry_run,
            skip_bad=skip_bad,
            who=who,
            why=why,
            told=told,
        )
    with pipe():
        if as_json:
            import msgspec

            sys.stdout.write(json.dumps(msgspec.to_builtins(taken), indent=2, ensure_ascii=False) + "\n")
        else:
            _show(taken, name, dry_run)
    if taken.bad and not taken.kept:
        raise typer.Exit(FAILED)


def _show(taken: "Taken", name: str, dry_run: bool) -> None:
    if taken.mistakes:
        table(
            "What is wrong",
            ("Line", "Column", "What to do"),
            ((str(each.line), each.column or "the whole line", each.what) for each in taken.mistakes),
        )
    if taken.bad > len({each.line for each in taken.mistakes}):
        typer.echo(f"Only the first {len(taken.mistakes):,} mistakes are shown.")
    if taken.kept:
        typer.echo(f"Taken in: {taken.rows:,} {name}. Left out: {taken.bad:,}.")
    elif taken.bad:
        remedy = "." if dry_run else ", or leave out what is wrong with --skip-bad."
        typer.echo(f"Wrong: {taken.bad:,}. Right: {taken.rows:,}. Nothing was changed: mend the sheet{remedy}")
    else:
        typer.echo(f"Right: {taken.rows:,} {name}. Nothing was changed.")
