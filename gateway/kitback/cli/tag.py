"""`kitback tag`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kitback.cli.plain import WRONG, fail, failing
from kitback.cli.where import RegisterOption, opened

app = typer.Typer(no_args_is_help=True)

PortArgument = Annotated[
    str, typer.Argument(metavar="PORT", help="The board's serial port: /dev/ttyUSB0, /dev/ttyACM0, COM3.")
]


class Kind(StrEnum):
    """What the tag is fitted to."""

    BED = "bed"
    HOIST = "hoist"
    MATTRESS = "mattress"


@app.callback()
def tag() -> None:
    """The workbench: from a bare board on a USB cable to a tag that reports.

    1. **kitback tag flash** PORT IMAGE: MicroPython, with a partition for the journal.

    2. **kitback tag deploy** PORT: the application.

    3. **kitback tag provision** PORT KIND --fleet FILE: what makes it this service's own.

    Repeat 2 for a new version and 3 for new networks; neither costs records. 1 makes the tag forget its provisioning.
    """


@app.command()
def flash(
    port: PortArgument,
    image: Annotated[
        Path,
        typer.Argument(metavar="IMAGE", help="MicroPython 1.24 or newer, the .bin from micropython.org/download."),
    ],
) -> None:
    """Put MicroPython on an ESP32, ESP32-S3 or ESP32-C3.

    IMAGE is the stock image for the board; which chip it is for is read from it. The last 64 KiB of its file system
    become the journal's partition on the way. An image frozen with the application (firmware/manifest.py) needs no
    `deploy`.

    The chip's own settings are overwritten, so provision the tag afterwards.
    """
    with _workbench():
        from kitback.fleet.image import BadImage, NotFlashed, with_journal
        from kitback.fleet.image import flash as write
    try:
        stock = image.read_bytes()
    except OSError as error:
        fail(f"{image}: {error.strerror}", WRONG)
    with failing(BadImage, code=WRONG):
        chip, ours = with_journal(stock)
    with failing(NotFlashed):
        write(port, chip, ours)
    typer.echo(f"MicroPython for {chip} is on the board, with a journal. Next: kitback tag deploy {port}")


@app.command()
def deploy(port: PortArgument) -> None:
    """Put the application on a board that runs MicroPython.

    Every module is compiled, so that the tag's memory is left to its work. What was there of an older version goes.
    The journal and the provisioning stay. Should the cable come out half-way, the board waits at its prompt: deploy
    again.
    """
    from kitback.virtual.tag import NoFirmware, firmware

    with _workbench():
        from kitback.fleet import application, line
    with (
        failing(line.LineFailed, application.CannotCompile, NoFirmware),
        line.opened(port) as board,
    ):
        size = application.deploy(board, firmware())
        tag_id = board.tag_id()
        board.restart()
    typer.echo(
        f"Tag {tag_id} has the application, {size:,} bytes. Next: kitback tag provision {port} KIND --fleet FILE"
    )


@app.command()
def provision(
    port: PortArgument,
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="KIND", help="bed, hoist or mattress: what the tag is fitted to, which decides how use is sensed."
        ),
    ],
    fleet: Annotated[
        Path,
        typer.Option(
            metavar="FILE", envvar="KITBACK_FLEET", help="What all your tags share; only you may be able to read it."
        ),
    ],
    register: RegisterOption,
) -> None:
    """Enrol a tag, and give it its secret, the anchor key, the broker and the networks.

    The secret is made here, kept in the register and in the tag, and never shown. A tag that is enrolled already keeps
    its own. FILE is TOML:

        broker = "mqtt.example.org:8883"
        ca_file = "broker-ca.pem"    # with it the tag speaks TLS
        user = "tags"                # if the broker asks for one
        password = "..."

        [anchor]                     # one key for all tags: openssl rand -hex 16
        id = 1
        key = "..."

        [[networks]]                 # repeat for each Wi-Fi, most likely first
        ssid = "Stores"
        password = "..."

    Nothing of it appears on the terminal, in a log, or among the arguments of a program.
    """
    with _workbench():
        from kitback.fleet import line
        from kitback.fleet import provision as fleets
    with failing(fleets.FleetError, code=WRONG):
        shared = fleets.read_fleet(fleet)
    with (
        opened(register) as found,
        failing(line.LineFailed, fleets.FleetError),
        line.opened(port) as board,
    ):
        tag_id = fleets.provision(board, found, shared, kind.value, int(time.time()))
        board.restart()
    typer.echo(f"Tag {tag_id} is enrolled and provisioned for a {kind.value}.")


@contextmanager
def _workbench() -> Iterator[None]:
    """The tools that talk to boards are an extra of their own."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: do `pip install 'kitback[tag]'`")
