"""`kitback export fhir`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.labels import PrefixOption
from kitback.cli.plain import WRONG, fail, failing
from kitback.cli.step import asset_ids, completing, loan_refs, look, moment
from kitback.cli.where import RegisterOption

if TYPE_CHECKING:
    from kitback.exchange.fhir.resources import Resource


def fhir(
    register: RegisterOption,
    to: Annotated[Path, typer.Option(metavar="FILE", help="The bundle to write; with --ndjson the folder.")],
    loan: Annotated[
        str | None, typer.Option(metavar="REF", help="Only this loan.", autocompletion=completing(loan_refs))
    ] = None,
    asset: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only this equipment, with its loans.", autocompletion=completing(asset_ids)),
    ] = None,
    since: Annotated[
        int | None,
        typer.Option(
            metavar="DATE", parser=moment, help="Only loans that ran, or were on their way home, then or later."
        ),
    ] = None,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="A file for each type of resource, for more than some thousand loans.")
    ] = False,
    service: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            envvar="KITBACK_FHIR_SERVICE",
            help="What makes your numbers yours alone, such as https://equipment.example.nhs.uk.",
            show_default="urn:kitback: and this register's own identity",
        ),
    ] = None,
    company_prefix: PrefixOption = None,
) -> None:
    """The register as FHIR R4 for other health systems: equipment as Device, prescriptions as DeviceRequest, deliveries
    as SupplyDelivery, loans as DeviceUseStatement, collections as Task.

    It holds no person, no address and no home's name: who something is lent to is the loan's reference and nothing
    more. The same register makes the same file.
    """
    from collections import Counter

    from kitback.exchange.fhir import Chosen, Invalid, Names, identity, resources, write_bundle, write_ndjson
    from kitback.exchange.giai import NoGiai, check_prefix

    if sum(each is not None for each in (loan, asset, since)) > 1:
        fail("give one of --loan, --asset and --since", WRONG)
    if company_prefix is not None:
        with failing(NoGiai, code=WRONG):
            check_prefix(company_prefix)
    if service is not None and not service.startswith(("https://", "http://", "urn:")):
        fail(f"{service!r} is no address: give one such as https://equipment.example.nhs.uk, or a urn:", WRONG)
    chosen = Chosen(loan_ref=loan, asset_id=asset, since_s=since)
    write = write_ndjson if ndjson else write_bundle
    try:
        with failing(Invalid), look(register) as conn:
            names = Names(service or identity(conn), bundled=not ndjson, company_prefix=company_prefix)
            written: Counter[str] = write(to, _followed(resources(conn, chosen, names)))
    except OSError as error:
        fail(f"cannot write {to}: {error.strerror}; give another {'folder' if ndjson else 'file'}")
    typer.echo(f"{to}: " + (", ".join(f"{count} {kind}" for kind, count in written.items()) or "nothing to tell"))


def _followed(typed: "Iterator[tuple[str, Iterator[Resource]]]") -> "Iterator[tuple[str, Iterable[Resource]]]":
    """The same, while it is shown how far they have come."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    shown = TextColumn("{task.description}: {task.completed:,}")
    with Progress(shown, console=Console(stderr=True), transient=True) as progress:
        for kind, resources in typed:
            yield kind, progress.track(resources, total=None, description=kind)
