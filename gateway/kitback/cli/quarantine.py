"""`kitback quarantine`."""

import json
import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import pipe
from kitback.cli.tables import table
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from kitback.intake.quarantine import Kept

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

    with opened(register) as found, found.read() as conn:
        kept = quarantine.listing(conn)
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps([_for_programs(each) for each in kept], indent=2) + "\n")
        else:
            _show(kept)


def _show(kept: "list[Kept]") -> None:
    from kitback.intake.quarantine import WORDS
    from kitback.watch.words import stamp

    table(
        f"Quarantine: {len(kept)} kept" if kept else "Quarantine: empty",
        ("Latest", "Tag", "What", "Why", "Times"),
        (
            (
                stamp(each.last_at),
                each.tag_id or "-",
                f"record {each.seq}" if each.journal else "report",
                f"{WORDS[each.reason]}\n{each.detail}",
                str(each.times),
            )
            for each in kept
        ),
    )


def _for_programs(kept: "Kept") -> dict[str, object]:
    from kitback.watch.words import iso

    return {
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
