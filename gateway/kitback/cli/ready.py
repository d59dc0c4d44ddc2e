"""`kitback ready`."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import NUMBERS, WRONG, failing, pipe
from kitback.cli.step import AgreedOption, agreed, completing, every_place_id
from kitback.cli.tables import styled, table
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from rich.text import Text

    from kitback.collect import Board
    from kitback.collect.ready import OfKind
    from kitback.collect.shelves import AtStore

_SHOWN = 10


def ready(
    register: RegisterOption,
    policy: AgreedOption = None,
    kind: Annotated[str | None, typer.Option(help="Only beds, only hoists, or only mattresses: bed, hoist …")] = None,
    near: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="The stores nearest to this place first, by its id or name: the hospital that discharges.",
            autocompletion=completing(every_place_id),
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=NUMBERS, help="So many of each kind in each store at most; the counts are of all.")
    ] = _SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, as /api/ready.json.")] = False,
) -> None:
    """What can be lent this hour, for a discharge within two: available, in date, by kind and store, the nearest first;
    and what comes back soon.

    A hoist counts as in date only if its thorough examination is known. What a tag contradicts is listed and says so:
    look before you promise it. What is available and held back says why, and what to do. Distances are kilometres in a
    straight line; `kitback places point` says where a place is. Times in --json are UTC.
    """
    import msgspec

    from kitback.clock import SystemClock, now_s
    from kitback.collect import NoSuch, board, is_virtual

    with failing(NoSuch, code=WRONG), opened(register) as found, found.read() as conn:
        ours = agreed(conn, policy)
        shown = board(conn, ours, now_s(SystemClock()), kind=kind, near=near, limit=limit)
        virtual = is_virtual(conn)
    with pipe():
        if as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n")
        else:
            _show(shown, virtual)


def _show(shown: "Board", virtual: bool) -> None:
    from kitback.collect import ready_words as words

    note = " (demonstration, the tags are virtual)" if virtual else ""
    start = f"; km from {shown.near.name} in a straight line" if shown.near else ""
    for each in shown.kinds:
        name = words.title(each)
        table(
            f"{name}: {each.ready:,} ready{_doubts(each)}{start}{note}",
            ("Equipment", "Store", "In date", "Its tag"),
            (line for store in each.stores for line in _ready(store)),
        )
        if each.held_back:
            table(
                f"{name}: {each.held_back:,} held back",
                ("Equipment", "Store", "Why, and what to do"),
                (line for store in each.stores for line in _held_back(store)),
            )
        if each.coming:
            table(
                f"{name}, on its way back: {words.on_its_way(each)}",
                ("Equipment", "Where", "When"),
                ((f"{item.asset_id}\n{item.model}", item.where or "-", item.sentence) for item in each.next),
            )


def _doubts(found: "OfKind") -> str:
    return f", {found.elsewhere:,} of them not where the register has it" if found.elsewhere else ""


def _ready(store: "AtStore") -> "Iterator[tuple[str, str, str | Text, str | Text]]":
    from kitback.collect import ready_words as words

    where = store.name if store.km is None else f"{store.name}\n{store.km} km"
    if not store.ready:
        yield "-", where, styled("none ready", "dim"), ""
    for item in store.items:
        said = styled(item.tag_says, "bold yellow") if item.elsewhere else item.tag_says
        yield f"{item.asset_id}\n{item.model}", where, "\n".join(words.in_date(item)), said
    if store.ready > len(store.items):
        yield f"+ {store.ready - len(store.items):,}", where, styled("more: --limit", "dim"), ""


def _held_back(store: "AtStore") -> "Iterator[tuple[str, str, str | Text]]":
    for held in store.not_ready:
        yield f"{held.asset_id}\n{held.model}", store.name, held.sentence
    if store.held_back > len(store.not_ready):
        yield f"+ {store.held_back - len(store.not_ready):,}", store.name, styled("more: --limit", "dim")
