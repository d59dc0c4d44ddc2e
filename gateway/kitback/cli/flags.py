"""`kitback flags`: the life of flags, in staff's words."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kitback.cli.plain import NUMBERS, WRONG, fail, failing, pipe
from kitback.cli.step import (
    AgreedOption,
    AtOption,
    JsonOption,
    WhoOption,
    WhyOption,
    agreed,
    happened,
    look,
    moment,
    step,
)
from kitback.cli.tables import AT_MOST, as_csv, table
from kitback.cli.where import RegisterOption

if TYPE_CHECKING:
    from kitback.collect.flags import FlagItem, Outcomes, Story

app = typer.Typer(
    no_args_is_help=True,
    help="What the watch has found, and what staff did about it: **list**, **show**, then the steps of a flag's life.",
)

_COLUMNS = (
    *("flag_id", "asset_id", "loan_ref", "kind", "reason", "cause", "action", "status", "status_since", "muted_until"),
    *("outcome", "sentence", "since", "raised_at", "closed_at"),
)
Ids = Annotated[
    list[int],
    typer.Argument(metavar="FLAG...", min=1, max=NUMBERS, help="Their numbers, as the worklist says; all or none."),
]
OutcomeOption = Annotated[
    str | None,
    typer.Option("--outcome", metavar="WORD", help="What came of it; `kitback flags outcomes` has the words."),
]
CsvOption = Annotated[bool, typer.Option("--csv", help="For spreadsheets: a line a flag, times in UTC.")]


@app.command("list")
def listing(
    register: RegisterOption,
    status: Annotated[str | None, typer.Option(help="Only with this status: open, contacted, closed …")] = None,
    rule: Annotated[str | None, typer.Option(help="Only what one rule found: idle, overdue …")] = None,
    asset: Annotated[str | None, typer.Option(help="Only of this equipment.")] = None,
    loan: Annotated[str | None, typer.Option(help="Only of this loan.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=NUMBERS, help="So many at most, the latest; as a table 500.")
    ] = None,
    as_json: JsonOption = False,
    comma_separated: CsvOption = False,
) -> None:
    """Flags with their numbers and how far they have come, the latest first.

    All that are not closed, unless --status asks for others. What is most pressing is for **kitback worklist** to say.
    """
    if as_json and comma_separated:
        fail("give --json or --csv, not both", WRONG)
    from kitback.collect import NoSuch
    from kitback.collect.flags import flags
    from kitback.watch.life import Status

    at_most = limit or (None if as_json or comma_separated else AT_MOST)
    with failing(NoSuch, code=WRONG), look(register) as conn:
        wanted = None if status is None else Status(_one_of("status", status, Status))
        items = flags(conn, status=wanted, rule=rule, asset_id=asset, loan_ref=loan, limit=at_most)
    with pipe():
        if as_json:
            _json(items)
        elif comma_separated:
            as_csv(_COLUMNS, ([getattr(item, name) for name in _COLUMNS] for item in items))
        else:
            _show_list(items, cut=len(items) == at_most)


@app.command()
def show(
    register: RegisterOption,
    flag: Annotated[int, typer.Argument(metavar="FLAG", min=1, max=NUMBERS, help="Its number, as the worklist says.")],
    as_json: JsonOption = False,
) -> None:
    """One flag: what it says, what that rests on and was compared with, what was done about it, and what can be done.

    The entry of the policy is shown with where it comes from: published, judged for Kitback, or your service's own.
    """
    from kitback.clock import SystemClock, now_s
    from kitback.collect import NoSuch
    from kitback.collect.flags import story

    with failing(NoSuch, code=WRONG), look(register) as conn:
        told = story(conn, flag, now_s(SystemClock()))
    with pipe():
        if as_json:
            _json(told)
        else:
            _show_story(told)


@app.command()
def contact(
    register: RegisterOption,
    flags: Ids,
    policy: AgreedOption = None,
    outcome: OutcomeOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Note that somebody was asked; or could not be reached, with --outcome could_not_reach.

    At the end of life nobody asks the home but on a clinician's word: --why says whose.
    """
    _move("contacted", register, flags, policy, who, why, at, outcome=outcome)


@app.command()
def confirm(
    register: RegisterOption,
    flags: Ids,
    policy: AgreedOption = None,
    outcome: OutcomeOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Note that it is as the flag says: who was asked says that it is not needed any more, or staff saw it themselves.

    Without --outcome: not needed any more, where the flag asks a question; as the flag said, elsewhere.
    """
    _move("confirmed", register, flags, policy, who, why, at, outcome=outcome)


@app.command("still-needed")
def still_needed(
    register: RegisterOption,
    flags: Ids,
    policy: AgreedOption = None,
    outcome: OutcomeOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Note that it stays where it is: the flag leaves the worklist until its evidence changes.

    Or until the loan's next review, or for as long as the policy says, whichever comes first. --outcome still_in_use
    says that it is used after all, which Kitback did not see.
    """
    _move("still_needed", register, flags, policy, who, why, at, outcome=outcome)


@app.command()
def snooze(
    register: RegisterOption,
    flags: Ids,
    until: Annotated[
        int, typer.Option(metavar="TIME", parser=moment, help="When it comes back: 2026-10-31, or with the hour.")
    ],
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Put it off until a day, with the reason; a safety check cannot be.

    It leaves the worklist until then, or until its evidence changes. The policy says how long is too long.
    """
    _move("snoozed", register, flags, policy, who, why, at, until=until)


@app.command()
def collect(
    register: RegisterOption,
    flags: Ids,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Ask for it to be fetched, after somebody was asked and said that it can go; --why says who.

    Only for what is a question: a safety check is never collected, and what is overdue and in use is reviewed.
    """
    _move("collection", register, flags, policy, who, why, at)


@app.command()
def close(
    register: RegisterOption,
    flags: Ids,
    policy: AgreedOption = None,
    outcome: OutcomeOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Be done with it, and say what came of it, unless that was said before.

    The same evidence raises no other flag. What is over by itself needs no closing: the watch sees that.
    """
    _move("closed", register, flags, policy, who, why, at, outcome=outcome)


@app.command()
def reopen(
    register: RegisterOption,
    flags: Ids,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Take back what was decided, with the reason: the flag is open as on its first day.

    A closed flag can come back unless another says the same by now; the watch closes it again when it is over.
    """
    _move("open", register, flags, policy, who, why, at)


@app.command()
def outcomes(register: RegisterOption, as_json: JsonOption = False) -> None:
    """What came of the flags of each rule, and how many of those that staff answered were right.

    The share that was right (flag_precision_pct) counts what staff confirmed, of what they confirmed or denied. What
    ended by itself, or where nobody could be reached, counts for neither.
    """
    from kitback.collect.flags import outcomes as by_rule

    with look(register) as conn:
        told = by_rule(conn)
    with pipe():
        if as_json:
            _json(told)
        else:
            _show_outcomes(told)


def _move(
    to: str,
    register: str,
    flags: Sequence[int],
    policy: Any,
    who: str,
    why: str | None,
    at: int | None,
    *,
    until: int | None = None,
    outcome: str | None = None,
) -> None:
    when = happened(at)
    from kitback.watch import life

    came = None if outcome is None else life.Outcome(_one_of("outcome", outcome, life.Outcome))
    status = life.Status(to)
    with step(register) as conn:
        by = agreed(conn, policy)
        for each in flags:
            life.move(conn, each, status, when, who, why, policy=by, until=until, outcome=came)
    many = f"Flags {', '.join(map(str, flags))} are" if len(flags) > 1 else f"Flag {flags[0]} is"
    typer.echo(f"{many} {'open again' if status is life.Status.OPEN else _now(status)}.")


def _now(status: Any) -> str:
    return "to be collected" if status == "collection" else str(status.words)


def _one_of(what: str, given: str, known: Any) -> str:
    if given not in list(known):
        fail(f'there is no {what} "{given}"; there are {", ".join(known)}', WRONG)
    return given


def _json(told: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")


def _show_list(items: "list[FlagItem]", cut: bool) -> None:
    from kitback.watch.words import stamp

    count = f"the latest {len(items)} (--limit for more)" if cut else str(len(items) or "none")
    table(
        f"Flags: {count}",
        ("Flag", "Status", "Equipment", "What it says", "Raised", "What came of it"),
        (
            (
                str(item.flag_id),
                _status(item),
                f"{item.asset_id}\n{item.loan_ref or 'not on loan'}",
                item.sentence,
                stamp(_unix(item.raised_at)),
                item.outcome.words if item.outcome else "",
            )
            for item in items
        ),
    )


def _status(item: "FlagItem") -> str:
    from kitback.watch.words import stamp

    until = f"\nuntil {stamp(_unix(item.muted_until))}" if item.muted_until else ""
    return f"{item.status.words}{until}"


def _show_story(told: "Story") -> None:
    from kitback.watch.words import stamp

    item = told.flag
    outcome = f": {item.outcome.words}" if item.outcome else ""
    typer.echo(f"Flag {item.flag_id}: {item.title}, {item.asset_id} ({item.loan_ref or 'not on loan'}), {item.reason}")
    typer.echo(item.sentence)
    typer.echo(f"\nStatus: {_status(item)}{outcome}".replace("\nuntil", " until"))
    if told.allowed:
        typer.echo(f"What can be done: {', '.join(told.allowed)}")
    table("What this rests on", ("Fact", "Value"), told.basis)
    table(
        "What was done",
        ("When", "Who", "What", "Why"),
        ((stamp(_unix(step.at)), step.who, step.what, step.why or "") for step in told.history),
    )


def _show_outcomes(told: "list[Outcomes]") -> None:
    table(
        "What came of flags",
        ("Rule", "Raised", "Of those answered, right", "Came to"),
        (
            (
                each.rule,
                str(each.flags),
                "-" if each.flag_precision_pct is None else f"{each.flag_precision_pct:g} %",
                "\n".join(f"{count} {outcome}: {outcome.words}" for outcome, count in each.counts.items()),
            )
            for each in told
        ),
    )


def _unix(iso: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(iso).timestamp())
