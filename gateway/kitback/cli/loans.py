"""`kitback loans`."""

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.assets import AssetArgument
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
    completing,
    happened,
    loan_refs,
    look,
    moment,
    place_ids,
    step,
    store_ids,
)
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption

if TYPE_CHECKING:
    import sqlalchemy as sa

    from kitback.register.overview import Loan, LoanInFull

app = typer.Typer(
    no_args_is_help=True, help="The loans, from the prescription to the return; refused is what could not be true."
)

LoanArgument = Annotated[
    str, typer.Argument(metavar="LOAN", help="Its pseudonymous reference.", autocompletion=completing(loan_refs))
]
NewLoanArgument = Annotated[
    str, typer.Argument(metavar="LOAN", help="A new reference; pseudonymous: no name, no NHS number.")
]
PathwayArgument = Annotated[
    str, typer.Argument(metavar="PATHWAY", help="As `kitback policy show` names it: home_first, long_term …")
]
PlaceArgument = Annotated[
    str, typer.Argument(metavar="PLACE", help="The place's id in the register.", autocompletion=completing(place_ids))
]
CommissionerOption = Annotated[str | None, typer.Option(help="Who pays for it.")]
CarersOption = Annotated[
    bool, typer.Option("--paid-carers", help="Paid carers work with it: LOLER applies to a hoist then.")
]


class Setting(StrEnum):
    """What kind of home it is lent to."""

    HOME = "home"
    CARE_HOME = "care_home"
    SCHOOL = "school"
    HOSPITAL = "hospital"


class How(StrEnum):
    """How equipment comes home."""

    VAN = "van"
    DROP_OFF = "drop_off"
    FOUND = "found"


HowOption = Annotated[How, typer.Option(help="Fetched by a van, dropped off, or found in stores.")]
StoreOption = Annotated[
    str | None,
    typer.Option(metavar="PLACE", help="The store it came into.", autocompletion=completing(store_ids)),
]
SettingOption = Annotated[Setting, typer.Option(help="What kind of home that is.")]


@app.command("list")
def listing(
    register: RegisterOption,
    pathway: Annotated[str | None, typer.Option(help="Only loans on this pathway.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="With those that were returned or cancelled.")] = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """All loans that run, by their references: what is out or reserved, to which place, on which pathway, and when it
    is to be delivered, reviewed or due back."""
    from kitback.register import overview

    with look(register) as conn:
        found = overview.list_loans(conn, ended=ended, pathway=pathway, limit=limit)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            table(
                f"Loans: {len(found)}" if limit is None or len(found) < limit else f"Loans: the first {limit}",
                ("Loan", "Equipment", "Status", "Pathway", "Lent to", "Delivered", "Due back", "Review due"),
                (_line(each) for each in found),
            )


@app.command()
def show(register: RegisterOption, loan_ref: LoanArgument, as_json: JsonOption = False) -> None:
    """All that is known of one loan: its clocks and holds, where the equipment is and when it was last used, its open
    flags, and who did what when and why."""
    from kitback.register import overview

    with look(register) as conn:
        found = overview.show_loan(conn, loan_ref)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            _show(found)


@app.command()
def prescribe(
    register: RegisterOption,
    loan_ref: NewLoanArgument,
    asset_id: AssetArgument,
    pathway: PathwayArgument,
    place_id: PlaceArgument,
    setting: SettingOption = Setting.HOME,
    speed: Annotated[
        str | None, typer.Option(help="Its delivery speed: 1, 2, 3 or discharge; else its pathway's.")
    ] = None,
    commissioner: CommissionerOption = None,
    paid_carers: CarersOption = False,
    special: Annotated[
        bool, typer.Option("--special", help="Bought for this loan: nothing in stock would do.")
    ] = False,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Reserve equipment for somebody. From now on the clock of its delivery runs, as the policy has it for the delivery
    speed."""
    from kitback.register import loans

    with step(register) as conn:
        loans.prescribe(
            conn,
            agreed(conn, policy),
            loan_ref,
            asset_id,
            pathway,
            setting.value,
            place_id,
            happened(at),
            speed=speed,
            commissioner=commissioner,
            used_by_paid_carers=paid_carers,
            special=special,
            who=who,
            why=why,
        )
        lent = _loan(conn, loan_ref)
    typer.echo(f"{asset_id} is reserved for {loan_ref}. Deliver by {when(lent.deliver_by_s)}.")


@app.command()
def deliver(
    register: RegisterOption,
    loan_ref: LoanArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """What was prescribed is there and set up. From then on the loan's own clocks run. This also puts right a delivery
    that only the tag has told of."""
    from kitback.register import loans

    with step(register) as conn:
        loans.deliver(conn, agreed(conn, policy), loan_ref, happened(at), who=who, why=why)
        lent = _loan(conn, loan_ref)
    typer.echo(f"{loan_ref} is on loan. {_clocks(lent)}")


@app.command()
def lend(
    register: RegisterOption,
    loan_ref: NewLoanArgument,
    asset_id: AssetArgument,
    pathway: PathwayArgument,
    place_id: PlaceArgument,
    setting: SettingOption = Setting.HOME,
    commissioner: CommissionerOption = None,
    paid_carers: CarersOption = False,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Lend equipment that is handed over at once, or is there already: prescribed and delivered in one, without a clock
    of delivery."""
    from kitback.register import loans

    with step(register) as conn:
        loans.lend(
            conn,
            agreed(conn, policy),
            loan_ref,
            asset_id,
            pathway,
            setting.value,
            place_id,
            happened(at),
            commissioner=commissioner,
            used_by_paid_carers=paid_carers,
            who=who,
            why=why,
        )
        lent = _loan(conn, loan_ref)
    typer.echo(f"{loan_ref} is on loan. {_clocks(lent)}")


@app.command()
def hold(
    register: RegisterOption,
    loan_ref: LoanArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it is not used just now.")] = "hospital",
    until: Annotated[
        int | None, typer.Option(metavar="TIME", parser=moment, help="It is released by itself then.")
    ] = None,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Somebody is in hospital, or away: not using it means nothing for a time. A hold for hospital ends by itself after
    as long as the policy says, 14 days by default."""
    from kitback.register import holds, overview

    with step(register) as conn:
        holds.begin(conn, agreed(conn, policy), loan_ref, happened(at), reason=reason, until=until, who=who, why=why)
        held = overview.show_loan(conn, loan_ref).holds[-1]
    typer.echo(f"{loan_ref} is held until {when(held.until_s)}.")


@app.command()
def release(
    register: RegisterOption, loan_ref: LoanArgument, who: WhoOption = "", why: WhyOption = None, at: AtOption = None
) -> None:
    """Somebody is home again: the loan is held no longer, and whether it is used counts from now on."""
    from kitback.register import holds

    with step(register) as conn:
        holds.end(conn, loan_ref, happened(at), who=who, why=why)
    typer.echo(f"{loan_ref} is held no longer.")


@app.command()
def review(
    register: RegisterOption,
    loan_ref: LoanArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """A review was held: somebody asked whether the equipment still suits. When the next one is due follows from the
    policy."""
    from kitback.register import loans

    with step(register) as conn:
        loans.note_review(conn, agreed(conn, policy), loan_ref, happened(at), who=who, why=why)
        lent = _loan(conn, loan_ref)
    typer.echo(f"{loan_ref} was reviewed; the next review is due: {when(lent.review_s)}.")


@app.command()
def move(
    register: RegisterOption,
    loan_ref: LoanArgument,
    place_id: PlaceArgument,
    setting: SettingOption = Setting.HOME,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Somebody has moved, to another address or into a care home, and the equipment with them: the loan goes on
    there."""
    from kitback.register import loans

    with step(register) as conn:
        loans.move(conn, agreed(conn, policy), loan_ref, setting.value, place_id, happened(at), who=who, why=why)
    typer.echo(f"{loan_ref} is at {place_id} now.")


@app.command()
def extend(
    register: RegisterOption,
    loan_ref: LoanArgument,
    due: Annotated[int, typer.Argument(metavar="TIME", parser=moment, help="When it is to come back, as 2026-10-24.")],
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Agree another day, later or earlier, for this loan to come back. It stays, whatever the policy says, until the
    pathway changes."""
    from kitback.register import loans

    with step(register) as conn:
        loans.agree_due(conn, agreed(conn, policy), loan_ref, due, happened(at), who=who, why=why)
    typer.echo(f"{loan_ref} is due back {when(due)}.")


@app.command("pathway")
def change_pathway(
    register: RegisterOption,
    loan_ref: LoanArgument,
    pathway: PathwayArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Put a loan on another pathway, such as long_term when it is still needed after its period. Its clocks are that
    pathway's, counted from the delivery."""
    from kitback.register import loans

    with step(register) as conn:
        loans.change_pathway(conn, agreed(conn, policy), loan_ref, pathway, happened(at), who=who, why=why)
        lent = _loan(conn, loan_ref)
    typer.echo(f"{loan_ref} is on the pathway {pathway}. {_clocks(lent)}")


@app.command()
def carers(
    register: RegisterOption,
    loan_ref: LoanArgument,
    paid: Annotated[bool, typer.Option("--paid/--unpaid", help="Who works with it.")],
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Paid carers work with it now, so that LOLER applies to a hoist; or only the person and unpaid family do."""
    from kitback.register import loans

    with step(register) as conn:
        loans.note_carers(conn, loan_ref, paid, happened(at), who=who, why=why)
    typer.echo(f"{loan_ref} is noted as {'' if paid else 'not '}used by paid carers.")


@app.command("return")
def give_back(
    register: RegisterOption,
    loan_ref: LoanArgument,
    how: HowOption = How.DROP_OFF,
    store: StoreOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """The equipment is back with the service, asked for or not: the loan is over, and so is a hold on it. It is lent
    again when it is decontaminated, inspected and tested: **kitback collections** has these steps."""
    from kitback.register import loans

    with step(register) as conn:
        loans.return_loan(conn, loan_ref, happened(at), how=how.value, store_id=store, who=who, why=why)
        asset_id = _loan(conn, loan_ref).asset_id
    typer.echo(f"{loan_ref} is over; {asset_id} is to be decontaminated.")


@app.command()
def cancel(
    register: RegisterOption, loan_ref: LoanArgument, who: WhoOption = "", why: WhyOption = None, at: AtOption = None
) -> None:
    """What was prescribed is not delivered after all. The equipment can be lent to others; what was delivered is
    returned instead."""
    from kitback.register import loans

    with step(register) as conn:
        loans.cancel(conn, loan_ref, happened(at), who=who, why=why)
        asset_id = _loan(conn, loan_ref).asset_id
    typer.echo(f"{loan_ref} is cancelled; {asset_id} is available.")


def _loan(conn: "sa.Connection", loan_ref: str) -> "Loan":
    from kitback.register import overview

    return overview.show_loan(conn, loan_ref).loan


def _clocks(lent: "Loan") -> str:
    if lent.delivered_s is None:
        return f"Deliver by {when(lent.deliver_by_s)}."
    return f"Due back: {when(lent.due_s)}. Review due: {when(lent.review_s)}."


def _line(lent: "Loan") -> tuple[str, ...]:
    return (
        lent.loan_ref,
        f"{lent.asset_id}\n{lent.kind}",
        lent.status.replace("_", " "),
        lent.pathway.replace("_", " "),
        lent.lent_to,
        f"by {when(lent.deliver_by_s)}" if lent.status == "prescribed" else when(lent.delivered_s),
        when(lent.due_s),
        when(lent.review_s),
    )


def _show(found: "LoanInFull") -> None:
    facts(f"Loan {found.loan.loan_ref}", found.loan, "loan_ref", "kind", "place_id")
    if found.asset.loan_ref == found.loan.loan_ref:
        belongs = ("asset_id", "model", "state", "loan_ref", "commissioner", "value_pence", "serial")
        facts("The equipment now", found.asset, *belongs)
    if found.holds:
        table(
            "Holds",
            ("From", "Until", "Released", "Why"),
            ((when(each.from_s), when(each.until_s), when(each.ended_s), each.reason) for each in found.holds),
        )
    if found.flags:
        flags(found.flags)
    history(found.history)
