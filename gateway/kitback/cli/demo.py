"""`kitback demo`."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import WRONG, fail, failing

if TYPE_CHECKING:
    from kitback.demo.run import Run

_HOUR = 3600
_LOOK_S = 0.2


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Do not serve the web page and wait; end with the worklist.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the worklist to this file as well.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random: noise, drift, habits.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep the register, the tags' flash and their logs here.")
    ] = None,
    influx_url: Annotated[
        str | None, typer.Option(envvar="KITBACK_INFLUX_URL", help="Write history to this InfluxDB as well.")
    ] = None,
    influx_token: Annotated[str, typer.Option(envvar="KITBACK_INFLUX_TOKEN", help="One that may write.")] = "",
    influx_org: Annotated[str, typer.Option(envvar="KITBACK_INFLUX_ORG", help="Its organisation.")] = "kitback",
    influx_bucket: Annotated[str, typer.Option(envvar="KITBACK_INFLUX_BUCKET", help="Its bucket.")] = "kitback",
) -> None:
    """Thirty days of beds, hoists and mattresses in about a minute, then what to do about them.

    Starts a broker, the gateway and thirteen virtual tags that run the real firmware, on this machine only, and needs
    nothing else. Shows the worklist, and the address of its web pages: the same, what is ready, what comes home, the
    figures.
    """
    import msgspec

    from kitback.cli.worklist import show
    from kitback.demo.gateway import NotReady
    from kitback.demo.run import Run
    from kitback.virtual.tag import NoFirmware, TagFailed

    influx = None
    if influx_url:
        influx = {"url": influx_url, "token": influx_token, "org": influx_org, "bucket": influx_bucket}
    end_s = int(time.time()) // _HOUR * _HOUR
    with (
        _folder(keep) as folder,
        failing(NoFirmware, NotReady, TagFailed),
        Run(folder, end_s, seed, influx=influx) as run,
    ):
        _follow(run)
        found = run.worklist()
        if json:
            json.write_bytes(msgspec.json.format(msgspec.json.encode(found.items), indent=2) + b"\n")
        show(found, run.policy, True)
        _sum_up(run, keep)
        if not headless and sys.stdin.isatty():
            typer.echo(
                f"As web pages, with what is ready, what comes home and the figures: http://127.0.0.1:{run.web_port}/"
            )
            with contextlib.suppress(EOFError):
                input("Press Enter to end. ")


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the demo lives: a folder that is kept, or one that goes with it."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="kitback-demo-") as folder:
            yield Path(folder)
    elif keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        fail(f"{keep} is there already: give --keep a new folder, or an empty one", WRONG)
    else:
        yield keep


def _follow(run: "Run") -> None:
    """Show how far the stories have come, until they end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("Day {task.completed:.0f} of {task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.fields[reports]} reports"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task("", total=run.days, reports=0)
        while not run.over():
            at = run.conductor.progress()
            days = (at.now_us / 1_000_000 - run.start_s) / 86_400
            progress.update(task, completed=min(days, run.days), reports=at.sessions)
            time.sleep(_LOOK_S)
        progress.update(task, completed=run.days, reports=run.conductor.progress().sessions)
    run.finish()


def _sum_up(run: "Run", keep: Path | None) -> None:
    account = run.account()
    typer.echo(
        f"{account.journalled:,} records noted by the tags: {account.applied:,} applied, {account.lost:,} lost, "
        f"{account.quarantined:,} set aside; {account.duplicate:,} came twice and counted once."
    )
    if keep:
        typer.echo(f"Kept in {keep}; to look again: kitback worklist --register {run.register_file}")
