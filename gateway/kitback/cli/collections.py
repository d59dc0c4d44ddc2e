"""`kitback collections`: what comes home, from the request until it can be lent again."""

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.assets import AssetArgument
from kitback.cli.facts import for_programs, history, said, when
from kitback.cli.loans import How, HowOption, LoanArgument, StoreOption
from kitback.cli.plain import NUMBERS, WRONG, failing, pipe
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
    look,
    place_ids,
    step,
)
from kitback.cli.tables import styled, table
from kitback.cli.where import RegisterOption

if TYPE_CHECKING:
    import sqlalchemy as sa
    from rich.text import Text

    from kitback.collect.collections import Collection

app = typer.Typer(
    no_args_is_help=True,
    help="What comes home: asked for, booked, collected, decontaminated, inspected, and available again or scrapped.",
)


def visit_ids(conn: "sa.Connection", begun: str) -> list[str]:
    """Visits that are planned, whose numbers begin so."""
    from kitback.collect.visits import listing

    return [each for visit in listing(conn) if (each := str(visit.visit_id)).startswith(begun)]


VisitArgument = Annotated[
    int,
    typer.Argument(
        metavar="VISIT",
        min=1,
        max=NUMBERS,
        help="Its number, as `kitback visits list` says.",
        autocompletion=completing(visit_ids),
    ),
]


class Result(StrEnum):
    """What an inspection and test comes to."""

    PASS = "pass"  # noqa: S105 - it has passed the test
    REPAIR = "repair"
    SCRAP = "scrap"


@app.command("list")
def listing(
    register: RegisterOption,
    status: Annotated[
        str | None, typer.Option(help="Only these: requested, booked, collected, decontaminated, in_repair …")
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Only from this place, by its id.", autocompletion=completing(place_ids)),
    ] = None,
    limit: LimitOption = None,
    policy: AgreedOption = None,
    as_json: JsonOption = False,
) -> None:
    """All that is to be fetched, or came home and cannot be lent yet: what has to be home first comes first.

    With --status also what is over: available, scrapped or cancelled. Collect-by days are working days of England.
    """
    from kitback.clock import SystemClock, now_s
    from kitback.collect import NoSuch
    from kitback.collect.collections import listing as under_way

    now = now_s(SystemClock())
    with failing(NoSuch, code=WRONG), look(register) as conn:
        found = under_way(conn, agreed(conn, policy), now, status=status, place_id=place, limit=limit)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            table(
                f"Collections: {len(found)}" if limit is None or len(found) < limit else f"Collections: first {limit}",
                ("Loan", "Equipment", "Status", "Lent to", "Asked for", "Collect by", "Visit", "To mind"),
                (_line(each) for each in found),
            )


@app.command()
def show(
    register: RegisterOption, loan_ref: LoanArgument, policy: AgreedOption = None, as_json: JsonOption = False
) -> None:
    """One loan's way home: each step with its time, what it cost and what was credited, and who did what and why."""
    from kitback.clock import SystemClock, now_s
    from kitback.collect.collections import show as in_full

    now = now_s(SystemClock())
    with look(register) as conn:
        found = in_full(conn, agreed(conn, policy), loan_ref, now)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
            return
        for each in found.collections:
            table(f"Collection of {loan_ref}: {said('status', each.status)}", ("", ""), _told(each))
        history(found.history)


@app.command()
def request(
    register: RegisterOption,
    loan_ref: LoanArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Somebody said that it can go: ask for it to be fetched. The working days of its collection count from now.

    At the end of life only once the family or the clinician has told you; --why says who, and what was agreed.
    """
    from kitback.collect.collections import show as in_full
    from kitback.register import collections

    now = happened(at)
    with step(register) as conn:
        by = agreed(conn, policy)
        collections.request(conn, by, loan_ref, now, who=who, why=why)
        asked = in_full(conn, by, loan_ref, now).collections[-1]
    until = "no day is set" if asked.collect_by_s is None else f"collect by {when(asked.collect_by_s)}"
    typer.echo(f"{asked.asset_id} is to be fetched; {until}.")
    if asked.drop_off:
        typer.echo("It is worth too little for a van of its own: ask whether it can be dropped off.")


@app.command()
def cancel(
    register: RegisterOption, loan_ref: LoanArgument, who: WhoOption = "", why: WhyOption = None, at: AtOption = None
) -> None:
    """It is not fetched after all, and stays on loan. A flag that asked for it is a question again."""
    from kitback.register import collections

    with step(register) as conn:
        collections.cancel(conn, loan_ref, happened(at), who=who, why=why)
    typer.echo(f"{loan_ref} is not to be fetched.")


@app.command()
def book(
    register: RegisterOption,
    loan_ref: LoanArgument,
    visit: VisitArgument,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Put it on a visit that is planned at its place; **kitback visits plan** plans one with all that is due there."""
    from kitback.register import collections

    with step(register) as conn:
        collections.book(conn, loan_ref, visit, happened(at), who=who, why=why)
    typer.echo(f"{loan_ref} is fetched on visit {visit}.")


@app.command()
def failed(
    register: RegisterOption,
    loan_ref: LoanArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Nobody in, not ready, no access …")],
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Somebody came for it in vain. It has to be booked anew; its collect-by day stays, and the failed visit is
    counted apart."""
    from kitback.register import collections

    with step(register) as conn:
        collections.fail(conn, loan_ref, reason, happened(at), who=who, why=why)
    typer.echo(f"{loan_ref} was not fetched: book another visit.")


@app.command()
def collected(
    register: RegisterOption,
    loan_ref: LoanArgument,
    how: HowOption = How.VAN,
    store: StoreOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """It is back: the loan is over, and the equipment is on the dirty side until it is decontaminated. The same as
    **kitback loans return**, of what the van brought."""
    from kitback.register import loans, overview

    with step(register) as conn:
        loans.return_loan(conn, loan_ref, happened(at), how=how.value, store_id=store, who=who, why=why)
        asset_id = overview.show_loan(conn, loan_ref).loan.asset_id
    typer.echo(f"{loan_ref} is over; {asset_id} is to be decontaminated.")


@app.command()
def decontaminated(
    register: RegisterOption,
    asset_id: AssetArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """What came back was decontaminated. Before this is recorded nobody services it, examines it, lends it or takes it
    to another store."""
    from kitback.register import collections

    with step(register) as conn:
        collections.decontaminate(conn, agreed(conn, policy), asset_id, happened(at), who=who, why=why)
    typer.echo(f"{asset_id} is decontaminated; it is to be inspected and tested.")


@app.command()
def inspected(
    register: RegisterOption,
    asset_id: AssetArgument,
    result: Annotated[Result, typer.Argument(metavar="RESULT", help="pass, repair or scrap.")],
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """It was inspected and tested. What passes is available again, and is credited; what is repaired is inspected once
    more; what is scrapped is lent no more."""
    from kitback.register import collections

    with step(register) as conn:
        by = agreed(conn, policy)
        collections.inspect(conn, by, asset_id, happened(at), result.value, who=who, why=why)
        row = collections.latest(conn, asset_id)
        credit = None if row is None else row.credit_pence
    came = {Result.PASS: "is available again", Result.REPAIR: "is in repair", Result.SCRAP: "is scrapped"}[result]
    typer.echo(
        f"{asset_id} {came}." if credit is None else f"{asset_id} {came}; credit {said('credit_pence', credit)}."
    )


@app.command()
def scrapped(
    register: RegisterOption,
    asset_id: AssetArgument,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """What is in stores is beyond use: it came back so, or was found so on the shelf. It is lent to nobody any more,
    and nothing is due of it."""
    from kitback.register import collections

    with step(register) as conn:
        collections.scrap(conn, agreed(conn, policy), asset_id, happened(at), who=who, why=why)
    typer.echo(f"{asset_id} is scrapped.")


def _line(each: "Collection") -> "tuple[str | Text, ...]":
    by = when(each.collect_by_s)
    return (
        each.loan_ref,
        f"{each.asset_id}\n{each.kind}",
        said("status", each.status),
        each.lent_to,
        when(each.requested_s),
        styled(by, "bold red") if each.late else by,
        "-" if each.visit_id is None else f"{each.visit_id}\n{when(each.visit_from_s)}",
        "\n".join(_to_mind(each)),
    )


def _to_mind(each: "Collection") -> list[str]:
    return [
        words
        for holds, words in (
            (each.late and each.collected_s is None, "late"),
            (each.used_s is not None, f"used since, {when(each.used_s)}: ask again"),
            (each.failed_visits, f"failed visits: {each.failed_visits}"),
            (each.drop_off, "drop-off, no van"),
        )
        if holds
    ]


def _told(each: "Collection") -> list[tuple[str, str]]:
    from kitback.cli.facts import name_of

    shown = ("asset_id", "lent_to", "requested_s", "collect_by_s", "visit_id", "failed_visits", "how", "collected_s")
    later = ("decontaminated_s", "inspected_s", "ended_s", "credit_pence", "cost_pence")
    known = ((name, getattr(each, name)) for name in (*shown, *later))
    return [(name_of(name), said(name, value)) for name, value in known if value not in (None, 0)]
