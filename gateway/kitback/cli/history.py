"""`kitback history`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import pipe
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from kitback.register.outbox import Room, Standing

app = typer.Typer(no_args_is_help=True, help="What goes to InfluxDB.")


@app.command("status")
def show(
    register: RegisterOption,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: numbers of lines and bytes, and times.")
    ] = False,
) -> None:
    """How far the history of each InfluxDB has got, in lines, and how much room is left.

    Every line made is written, rejected (and in quarantine), waiting, or was missed: forgotten before that InfluxDB was
    configured, or while it was not. What waits for a configured one is never forgotten; when it fills the room, the
    intake stops until there is room again.
    """
    from kitback.register import outbox

    with opened(register) as found, found.read() as conn:
        standings = outbox.standings(conn)
        enqueued = outbox.enqueued(conn)
        room = outbox.room(conn)
    with pipe():
        if as_json:
            sys.stdout.write(_for_programs(enqueued, standings, room))
        else:
            _show(enqueued, standings, room)


def _show(enqueued: int, standings: "list[Standing]", room: "Room") -> None:
    from kitback.watch.words import stamp

    configured = [each for each in standings if each.configured]
    table(
        f"History: {enqueued} lines made" + ("" if configured else ", no InfluxDB configured"),
        ("Written", "Rejected", "Waiting", "since", "Missed", "InfluxDB", "Trouble"),
        (
            (
                str(each.written),
                str(each.rejected),
                str(each.pending),
                "-" if each.pending_from is None else stamp(each.pending_from),
                str(each.missed),
                each.name,
                each.trouble or ("none" if each.configured else "no longer configured"),
            )
            for each in standings
        ),
    )
    cap = "" if room.cap is None else f" of {_mib(room.cap)}; {room.full_pct} % of it waits for InfluxDB"
    sys.stdout.write(f"Kept: {_mib(room.kept)}{cap}.\n")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _for_programs(enqueued: int, standings: "list[Standing]", room: "Room") -> str:
    import json
    from dataclasses import asdict

    from kitback.watch.words import iso

    sinks = [
        {**asdict(each), "pending_from": None if each.pending_from is None else iso(each.pending_from)}
        for each in standings
    ]
    return json.dumps({"enqueued": enqueued, "sinks": sinks, "room": asdict(room)}, indent=2) + "\n"
