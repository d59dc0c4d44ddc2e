"""`kitback gateway`."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli import settings
from kitback.cli.plain import WRONG, failing

if TYPE_CHECKING:
    from kitback.service import Gateway


def gateway(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", envvar="KITBACK_CONFIG", help="A TOML file.")
    ] = None,
    log_json: Annotated[
        bool, typer.Option("--log-json", envvar="KITBACK_LOG_JSON", help="Log one JSON object a line, for programs.")
    ] = False,
) -> None:
    """Run the service: take in what tags say, judge the loans, serve the worklist, write history.

    With no configuration it keeps its data in ~/.local/share/kitback ($KITBACK_DATA), starts a broker of its own for
    this machine only, and serves the worklist at http://127.0.0.1:8080. A configuration file changes that:

        register = "postgresql+psycopg://kitback@db/kitback"
        pepper = "/etc/kitback/pepper"
        policy = "/etc/kitback/policy.toml"
        shard_groups = 4          # for up to four gateways on one register; see docs/gateways.md

        [broker]
        host = "mqtt.example.org"
        port = 8883
        ca_file = "/etc/ssl/certs/ca-certificates.crt"

        [web]
        port = 8080

        [feeds]                   # who may tell of loans at /api/feed, and their tokens; see docs/feed.md
        acme = "at least sixteen letters"

        [influx]
        url = "https://influx.example.org"
        org = "stores"
        bucket = "kitback"

    Each value can come from the environment instead, which suits secrets: KITBACK_INFLUX_TOKEN is `token` in
    `[influx]`. Ctrl-C or SIGTERM stops it; tags keep what was not acknowledged.
    """
    from kitback.cli import logs
    from kitback.clock import SystemClock
    from kitback.policy import PolicyError
    from kitback.register import RegisterError
    from kitback.service import ConfigError, Gateway, ServiceError
    from kitback.web import StylesMissing

    with failing(ConfigError, code=WRONG):
        configured = settings.read(config)
    logs.begin(as_json=log_json)
    service = Gateway(configured, SystemClock())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with failing(ServiceError, RegisterError, StylesMissing), failing(PolicyError, code=WRONG):
        try:
            service.start()
            _greet(service)
            service.wait()
        except KeyboardInterrupt:
            typer.echo("Stopping.")
        finally:
            service.stop()


def _greet(service: "Gateway") -> None:
    if service.broker:
        typer.echo(f"Broker: {service.broker.host}:{service.broker.port}")
    if service.web_url:
        typer.echo(f"Worklist: {service.web_url}")
