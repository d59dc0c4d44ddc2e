"""`kitback grafana`."""

from typing import Annotated

import typer
from rich.console import Console

from kitback.cli.plain import failing

app = typer.Typer(no_args_is_help=True, help="Dashboards for stores staff.")


@app.command("push")
def push(
    url: Annotated[str, typer.Option(envvar="KITBACK_GRAFANA_URL", help="Grafana's address.")],
    token: Annotated[
        str, typer.Option(envvar="KITBACK_GRAFANA_TOKEN", help="Of a service account with the role Admin.")
    ],
    influx_url: Annotated[
        str, typer.Option(envvar="KITBACK_INFLUX_URL", help="InfluxDB's address, from where Grafana runs.")
    ],
    influx_token: Annotated[
        str, typer.Option(envvar="KITBACK_INFLUX_TOKEN", help="One that may read the bucket; it needs no more.")
    ],
    bucket: Annotated[str, typer.Option(envvar="KITBACK_INFLUX_BUCKET", help="Where history is written.")] = "kitback",
) -> None:
    """Put the data source and the dashboards into a Grafana, or bring them up to date.

    Doing it again overwrites Kitback's own dashboards and nothing else. Tokens are better given in the environment than
    on the command line, where others on this machine can read them.
    """
    from kitback.history.grafana import History, PushFailed
    from kitback.history.grafana import push as put

    with failing(PushFailed):
        pushed = put(url, token, History(influx_url, influx_token, bucket))
    out = Console(highlight=False, soft_wrap=True)
    for address in pushed.addresses:
        out.print(f"In place: {address}")
    if pushed.warning:
        out.print(f"[yellow]But:[/] {pushed.warning}")
