"""`kitback feed`."""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.facts import for_programs, when
from kitback.cli.plain import FAILED, WRONG, fail, failing, pipe
from kitback.cli.step import AgreedOption, JsonOption, LimitOption, agreed, look, moment
from kitback.cli.tables import AT_MOST, table
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from kitback.exchange.feed import Said, Taken, Taking
    from kitback.exchange.rows import Mistake

app = typer.Typer(
    no_args_is_help=True,
    help="Loans, deliveries and returns from the provider's own system, so that nobody keys them twice.",
)

_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_OUTCOMES = {
    "applied": "Changed the register",
    "kept": "News that changes nothing in the register",
    "waiting": "Could not be applied, or not all of it",
    "unchanged": "No news",
    "passed_over": "Passed over: over for so long that it would be erased here",
}


def _source(text: str) -> str:
    if not _SOURCE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no name of a source: write it as acme, in small letters and digits")
    return text


SourceOption = Annotated[
    str, typer.Option("--source", metavar="NAME", parser=_source, help="What we call the provider's system.")
]
OneSourceOption = Annotated[
    str | None, typer.Option("--source", metavar="NAME", parser=_source, help="Only of one system; else of all.")
]


@app.command()
def take(
    register: RegisterOption,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or JSON lines; docs/feed.md has the columns.")],
    source: SourceOption,
    whole: Annotated[
        bool, typer.Option("--whole", help="It lists every loan that runs there; else it lists what changed.")
    ] = False,
    as_of: Annotated[
        int | None,
        typer.Option(
            "--as-of", metavar="TIME", parser=moment, help="When the file was made there; else its own time is taken."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come of each line by itself, and change nothing.")
    ] = False,
    policy: AgreedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a file of the provider's system.

    Taking the same file twice changes nothing; one whose taking was broken off is simply taken again. Lines that cannot
    be read are named, with the column and the remedy, and the others are taken. What contradicts the register waits:
    **kitback feed troubles** says what to do.

    Exit codes: 0 all lines were read, 1 some were not, 2 the file cannot be read at all.
    """
    import time

    from kitback.exchange.feed import Taking
    from kitback.exchange.rows import SheetError
    from kitback.register import RegisterError

    now = int(time.time())
    made_s = as_of if as_of is not None else _made(file)
    if made_s > now + 300:
        fail(f"{file} would be of a time that is still to come: check --as-of, and the clock", WRONG)
    with opened(register) as found, failing(RegisterError), failing(SheetError, code=WRONG):
        with found.read() as conn:
            by = agreed(conn, policy)
        taking = Taking(found, by, source, now, dry_run=dry_run)
        with _progress() as told:
            outcomes, waiting, wrong = _take(taking, file, now, made_s, whole, told)
        taking.refuse(len(wrong))
        # What stands in a line that could not be read is not missing.
        missing = taking.miss(made_s) if whole and not wrong else 0
        retried = taking.retry()
        taking.end(made_s if as_of is not None or whole or not taking.told_to_s else taking.told_to_s)
    with pipe():
        if as_json:
            result = {
                "source": source,
                "dry_run": dry_run,
                **{each: outcomes[each] for each in _OUTCOMES},
                "missing": missing,
                "mended": retried,
                "troubles": [{"id": each.external_id, "trouble": each.trouble} for each in waiting],
                "refused": [{"line": each.line, "column": each.column, "what": each.what} for each in wrong],
            }
            sys.stdout.write(json.dumps(result, indent=2) + "\n")
        else:
            _show(file, outcomes, waiting, wrong, missing, retried, dry_run)
    if wrong:
        raise typer.Exit(FAILED)


@app.command()
def status(register: RegisterOption, policy: AgreedOption = None, as_json: JsonOption = False) -> None:
    """How each feed stands: up to when it has told all it knows, and whether that is too long ago.

    While a feed is stale no loan of it is called overdue or due soon: it may be back long since.
    """
    import time

    from kitback.exchange.feed import standings

    with look(register) as conn:
        found = standings(conn, agreed(conn, policy), int(time.time()))
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            table(
                "Feeds" if found else "Feeds: none has told anything yet",
                ("Source", "State", "Told all up to", "Last news", "Loans told", "Running", "Troubles"),
                (
                    (
                        each.source,
                        "stale" if each.stale else "fresh",
                        when(each.told_to_s),
                        when(each.heard_s),
                        *(f"{count:,}" for count in (each.told, each.running, each.troubles)),
                    )
                    for each in found
                ),
            )


@app.command()
def troubles(
    register: RegisterOption, source: OneSourceOption = None, limit: LimitOption = None, as_json: JsonOption = False
) -> None:
    """What the feeds told and the register could not take, or not all of it: why, and what to do.

    Each is tried again with the next file; **kitback feed retry** does so at once.
    """
    from kitback.exchange.feed import troubles as all_troubles

    with look(register) as conn:
        found = all_troubles(conn, source, limit or (None if as_json else AT_MOST))
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(for_programs(found), indent=2) + "\n")
        else:
            table(
                f"Troubles: {len(found)}" if found else "Troubles: none",
                ("Number there", "Source", "Loan", "Equipment", "Said", "What, and what to do"),
                (
                    (
                        each.external_id,
                        each.source,
                        each.loan_ref or "not in the register",
                        each.asset_id or "-",
                        when(each.said_s),
                        each.trouble,
                    )
                    for each in found
                ),
            )


@app.command()
def retry(register: RegisterOption, source: SourceOption, policy: AgreedOption = None) -> None:
    """Try again what waits, after its cause was mended: equipment was added, or a loan put right."""
    import time

    from kitback.exchange.feed import Taking
    from kitback.register import RegisterError

    with opened(register) as found, failing(RegisterError):
        with found.read() as conn:
            by = agreed(conn, policy)
        mended = Taking(found, by, source, int(time.time())).retry()
    typer.echo(f"Without trouble now: {mended}")


def _made(file: Path) -> int:
    try:
        return int(file.stat().st_mtime)
    except OSError as error:
        fail(f"{file}: {error.strerror}: give the path of a file that can be read", WRONG)


def _take(
    taking: "Taking", file: Path, now: int, made_s: int, whole: bool, told: Callable[[], None]
) -> "tuple[Counter[str], list[Taken], list[Mistake]]":
    from kitback.exchange.feed import Outcome, read
    from kitback.exchange.rows import Mistake

    wrong: list[Mistake] = []

    def messages() -> "Iterator[Said]":
        for each in read(file, now, made_s):
            if isinstance(each, Mistake):
                wrong.append(each)
            else:
                yield each

    outcomes: Counter[str] = Counter()
    waiting = []
    for taken in taking.take(messages(), made_s if whole else None):
        outcomes[taken.outcome] += 1
        if taken.outcome is Outcome.WAITING:
            waiting.append(taken)
        told()
    return outcomes, waiting, wrong


@contextmanager
def _progress() -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,} messages"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as shown:
        task = shown.add_task("", total=None)
        yield lambda: shown.advance(task)


def _show(
    file: Path,
    outcomes: Counter[str],
    waiting: "list[Taken]",
    wrong: "list[Mistake]",
    missing: int,
    retried: int,
    dry_run: bool,
) -> None:
    lines = [(words, f"{outcomes[name]:,}") for name, words in _OUTCOMES.items()]
    lines.append(("Could not be read", f"{len(wrong):,}"))
    lines += [("Listed no longer, and not over", f"{missing:,}")] if missing else []
    lines += [("Waited before, and do no more", f"{retried:,}")] if retried else []
    table(f"{file}{': only tried, nothing is changed' if dry_run else ''}", ("Messages", ""), lines)
    if wrong:
        table(
            f"Not read: {len(wrong):,}" + (f", the first {AT_MOST}" if len(wrong) > AT_MOST else ""),
            ("Line", "Column", "What to do"),
            ((str(each.line), each.column, each.what) for each in wrong[:AT_MOST]),
        )
    if waiting:
        table(
            f"Waiting: {len(waiting):,}" + (f", the first {AT_MOST}" if len(waiting) > AT_MOST else ""),
            ("Number there", "Why, and what to do"),
            ((each.external_id, each.trouble or "") for each in waiting[:AT_MOST]),
        )
