"""`kitback visits`: one van to one address, with all that is to be done there."""

import json
import sys
from typing import Annotated

import typer

from kitback.cli.collections import VisitArgument
from kitback.cli.facts import for_programs, history, said, when
from kitback.cli.loans import PlaceArgument, StoreOption
from kitback.cli.plain import WRONG, fail, pipe
from kitback.cli.step import (
    AgreedOption,
    AtOption,
    JsonOption,
    LimitOption,
    WhoOption,
    WhyOption,
    agreed,
    happened,
    look,
    moment,
    step,
)
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption

app = typer.Typer(
    no_args_is_help=True,
    help="Visits: what one van can do at one address; used equipment never travels with clean deliveries.",
)


@app.command()
def due(
    register: RegisterOption, place_id: PlaceArgument, policy: AgreedOption = None, as_json: JsonOption = False
) -> None:
    """What there is to do at an address, and is on no visit yet: collections, services and examinations that are due,
    safety checks; apart from them what is to be delivered there."""
    from kitback.clock import SystemClock, now_s
    from kitback.collect import visits

    now = now_s(SystemClock())
    with look(register) as conn:
        found = visits.due_at(conn, agreed(conn, policy), place_id, now)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
            return
        for title, errands in (("one visit", found.errands), ("a clean van of its own", found.deliveries)):
            if errands:
                table(
                    f"{found.name}: for {title}",
                    ("Equipment", "Kind", "Loan", "To do", "By"),
                    ((e.asset_id, e.kind, e.loan_ref, said("task", e.task), when(e.due_s)) for e in errands),
                )
        if not (found.errands or found.deliveries):
            typer.echo(f"{found.name}: there is nothing to do.")
        if found.drop_off:
            worth = said("worth_pence", found.worth_pence)
            typer.echo(f"All of it is worth {worth}: ask whether it can be dropped off, and send no van.")


@app.command()
def plan(
    register: RegisterOption,
    place_id: PlaceArgument,
    from_s: Annotated[int, typer.Argument(metavar="FROM", parser=moment, help="As 2026-11-24T10:00, in London.")],
    to_s: Annotated[int, typer.Argument(metavar="TO", parser=moment, help="When the agreed time ends.")],
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="ASSET:TASK", help="Only this: BED-1:collect, HST-1:service, BED-2:deliver …"),
    ] = None,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Agree a time at an address, with all that is due there on the dirty side, as **kitback visits due** lists it.

    With --task, once or more often, only with that. A delivery is clean: it has a visit of its own.
    """
    from kitback.collect import visits
    from kitback.register import visits as steps

    now = happened(at)
    with step(register) as conn:
        if task is None:
            found = visits.due_at(conn, agreed(conn, policy), place_id, now)
            to_do = [(each.asset_id, each.task) for each in found.errands]
        else:
            to_do = [_split(each, ":", "BED-1:collect") for each in task]
        visit_id = steps.plan(conn, place_id, from_s, to_s, now, to_do=to_do, who=who, why=why)
    errands = ", ".join(f"{said('task', todo)} {asset_id}" for asset_id, todo in to_do)
    typer.echo(f"Visit {visit_id}, {when(from_s)}: {errands}.")


@app.command("list")
def listing(
    register: RegisterOption,
    over: Annotated[bool, typer.Option("--over", help="With those that are done or cancelled.")] = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """The visits that are planned, the next one first: when, where, and how many things are to be done, are done, or
    failed."""
    from kitback.collect import visits

    with look(register) as conn:
        found = visits.listing(conn, over=over, limit=limit)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            table(
                f"Visits: {len(found)}",
                ("Visit", "From", "To", "Where", "Status", "To do", "Done", "Failed"),
                (
                    (
                        str(v.visit_id),
                        when(v.from_s),
                        when(v.to_s),
                        v.name,
                        v.status,
                        *map(str, (v.to_do, v.done, v.failed)),
                    )
                    for v in found
                ),
            )


@app.command()
def show(register: RegisterOption, visit: VisitArgument, as_json: JsonOption = False) -> None:
    """One visit: what is to be done at it, what was done, what failed and why, and who entered it."""
    from kitback.collect import visits

    with look(register) as conn:
        found = visits.show(conn, visit)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
            return
        mine = found.visit
        table(
            f"Visit {visit}, {when(mine.from_s)} to {when(mine.to_s)}, {mine.name}: {mine.status}",
            ("Equipment", "To do", "Status", "When", "Why not"),
            ((t.asset_id, said("task", t.task), t.status, when(t.done_s), t.reason or "") for t in found.tasks),
        )
        history(found.history)


@app.command()
def done(
    register: RegisterOption,
    visit: VisitArgument,
    failed: Annotated[
        list[str] | None,
        typer.Option("--failed", metavar="ASSET=WHY", help='What was in vain: "BED-1=nobody in"; once or more often.'),
    ] = None,
    store: StoreOption = None,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """The van is back, and all was done but for what --failed says: what was collected is returned, what was serviced
    or examined is noted, what was delivered is on loan. What failed has to be booked anew."""
    from kitback.collect import visits
    from kitback.register import visits as steps

    in_vain = dict(_split(each, "=", "BED-1=nobody in") for each in failed or [])
    with step(register) as conn:
        by = agreed(conn, policy)
        steps.finish(conn, by, visit, happened(at), failed=in_vain, store_id=store, who=who, why=why)
        mine = visits.show(conn, visit).visit
    typer.echo(f"Visit {visit} is over: {mine.done} done, {mine.failed} failed.")


@app.command()
def cancel(
    register: RegisterOption, visit: VisitArgument, who: WhoOption = "", why: WhyOption = None, at: AtOption = None
) -> None:
    """Nobody goes there. What was to be fetched has to be booked anew, and it is no failed visit."""
    from kitback.register import visits

    with step(register) as conn:
        visits.cancel(conn, visit, happened(at), who=who, why=why)
    typer.echo(f"Visit {visit} is cancelled.")


def _split(text: str, sign: str, example: str) -> tuple[str, str]:
    left, found, right = text.partition(sign)
    if not found:
        fail(f'"{text}" is not understood: write it as "{example}"', WRONG)
    return left.strip(), right.strip()
