"""The commands. Each imports what it needs when it runs, so that help comes at once."""

import sys

import typer

from kitback.cli import (
    assets,
    collections,
    demo,
    erase,
    export,
    feed,
    flags,
    gateway,
    grafana,
    history,
    import_,
    kpi,
    labels,
    loans,
    places,
    policy,
    quarantine,
    ready,
    simulate,
    tag,
    visits,
    worklist,
)
from kitback.cli.plain import WRONG

app = typer.Typer(
    name="kitback",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Exit codes: 0 done, 1 could not be done, 2 asked for something impossible, 130 interrupted.",
)


@app.callback()
def kitback() -> None:
    """Tells a community equipment service where each loaned bed, hoist and mattress is, whether it is used, and which
    loans to ask about, with the reason in plain English.

    Try **kitback demo** first: it needs nothing. **kitback gateway** is the service itself.
    """


app.command()(demo.demo)
app.command()(simulate.simulate)
app.command()(worklist.worklist)
app.command()(ready.ready)
app.add_typer(flags.app, name="flags")
app.command()(gateway.gateway)
app.add_typer(assets.app, name="assets")
app.add_typer(loans.app, name="loans")
app.add_typer(feed.app, name="feed")
app.add_typer(collections.app, name="collections")
app.add_typer(visits.app, name="visits")
app.add_typer(places.app, name="places")
app.command()(kpi.kpi)
app.add_typer(erase.app, name="erase")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(history.app, name="history")
app.add_typer(grafana.app, name="grafana")
app.add_typer(policy.app, name="policy")
app.add_typer(import_.app, name="import")
app.add_typer(export.app, name="export")
app.command()(labels.labels)
app.add_typer(tag.app, name="tag")


def main() -> None:
    """Run the command line."""
    odd = next((each for each in sys.argv[1:] if any("\udc80" <= sign <= "\udcff" for sign in each)), None)
    try:
        if odd is not None:  # bytes that are no text: Python keeps them so, no database does
            sys.stderr.write(f"kitback: {odd!a} is not written in UTF-8: check your terminal's encoding\n")
            sys.exit(WRONG)
        app()
    except KeyboardInterrupt:
        sys.exit(130)
