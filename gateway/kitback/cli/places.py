"""`kitback places`."""

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.facts import facts, for_programs, history
from kitback.cli.plain import pipe
from kitback.cli.step import (
    AtOption,
    JsonOption,
    LimitOption,
    WhoOption,
    WhyOption,
    completing,
    every_place_id,
    happened,
    look,
    step,
)
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption

if TYPE_CHECKING:
    from kitback.register.gazetteer import Place

app = typer.Typer(
    no_args_is_help=True,
    help="The places: stores, hospitals, care homes, schools, vans, loan addresses, and where they are on the map.",
)

AnyPlaceArgument = Annotated[
    str, typer.Argument(metavar="PLACE", help="The place's id.", autocompletion=completing(every_place_id))
]
WithinOption = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE", help="The place it is part of, by its id.", autocompletion=completing(every_place_id)
    ),
]


class PlaceType(StrEnum):
    """What a place is."""

    SERVICE = "service"
    STORE = "store"
    CARE_HOME = "care_home"
    HOSPITAL = "hospital"
    SCHOOL = "school"
    VEHICLE = "vehicle"
    LOAN_ADDRESS = "loan_address"
    ZONE = "zone"


@app.command("list")
def listing(
    register: RegisterOption,
    type_: Annotated[PlaceType | None, typer.Option("--type", help="Only these.")] = None,
    within: WithinOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """All places, by their ids: what each is, what it is part of, and where it is on the map, if that is known."""
    from kitback.register import gazetteer

    with look(register) as conn:
        found = gazetteer.list_places(conn, type_=type_ and type_.value, within=within, limit=limit)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            _table(
                f"Places: {len(found)}" if limit is None or len(found) < limit else f"Places: the first {limit}", found
            )


@app.command()
def show(register: RegisterOption, place_id: AnyPlaceArgument, as_json: JsonOption = False) -> None:
    """All that is known of one place: what it is part of and what is part of it, where it is on the map, how many radio
    landmarks tags can tell it by, and who entered what."""
    from kitback.register import gazetteer

    with look(register) as conn:
        found = gazetteer.show_place(conn, place_id)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
            return
        facts(f"Place {place_id}", found.place, "place_id")
        typer.echo(f"Radio landmarks known there: {found.anchors}")
        if found.parts:
            _table("Within it", found.parts)
        history(found.history)


@app.command()
def add(
    register: RegisterOption,
    place_id: Annotated[str, typer.Argument(metavar="PLACE", help="A new id, as oakham-store.")],
    type_: Annotated[
        PlaceType, typer.Argument(metavar="TYPE", help="store, hospital, care_home, school, vehicle, loan_address …")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What staff call it: no person's name, no address.")],
    within: WithinOption = None,
    point: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="NORTH EAST", help="Where it is on the map, as 52.63 -1.13; never of a loan address."),
    ] = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Add a place: a store, a hospital that discharges people, a home that something is lent to, or a part of one."""
    from kitback.register import places

    with step(register) as conn:
        places.add_place(
            conn,
            place_id,
            within,
            type_.value,
            name,
            happened(at),
            point=point and places.Point(*point),
            who=who,
            why=why,
        )
    typer.echo(f"{name} is in the register as {place_id}.")


@app.command(context_settings={"ignore_unknown_options": True})  # for the minus of what is west of Greenwich
def point(
    register: RegisterOption,
    place_id: AnyPlaceArgument,
    north: Annotated[float, typer.Argument(metavar="NORTH", help="Degrees north, as 52.63.")],
    east: Annotated[float, typer.Argument(metavar="EAST", help="Degrees east; west is negative, as -1.13.")],
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Say where a place is on the map, for the distances of **kitback ready**. Two decimals will do: about a kilometre.
    Of a loan address that is not kept."""
    from kitback.register import places

    with step(register) as conn:
        places.set_point(conn, place_id, places.Point(north, east), happened(at), who=who, why=why)
    typer.echo(f"{place_id} is at {north}, {east}.")


def _table(title: str, found: "list[Place]") -> None:
    table(
        title,
        ("Place", "Type", "Name", "Within", "On the map"),
        (
            (
                each.place_id,
                each.type.replace("_", " "),
                each.name,
                each.within or "-",
                "-" if each.lat is None else f"{each.lat}, {each.lon}",
            )
            for each in found
        ),
    )
