"""`kitback import`."""

import typer

app = typer.Typer(no_args_is_help=True, help="What comes in from other systems: spreadsheets, and a whole register.")


@app.callback()
def import_() -> None:
    """Keeps the commands apart while there is but one."""
