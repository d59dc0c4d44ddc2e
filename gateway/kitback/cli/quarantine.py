"""`kitback quarantine`."""

import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import FAILED, NUMBERS, WRONG, fail, failing, pipe
from kitback.cli.tables import line, table
from kitback.cli.where import RegisterOption, data_folder, opened

if TYPE_CHECKING:
    from kitback.intake.quarantine import Kept
    from kitback.register import Register

app = typer.Typer(no_args_is_help=True, help="What could not be taken in, kept with the reason.")


@app.command("list")
def listing(
    register: RegisterOption,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: with everything that was kept.")] = False,
) -> None:
    """Everything in quarantine, the latest first.

    A report or record that cannot be read, is not signed, or comes from an unknown tag stops nothing: it is kept here,
    counted, and the rest goes on.
    """
    from kitback.intake import quarantine
    from kitback.register import counters

    with opened(register) as found, found.read() as conn:
        kept = quarantine.listing(conn)
        dropped = counters.value(conn, quarantine.DROPPED)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps([_for_programs(each) for each in kept], indent=2) + "\n")
        else:
            _show(kept, dropped)


@app.command()
def replay(
    register: RegisterOption,
    ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ID]...", min=1, max=NUMBERS, help="As `kitback quarantine list` says."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All there is, oldest first.")] = False,
    pepper: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", envvar="KITBACK_PEPPER", help="The gateway's pepper, for records of where a tag was."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: a JSON object a line for each, as soon as it is done.")
    ] = False,
) -> None:
    """Take in what is in quarantine, after its cause was mended: the tag was enrolled since, or Kitback is newer.

    What can be taken in is, once, and leaves the quarantine. The rest stays there, with the reason. A history line that
    InfluxDB refused goes to it again. Each step is in the audit log. The gateway may run meanwhile.
    """
    from getpass import getuser

    from kitback.clock import SystemClock
    from kitback.intake import quarantine
    from kitback.intake.replay import Replay
    from kitback.locate import Locator
    from kitback.register import RegisterError

    if everything == bool(ids):
        fail("say which: their numbers, or --all", WRONG)
    with opened(register) as found, failing(RegisterError):
        if everything:
            with found.read() as conn:
                ids = sorted(each.quarantine_id for each in quarantine.listing(conn))
        replaying = Replay(found, SystemClock(), Locator(_pepper(pepper, found)), getuser())
        asked, taken = ids or [], 0
        with pipe():
            for each in asked:
                outcome = replaying.one(each)
                taken += outcome.taken
                if as_json:
                    line(json.dumps({"id": each, "taken": outcome.taken, "words": outcome.words}))
                else:
                    line(f"{each}: {'taken in' if outcome.taken else 'stays'}: {outcome.words}")
            if not as_json:
                line(f"Taken in: {taken} of {len(asked)}")
    if taken < len(asked):
        raise typer.Exit(FAILED)


def _pepper(path: Path | None, register: "Register") -> bytes:
    """The pepper, which must be the one that the register knows its anchors by."""
    from kitback.locate import fingerprint, load_pepper
    from kitback.register.settled import settled

    path = path or data_folder() / "pepper"
    if not path.is_file():
        fail(f"there is no pepper at {path}: give the file that the gateway's configuration names with --pepper")
    with failing(OSError, ValueError):
        pepper = load_pepper(path)
    with register.read() as conn:
        begun_with = settled(conn, "pepper")
    if begun_with not in (None, fingerprint(pepper)):
        fail(
            f"the pepper in {path} is not the one that this register was begun with and knows its anchors by: give the "
            "file that the gateway's configuration names with --pepper"
        )
    return pepper


def _show(kept: "list[Kept]", dropped: int) -> None:
    from kitback.intake.quarantine import KEPT_RECORDS, WORDS
    from kitback.watch.words import stamp

    title = f"Quarantine: {len(kept)} kept" if kept else "Quarantine: empty"
    if dropped:
        title += f"; {dropped:,} damaged records only counted, their tag had {KEPT_RECORDS:,} here"
    table(
        title,
        ("Number", "Latest", "Tag", "What", "Why", "Times"),
        (
            (
                str(each.quarantine_id),
                stamp(each.last_at),
                each.tag_id or "-",
                _what(each),
                f"{WORDS[each.reason]}\n{each.detail}",
                str(each.times),
            )
            for each in kept
        ),
    )


def _what(kept: "Kept") -> str:
    if kept.reason == "history":
        return "history line"
    return f"record {kept.seq}" if kept.journal else "report"


def _for_programs(kept: "Kept") -> dict[str, object]:
    from kitback.watch.words import iso

    return {
        "id": kept.quarantine_id,
        "reason": kept.reason,
        "detail": kept.detail,
        "tag_id": kept.tag_id,
        "journal": kept.journal,
        "seq": kept.seq,
        "times": kept.times,
        "first_at": iso(kept.first_at),
        "last_at": iso(kept.last_at),
        "payload_base64": b64encode(kept.payload).decode(),
    }
