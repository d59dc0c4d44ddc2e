"""`kitback labels`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kitback.cli.assets import Kind
from kitback.cli.plain import WRONG, fail, failing
from kitback.cli.step import asset_ids, completing, look, place_ids
from kitback.cli.where import RegisterOption


class Code(StrEnum):
    """What is on the label for scanners."""

    DATAMATRIX = "datamatrix"
    QR = "qr"
    PLAIN = "plain"


PrefixOption = Annotated[
    str | None,
    typer.Option(
        "--company-prefix",
        metavar="DIGITS",
        envvar="KITBACK_COMPANY_PREFIX",
        help="Your service's GS1 company prefix, which with an equipment number makes a GIAI.",
    ),
]


def _sheets() -> list[str]:
    from kitback.exchange.labels import SHEETS

    return list(SHEETS)


def labels(
    register: RegisterOption,
    to: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="The PDF to write.")],
    assets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ASSET...",
            help="GIAIs or equipment numbers, in the order of the labels.",
            autocompletion=completing(asset_ids),
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All equipment that is not scrapped.")] = False,
    kind: Annotated[Kind | None, typer.Option(help="All of a kind.")] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="ID|NAME", help="All that is at a store, or within it.", autocompletion=completing(place_ids)
        ),
    ] = None,
    code: Annotated[
        Code,
        typer.Option(
            help="datamatrix: GS1 DataMatrix; qr: QR with a GS1 Digital Link; plain: QR of the bare number, not GS1."
        ),
    ] = Code.DATAMATRIX,
    company_prefix: PrefixOption = None,
    sheet: Annotated[
        str, typer.Option(metavar="NAME", help="Avery's number of the label stock.", autocompletion=_sheets)
    ] = "L7160",
    first: Annotated[
        int, typer.Option("--from", min=1, help="The first free label of a part-used sheet, counted row by row.")
    ] = 1,
) -> None:
    """Sheets of labels for equipment, as a PDF for A4 label stock: a code that scanners read, the same in print beneath
    it, the equipment number, the model and the serial number. No label says where anything is, or who has it.

    Name the equipment, or choose it with --all, --kind or --store. A GS1 code holds the GIAI: your company prefix, then
    your number; a number that begins with the prefix is one already. Print at 100 %, not "fit to page".
    """
    from rich.console import Console
    from rich.progress import track

    from kitback.exchange.giai import NoGiai
    from kitback.exchange.labels import SHEETS, Carrier, NoLabel, NoSuchEquipment, chosen, pages, write
    from kitback.exchange.labels import sheet as cut

    if bool(assets) == (everything or kind is not None or store is not None):
        fail("name the equipment that gets labels, or give --all, --kind or --store", WRONG)
    stock = cut(sheet)
    if stock is None:
        fail(f"label stock {sheet!r} is not known: give one of {', '.join(SHEETS)}", WRONG)
    if company_prefix is None and code is not Code.PLAIN:
        fail(
            "a GS1 code needs your service's GS1 company prefix: give it with --company-prefix or "
            "KITBACK_COMPANY_PREFIX; if it has none, print the bare numbers with --code plain",
            WRONG,
        )
    with failing(NoSuchEquipment), look(register) as conn:
        found = chosen(conn, assets or (), kind=kind and kind.value, store=store)
    if not found:
        fail("there is no such equipment in the register: nothing was written")
    try:
        with failing(NoGiai, NoLabel, code=WRONG):
            shown = track(found, "Labels", console=Console(stderr=True), transient=True)
            write(to, shown, stock, Carrier(code.value), company_prefix=company_prefix or "", first=first)
    except OSError as error:
        fail(f"cannot write {to}: {error.strerror}; give another file")
    sheets = pages(len(found), stock, first)
    typer.echo(
        f"{to}: {len(found)} label{'s' * (len(found) > 1)} on {sheets} sheet{'s' * (sheets > 1)} of {stock.name} "
        f"({stock.size}). Print it at 100 %."
    )
