"""`kitback assets`."""

import json
import re
import sys
from enum import StrEnum
from typing import Annotated

import typer

from kitback.cli.facts import facts, flags, for_programs, history, when
from kitback.cli.plain import pipe
from kitback.cli.step import (
    AgreedOption,
    AtOption,
    JsonOption,
    LimitOption,
    WhoOption,
    WhyOption,
    agreed,
    asset_ids,
    completing,
    happened,
    look,
    step,
    store_ids,
)
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption

app = typer.Typer(
    no_args_is_help=True, help="The equipment: what there is, its services and examinations, its tags, its recalls."
)

_POUNDS = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,2}))?")
AssetArgument = Annotated[
    str, typer.Argument(metavar="ASSET", help="Its GIAI or equipment number.", autocompletion=completing(asset_ids))
]
StoreOption = Annotated[
    str | None,
    typer.Option(metavar="STORE", help="The store it is in, by its id.", autocompletion=completing(store_ids)),
]
NoticeArgument = Annotated[str, typer.Argument(metavar="NOTICE", help="The safety notice's own number.")]
TagArgument = Annotated[str, typer.Argument(metavar="TAG", help="The hexadecimal digits on the tag's label.")]


def pence(text: str) -> int:
    """Pounds as people write them, in pence."""
    written = _POUNDS.fullmatch(text)
    if written is None:
        raise typer.BadParameter(f"{text!r} is no price in pounds: write it as 480 or 612.50")
    return int(written[1]) * 100 + int((written[2] or "").ljust(2, "0"))


class Kind(StrEnum):
    """What a piece of equipment is."""

    BED = "bed"
    HOIST = "hoist"
    MATTRESS = "mattress"


class State(StrEnum):
    """Whether it can be lent."""

    AVAILABLE = "available"
    PRESCRIBED = "prescribed"
    ON_LOAN = "on_loan"
    RETURNED = "returned"
    DECONTAMINATED = "decontaminated"
    IN_REPAIR = "in_repair"
    SCRAPPED = "scrapped"


@app.command("list")
def listing(
    register: RegisterOption,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    state: Annotated[State | None, typer.Option(help="Only what is in this state.")] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """All equipment, by its number: its state, the loan it is out on, where it was last seen and last used, and what is
    due of it."""
    from kitback.register import overview

    with look(register) as conn:
        found = overview.list_assets(conn, kind=kind and kind.value, state=state and state.value, limit=limit)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            table(
                f"Equipment: {len(found)}" if limit is None or len(found) < limit else f"Equipment: the first {limit}",
                ("Equipment", "State", "Loan", "Seen at", "Last used", "Service due", "Examination due"),
                (
                    (
                        f"{each.asset_id}\n{each.model}",
                        each.state.replace("_", " ") + ("\ncalled back" if each.recalled_s else ""),
                        each.loan_ref or "-",
                        each.place or "-",
                        when(each.used_s),
                        when(each.service_due_s),
                        when(each.exam_due_s),
                    )
                    for each in found
                ),
            )


@app.command()
def show(register: RegisterOption, asset_id: AssetArgument, as_json: JsonOption = False) -> None:
    """All that is known of one piece of equipment: its tags, its loans, its recalls, its open flags, and who did what
    with it."""
    from kitback.register import overview

    with look(register) as conn:
        found = overview.show_asset(conn, asset_id)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
            return
        facts(f"Equipment {asset_id}", found.asset, "asset_id")
        if found.recalls:
            table(
                "Safety notices",
                ("Notice", "Since", "Made safe", "Why"),
                ((each.notice, when(each.from_s), when(each.ended_s), each.reason) for each in found.recalls),
            )
        if found.fittings:
            table(
                "Tags",
                ("Tag", "From", "To"),
                ((each.tag_id, when(each.from_s), when(each.to_s)) for each in found.fittings),
            )
        if found.loans:
            table(
                "Loans",
                ("Loan", "Status", "Lent to", "Delivered", "Ended"),
                (
                    (
                        each.loan_ref,
                        each.status.replace("_", " "),
                        each.lent_to,
                        when(each.delivered_s),
                        when(each.ended_s),
                    )
                    for each in found.loans
                ),
            )
        if found.flags:
            flags(found.flags)
        history(found.history)


@app.command()
def add(
    register: RegisterOption,
    asset_id: Annotated[str, typer.Argument(metavar="ASSET", help="Its GIAI or equipment number.")],
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="bed, hoist or mattress.")],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What the maker calls it.")],
    serial: Annotated[str | None, typer.Option(help="The maker's serial number.")] = None,
    value: Annotated[
        int | None, typer.Option(metavar="POUNDS", parser=pence, help="What a new one costs; else as the policy says.")
    ] = None,
    commissioner: Annotated[str | None, typer.Option(help="Who paid for it.")] = None,
    store: StoreOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Add a piece of equipment that the service owns; it is available for loan from then on."""
    from kitback.register import assets

    with step(register) as conn:
        assets.add_asset(
            conn,
            asset_id,
            kind.value,
            model,
            happened(at),
            serial=serial,
            value_pence=value,
            commissioner=commissioner,
            store_id=store,
            who=who,
            why=why,
        )
    typer.echo(f"{asset_id} is in the register, available for loan.")


@app.command()
def put(
    register: RegisterOption,
    asset_id: AssetArgument,
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="The store's id.", autocompletion=completing(store_ids))
    ],
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """It is in this store now: it was brought there from another one, or found there. What is on loan comes back with
    its loan instead."""
    from kitback.register import shelves

    with step(register) as conn:
        shelves.put(conn, asset_id, store, happened(at), who=who, why=why)
    typer.echo(f"{asset_id} is in {store}.")


@app.command()
def serviced(
    register: RegisterOption,
    asset_id: AssetArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """It was serviced. When the next service is due follows from the policy for its kind."""
    from kitback.register import assets, overview

    with step(register) as conn:
        assets.note_service(conn, agreed(conn, policy), asset_id, happened(at), who=who, why=why)
        due_s = overview.show_asset(conn, asset_id).asset.service_due_s
    typer.echo(f"{asset_id} was serviced; the next service is due: {when(due_s)}.")


@app.command()
def examined(
    register: RegisterOption,
    asset_id: AssetArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """It was thoroughly examined, as LOLER asks of hoists. When the next examination is due follows from the policy."""
    from kitback.register import assets, overview

    with step(register) as conn:
        assets.note_examination(conn, agreed(conn, policy), asset_id, happened(at), who=who, why=why)
        due_s = overview.show_asset(conn, asset_id).asset.exam_due_s
    typer.echo(f"{asset_id} was examined; the next thorough examination is due: {when(due_s)}.")


@app.command()
def recall(
    register: RegisterOption,
    asset_id: AssetArgument,
    notice: NoticeArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="What the notice warns of.")],
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """A safety notice calls it back. It can be lent to nobody until it is safe; on loan it stays until it is returned,
    with a flag that asks for it."""
    from kitback.register import recalls

    with step(register) as conn:
        recalls.recall_asset(conn, notice, asset_id, reason, happened(at), who=who, why=why)
    typer.echo(f"{asset_id} is called back by notice {notice}.")


@app.command()
def safe(
    register: RegisterOption,
    asset_id: AssetArgument,
    notice: NoticeArgument,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """It was made safe, or the notice that called it back was withdrawn: it can be lent again."""
    from kitback.register import recalls

    with step(register) as conn:
        recalls.make_safe(conn, notice, asset_id, happened(at), who=who, why=why)
    typer.echo(f"{asset_id} is no longer called back by notice {notice}.")


@app.command()
def fit(
    register: RegisterOption,
    asset_id: AssetArgument,
    tag: TagArgument,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """An enrolled tag was fitted to it. What the tag notes from then on is told of this equipment; what it told before
    this was entered is not."""
    from kitback.register import fittings

    with step(register) as conn:
        fittings.fit_tag(conn, tag, asset_id, happened(at), who=who, why=why)
    typer.echo(f"Tag {tag} is on {asset_id}.")


@app.command()
def unfit(
    register: RegisterOption,
    tag: TagArgument,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """A tag was taken off the equipment it was on. What it notes from then on is told of no equipment, until it is
    fitted again."""
    from kitback.register import fittings

    with step(register) as conn:
        fittings.unfit_tag(conn, tag, happened(at), who=who, why=why)
    typer.echo(f"Tag {tag} is on no equipment now.")
