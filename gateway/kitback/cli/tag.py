"""`kitback tag`."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kitback.cli.plain import WRONG, fail, failing
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from kitback.fleet.fit import Step
    from kitback.fleet.line import Line

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

    4. **kitback tag fit** PORT: on the equipment, what its sensors say at rest and in use.

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
    typer.echo(f"Tag {tag_id} is enrolled and provisioned for a {kind.value}. Next, on it: kitback tag fit {port}")


@app.command()
def fit(
    port: PortArgument,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="STEP", help="Take these steps now, without asking; the first refusal ends it."),
    ] = None,
    kg: Annotated[
        int | None, typer.Option(min=5, max=500, help="What the reference weighs; asked for if left out.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: one object a step on a line of its own.")
    ] = False,
) -> None:
    """Note what the sensors of a provisioned tag say at rest and in use, on the equipment as it will be used.

    Without a STEP it goes through all that the tag's kind needs, and says what to see to before each. A step can be
    left out, and taken later by its name:

        bed        motion empty loaded cleared; and strip, motor-off, motor-on for other sensors
        hoist      motion empty loaded cleared
        mattress   pump-off pump-on air-low air-high empty loaded cleared

    What cannot be right is refused with the reason, and is not noted. The tag starts anew at the end, and after ten
    minutes without a step.
    """
    with _workbench():
        from kitback.fleet import fit as fitting
        from kitback.fleet import line
    with failing(line.LineFailed, fitting.NotFitted), line.opened(port) as board:
        try:
            steps = fitting.STEPS[board.kind()]
            if names:
                for step in _named(names, steps, kg):
                    _tell(step.name, fitting.take(board, step, kg or 0), as_json)
            else:
                _guide(board, [step for step in steps if step.usual], kg, as_json)
        finally:
            board.restart()


def _named(names: list[str], steps: "tuple[Step, ...]", kg: int | None) -> "list[Step]":
    by_name = {step.name: step for step in steps}
    for name in names:
        if name not in by_name:
            fail(f"{name}: this tag's steps are {', '.join(by_name)}", WRONG)
        if by_name[name].weighs and kg is None:
            fail(f"{name}: say with --kg what the reference weighs", WRONG)
    return [by_name[name] for name in names]


def _guide(board: "Line", steps: "list[Step]", kg: int | None, as_json: bool) -> None:
    """Take one step after another when the fitter is ready for it; again if it is refused."""
    from kitback.fleet.fit import NotFitted, take

    for number, step in enumerate(steps, start=1):
        typer.echo(f"{number}/{len(steps)} {step.name}: {step.prepare}", err=as_json)
        while _ready(as_json):
            given = kg or (_weight(as_json) if step.weighs else 0)
            try:
                measured = take(board, step, given)
            except NotFitted as why:
                typer.echo(f"  refused: {why}", err=as_json)
                continue
            _tell(step.name, measured, as_json)
            break


def _ready(as_json: bool) -> bool:
    """Whether to measure now, or to leave the step out."""
    answer = typer.prompt("  Enter to measure, s to leave it out", default="", show_default=False, err=as_json)
    return not str(answer).lower().startswith("s")


def _weight(as_json: bool) -> int:
    return int(typer.prompt("  What does the reference weigh, in kg", type=int, err=as_json))


def _tell(name: str, measured: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"step": name} | measured))
    else:
        typer.echo(f"  {name}: {', '.join(f'{what} {value}' for what, value in measured.items())}")


@contextmanager
def _workbench() -> Iterator[None]:
    """The tools that talk to boards are an extra of their own."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: do `pip install 'kitback[tag]'`")
