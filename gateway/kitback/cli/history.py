"""`kitback history`."""

import typer

from kitback.cli.plain import pipe
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption, opened

app = typer.Typer(no_args_is_help=True, help="What goes to InfluxDB.")


@app.command("status")
def show(register: RegisterOption) -> None:
    """How far the history of each InfluxDB has got, in lines.

    Every line is written, rejected (and in quarantine), still to be written, or was too old to be kept when that
    InfluxDB was first configured.
    """
    from kitback.history import status
    from kitback.register import outbox

    with opened(register) as found:
        with found.read() as conn:
            names = [standing.name for standing in outbox.standings(conn)]
            enqueued = outbox.enqueued(conn)
        standings = [status(found, name) for name in names]
    with pipe():
        table(
            f"History: {enqueued} lines made" + ("" if names else ", no InfluxDB configured yet"),
            ("Written", "Rejected", "To be written", "Too old", "InfluxDB", "Trouble"),
            (
                (*map(str, (each.written, each.rejected, each.pending, each.missed)), each.sink, each.trouble or "none")
                for each in standings
            ),
        )
