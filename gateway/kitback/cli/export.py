"""`kitback export`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kitback.cli.export_fhir import fhir
from kitback.cli.plain import fail, failing, pipe
from kitback.cli.where import RegisterOption, opened

app = typer.Typer(no_args_is_help=True, help="What goes out to other systems: spreadsheets, and the whole register.")


class SheetName(StrEnum):
    """What there are sheets of."""

    PLACES = "places"
    ASSETS = "assets"
    LOANS = "loans"
    HOLDS = "holds"
    RECALLS = "recalls"
    FITTINGS = "fittings"
    FLAGS = "flags"
    COLLECTIONS = "collections"
    VISITS = "visits"
    VISIT_TASKS = "visit-tasks"
    USE = "use"
    WHEREABOUTS = "whereabouts"
    AUDIT = "audit"


@app.command("csv")
def sheet(
    register: RegisterOption,
    what: Annotated[SheetName, typer.Argument(metavar="WHAT", help=f"One of {', '.join(SheetName)}.")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where to; - is standard output.")],
) -> None:
    """A sheet for spreadsheets: CSV in UTF-8, times in UTC.

    Those of places, assets and loans have the columns that **kitback import** takes. What a spreadsheet would run as a
    formula has an apostrophe before it.
    """
    from kitback.exchange import csv_out
    from kitback.register import RegisterError

    with opened(register) as found, failing(RegisterError), found.read() as conn:
        if str(to) == "-":
            with pipe():
                csv_out.write(conn, what, sys.stdout)
            return
        if to.exists():
            fail(f"{to} is there already: give a new name, or remove it first")
        unfinished = to.with_name(f".{to.name}.unfinished")
        try:
            with unfinished.open("w", encoding="utf-8-sig", newline="") as file:
                rows = csv_out.write(conn, what, file)
            unfinished.rename(to)
        except OSError as error:
            fail(f"cannot write {to}: {error.strerror}")
        finally:
            unfinished.unlink(missing_ok=True)
    typer.echo(f"{rows:,} lines in {to}.")


@app.command("all")
def everything(
    register: RegisterOption,
    target: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|ZIP", help="Something new; a ZIP file if it ends in .zip.", show_default=False),
    ],
    secrets: Annotated[
        bool, typer.Option("--secrets", help="With the tags' secrets: whoever has the export can speak as any tag.")
    ] = False,
) -> None:
    """The whole register in an open format, which needs no Kitback to be read: JSON Lines, a file a table, and a
    datapackage.json that says what every column means.

    Gateways go on meanwhile: it is the register at one moment. **kitback import all** makes the same register of it.
    Without --secrets every tag has to be provisioned again there. The anchors' pepper is in a file beside the register,
    and in no export: docs/exchange.md has the whole drill.
    """
    from kitback.exchange.export_all import export_all
    from kitback.exchange.failures import ExchangeError
    from kitback.register import RegisterError

    with (
        opened(register) as found,
        failing(ExchangeError, RegisterError),
        progress(f"Writing {target}") as told,
    ):
        package = export_all(found, target, secrets=secrets, told=told)
    rows = sum(each.rows for each in package.resources)
    typer.echo(f"{rows:,} rows of {len(package.resources)} tables are in {target}.")
    if secrets:
        typer.echo("It holds the tags' secrets: keep it as you keep keys.")
    else:
        typer.echo("It holds no secrets: every tag has to be provisioned again where it is imported. See --secrets.")


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Shows on standard error how many rows more are done, while somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as shown:
        task = shown.add_task(what, total=total)
        yield lambda more: shown.advance(task, more)


app.command()(fhir)
