"""`kitback simulate`."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import WRONG, fail, failing, pipe
from kitback.cli.tables import table
from kitback.cli.where import PolicyOption, read_policy

if TYPE_CHECKING:
    from kitback.policy import Policy
    from kitback.simulate.agreement import Agreement
    from kitback.simulate.figures import Figures, Found
    from kitback.simulate.run import Ran

_DAY = 86_400
_MINUTE = 60
_TICK_MIN = 15
"""Minutes between the moments at which tags talk: nothing is news in between."""
_FOUND = ("Loans", "Flagged", "Days", "Back", "Out")


def _ticks(minutes: int) -> int:
    if minutes % _TICK_MIN:
        raise typer.BadParameter(f"{minutes} minutes is between two talks of the tags: take a multiple of {_TICK_MIN}")
    return minutes


def simulate(
    loans: Annotated[int, typer.Option(min=1, help="How many loans there are.")] = 200,
    days: Annotated[int, typer.Option(min=1, max=730, help="For how many days.")] = 60,
    seed: Annotated[int, typer.Option(help="Of everything random: the same one makes the same people.")] = 1,
    judge_every: Annotated[
        int,
        typer.Option(
            min=_TICK_MIN, max=24 * 60, metavar="MINUTES", callback=_ticks, help="How often the loans are judged."
        ),
    ] = 60,
    policy: PolicyOption = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write figures, flags and causes to this file as well."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep the register and the whole truth (truth.json) here.")
    ] = None,
) -> None:
    """Made-up people, with beds, hoists and mattresses whose every use is known: what do the rules make of them?

    Each loan has one cause behind it, such as recovered, moved house, or a flat battery. It is drawn before anything is
    judged. What the tags would report goes the real way into a register of its own. Shown are the flags that were
    raised, and how many of the loans that should have come home were among them.

    Nobody in it exists: the figures say how the rules behave, not how people do. docs/simulation.md says what is made
    up.
    """
    from kitback.register import RegisterError
    from kitback.simulate.figures import as_json, figures
    from kitback.simulate.population import draw
    from kitback.simulate.run import run

    agreed = read_policy(policy)
    world = draw(loans, days, seed)
    with _folder(keep) as folder, failing(RegisterError), _progress(world.from_s, days) as told:
        folder.mkdir(parents=True, exist_ok=True)
        if keep:
            (folder / "truth.json").write_bytes(_json(world))
        ran = run(world, agreed, folder, told, judge_every * _MINUTE)
    counted = figures(ran)
    agreed_on = _agreement(ran, agreed)
    if json:
        json.write_bytes(_json(as_json(ran, counted) | {"agreement": agreed_on}))
    with pipe():
        _show(ran, counted, days)
        _show_agreement(agreed_on)
        typer.echo("Virtual: nobody in it exists. What is made up, and what the figures mean: docs/simulation.md")
    if keep:
        typer.echo(f"Kept in {keep}; to look again: kitback worklist --register {keep / 'register.db'}")


def _json(what: object) -> bytes:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n"


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the register is: a folder that is kept, or one that goes with the run."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="kitback-simulate-") as folder:
            yield Path(folder)
    elif keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        fail(f"{keep} is there already: give --keep a new folder, or an empty one", WRONG)
    else:
        yield keep


@contextlib.contextmanager
def _progress(from_s: int, days: int) -> Iterator[Callable[[int, int], None]]:
    """Shows how far the world is."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("Day {task.completed:.0f} of {task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.fields[reports]:,} reports"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as shown:
        task = shown.add_task("", total=days, reports=0)
        yield lambda now, reports: shown.update(task, completed=(now - from_s) / _DAY, reports=reports)


def _show(ran: "Ran", counted: "Figures", days: int) -> None:
    typer.echo(f"{len(ran.world.loans):,} made-up loans in {days} days, seed {ran.world.seed}.\n")
    table(
        "Flags raised",
        ("Rule", "Raised", "Open at the end"),
        (
            (rule, f"{raised:,}", f"{counted.open_at_end.get(rule, 0):,}")
            for rule, raised in sorted(counted.flags.items(), key=lambda each: -each[1])
        ),
    )
    typer.echo(
        "Loans that should have come home. Days: until the flag, in quartiles. Back, out: of those not flagged, how "
        "many came home by themselves, and were out at the end.\n"
    )
    table(
        "By rule",
        ("Flagged by", *_FOUND),
        (
            *(_found(rule, found) for rule, found in counted.useful_by_rule.items()),
            _found("any of these", counted.useful),
        ),
    )
    table(
        "By what was behind it, whichever of these rules flagged it",
        ("Cause", *_FOUND),
        (_found(cause, found) for cause, found in counted.useful_by_cause.items()),
    )
    table(
        f"Of {counted.others:,} that were needed",
        ("Flagged by", "Loans"),
        ((rule, f"{flagged:,}") for rule, flagged in counted.others_flagged.items()),
    )


def _agreement(ran: "Ran", policy: "Policy") -> "Agreement":
    from kitback.simulate.agreement import Raised, agreement
    from kitback.simulate.oracle import expected

    raised = (
        Raised(
            asset_id=flag.asset_id,
            rule=flag.rule,
            since_s=flag.since,
            raised_s=flag.raised_at,
            closed_s=flag.closed_at,
        )
        for flag in ran.flags
    )
    return agreement(ran.world, expected(ran.world, policy, ran.judged_every_s), raised)


def _show_agreement(found: "Agreement") -> None:
    table(
        "Beside the oracle, which knows the truth and the policy and no rule",
        ("Rule", "Raised", "Right", "Wrong", "Missed", "Either", "Ended", "Prec.", "Recall"),
        (
            (
                score.rule,
                *(f"{count:,}" for count in (score.raised, score.right, score.wrong, score.missed)),
                f"{score.either_way:,}",
                f"{score.ended_wrong:,}",
                *("" if share is None else f"{share:.3f}" for share in (score.precision, score.recall)),
            )
            for score in found.scores.values()
        ),
    )
    typer.echo(
        "Either: the truth was too near a threshold, so that it may be raised or not. Ended: right, but closed too "
        f"early or too late. {len(found.disagreements):,} flags over which they part: --json tells of each what was "
        "true and what was said. docs/oracle.md says how the oracle reads the rules.\n"
    )


def _found(name: str, found: "Found") -> tuple[str, ...]:
    days = found.days
    after = "" if days.median is None else f"{days.first:.1f} - {days.median:.1f} - {days.third:.1f}"
    return (
        name,
        f"{found.loans:,}",
        f"{found.flagged:,}",
        after,
        f"{found.back_unflagged:,}",
        f"{found.out_unflagged:,}",
    )
