"""`kitback export`."""

import typer

from kitback.cli.export_fhir import fhir

app = typer.Typer(no_args_is_help=True, help="What goes out to other systems: spreadsheets, and the whole register.")


@app.callback()
def export() -> None:
    """Keeps the commands apart while there is but one."""


app.command()(fhir)
