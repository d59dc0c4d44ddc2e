"""`kitback erase`."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import FAILED, fail, failing, pipe
from kitback.cli.step import (
    AgreedOption,
    AtOption,
    JsonOption,
    WhoOption,
    WhyOption,
    agreed,
    completing,
    happened,
    look,
)
from kitback.cli.tables import line, table
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from kitback.policy import Policy
    from kitback.register import Register
    from kitback.register.erasure import Trace

app = typer.Typer(
    no_args_is_help=True,
    help="Loans whose time is up: everything of them goes but anonymous counts, from the register, the outbox and "
    "InfluxDB.",
)


def _over(conn: "sa.Connection", begun: str) -> list[str]:
    import sqlalchemy as sa

    from kitback.register.tables import loan

    mine = (loan.c.loan_ref.startswith(begun, autoescape=True), loan.c.to_s.is_not(None))
    return list(conn.scalars(sa.select(loan.c.loan_ref).where(*mine).order_by(loan.c.loan_ref).limit(50)))


CompactOption = Annotated[
    bool,
    typer.Option(
        "--compact",
        help="Then write the register anew, so that nothing deleted is left in its files; all others wait meanwhile.",
    ),
]


@app.command()
def due(register: RegisterOption, policy: AgreedOption = None, as_json: JsonOption = False) -> None:
    """The loans that `kitback erase run` would erase: over, and their equipment home, for as long as the policy keeps
    them."""
    from kitback.register import erasure

    with look(register) as conn:
        found = erasure.due(conn, agreed(conn, policy), happened(None))
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(found, indent=2) + "\n")
        else:
            table(f"Loans to be erased: {len(found)}", ("Loan",), ((each,) for each in found))


@app.command()
def loan(
    register: RegisterOption,
    loan_ref: Annotated[
        str, typer.Argument(metavar="LOAN", help="A loan that is over.", autocompletion=completing(_over))
    ],
    compact: CompactOption = False,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
    at: AtOption = None,
) -> None:
    """Erase one loan now, because somebody asked for it or its time is up. Before its time it takes a reason."""
    from kitback.register import erasure

    with opened(register) as found:
        with found.read() as conn:
            terms, moment = agreed(conn, policy), happened(at)
            is_due = loan_ref in erasure.due(conn, terms, moment)
        if not is_due and not (why or "").strip():
            fail(f"the time of loan {loan_ref} is not up yet: say with --why who asked for it to be erased")
        _erase(found, terms, [loan_ref], moment, who, why, compact)


@app.command()
def run(
    register: RegisterOption,
    compact: CompactOption = False,
    policy: AgreedOption = None,
    who: WhoOption = "",
    why: WhyOption = None,
) -> None:
    """Erase every loan whose time is up, and what a feed told that long ago and became none. Fit for a nightly timer:
    with nothing to do it does nothing."""
    from kitback.register import RegisterError, erasure

    with opened(register) as found:
        now = happened(None)
        with found.read() as conn:
            terms = agreed(conn, policy)
            refs = erasure.due(conn, terms, now)
        with failing(RegisterError), found.write() as conn:
            untaken = erasure.forget_untaken(conn, terms, now)
        _erase(found, terms, refs, now, who, why, compact, untaken)


@app.command()
def status(register: RegisterOption, as_json: JsonOption = False) -> None:
    """What was erased, and whether the outbox and InfluxDB have none of it any more. The gateway deletes from InfluxDB,
    within minutes."""
    from kitback.register import erasure
    from kitback.watch.words import iso, stamp

    with look(register) as conn:
        found = erasure.erasures(conn)
    with pipe():
        if as_json:
            told = [
                {
                    "erasure": each.erasure_id,
                    "asked_at": iso(each.asked_s),
                    "who": each.who,
                    "outbox_at": None if each.outbox_s is None else iso(each.outbox_s),
                    "history_at": None if each.done_s is None else iso(each.done_s),
                }
                for each in found
            ]
            sys.stdout.write(json.dumps(told, indent=2) + "\n")
            return
        waiting = sum(each.done_s is None for each in found)
        table(
            f"Erased histories: {len(found)}" + (f"; {waiting} wait for InfluxDB" if waiting else ""),
            ("Number", "Asked for", "By", "Gone from the outbox", "Gone from InfluxDB"),
            (
                (
                    str(each.erasure_id),
                    stamp(each.asked_s),
                    each.who,
                    "not yet" if each.outbox_s is None else stamp(each.outbox_s),
                    "not yet" if each.done_s is None else stamp(each.done_s),
                )
                for each in found
            ),
        )


@app.command()
def search(
    register: RegisterOption,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="References of loans, ids of places.")],
    as_json: JsonOption = False,
) -> None:
    """Look for words in every text of the register and its outbox: the proof that nothing is left. Exit code 1 says
    that something was found."""
    from kitback.register import erasure

    with look(register) as conn:
        found = erasure.traces(conn, words)
    with pipe():
        if as_json:
            told = [{"word": each.word, "where": f"{each.table}.{each.column}", "rows": each.rows} for each in found]
            sys.stdout.write(json.dumps(told, indent=2) + "\n")
        else:
            _show(found)
    if found:
        raise typer.Exit(FAILED)


def _erase(
    register: "Register",
    policy: "Policy",
    refs: list[str],
    at: int,
    who: str,
    why: str | None,
    compact: bool,
    gone: "Iterable[str]" = (),
) -> None:
    """`gone` are words of what was erased before."""
    from rich.console import Console
    from rich.progress import track

    from kitback.collect import retention
    from kitback.register import IllegalMove, RegisterError, erasure

    words = list(gone)
    with failing(RegisterError, IllegalMove):
        for loan_ref in track(refs, "Erasing", console=Console(stderr=True), transient=True):
            words += retention.erase(register, policy, loan_ref, at, who=who, why=why)
        wiped = erasure.scrub(register, at)
        if compact:
            register.compact()
        with register.read() as conn:
            found = erasure.traces(conn, words)
            waiting = len(erasure.pending(conn))
    line(f"Erased: {_some(len(refs), 'loan')}; {_some(wiped, 'line')} of history wiped from the outbox.")
    if waiting:
        histories = "1 history" if waiting == 1 else f"{waiting} histories"
        line(f"InfluxDB: the gateway deletes {histories} from it; `kitback erase status` says when they are gone.")
    if found:
        _show(found)
        fail("something of what was erased is still named in the register: see above")


def _some(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _show(found: "Iterable[Trace]") -> None:
    found = list(found)
    table(
        "Found in the register" if found else "Found nowhere in the register",
        ("Word", "Where", "Rows"),
        ((each.word, f"{each.table}.{each.column}", str(each.rows)) for each in found),
    )
