"""`kitback worklist`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import NUMBERS, WRONG, fail, failing, pipe
from kitback.cli.tables import AT_MOST, as_csv, line, styled, table
from kitback.cli.where import PolicyOption, RegisterOption, opened, read_policy

if TYPE_CHECKING:
    from rich.text import Text

    from kitback.collect import Worklist, WorklistItem
    from kitback.policy import Policy

_COLUMNS = (
    *("flag_id", "asset_id", "loan_ref", "kind", "model", "pathway", "lent_to", "commissioner"),
    *("reason", "cause", "action", "due", "status", "sentence", "since"),
)
_RANK = ("score", "value_pence", "days", "confidence")
_STYLES = {"safety_check": "bold red", "book_in": "green", "review": "magenta", "clinician": "yellow"}


def worklist(
    register: RegisterOption,
    policy: PolicyOption = None,
    kind: Annotated[str | None, typer.Option(help="Only beds, only hoists, or only mattresses: bed, hoist …")] = None,
    rule: Annotated[str | None, typer.Option(help="Only what one rule found: idle, overdue …")] = None,
    place: Annotated[
        str | None, typer.Option(metavar="ID|NAME", help="Only what is to be done at a place, or within it.")
    ] = None,
    commissioner: Annotated[str | None, typer.Option(help="Only what this commissioner pays for.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=NUMBERS, help="So many at most, the most pressing; as a table 500.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is put off, still needed, or held for a stay in hospital.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list, one object a flag.")] = False,
    comma_separated: Annotated[bool, typer.Option("--csv", help="For spreadsheets: a line a flag.")] = False,
) -> None:
    """What staff have to do: every open flag, the most pressing first.

    Each says what was seen and since when. Safety checks come first; then, within each kind of action, what is worth
    most: the equipment's value, times the days, times how sure it is. Not used means ask: nothing on the list is a
    reason to fetch equipment without asking. **kitback flags** notes what you did. Times in --json and --csv are UTC.
    """
    if as_json and comma_separated:
        fail("give --json or --csv, not both", WRONG)
    agreed = read_policy(policy)
    import msgspec

    from kitback.clock import SystemClock, now_s
    from kitback.collect import NoSuch, Wanted, is_virtual, stale_feeds, stale_words
    from kitback.collect import worklist as open_flags

    at_most = limit or (None if as_json or comma_separated else AT_MOST)
    wanted = Wanted(kind=kind, rule=rule, place=place, commissioner=commissioner, muted=everything)
    with failing(NoSuch, code=WRONG), opened(register) as found, found.read() as conn:
        now = now_s(SystemClock())
        flags, virtual = open_flags(conn, agreed, now, wanted, at_most), is_virtual(conn)
        notices = [stale_words(each, now) for each in stale_feeds(conn, agreed, now)]
    with pipe():
        if as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(flags.items), indent=2).decode() + "\n")
        elif comma_separated:
            as_csv(
                (*_COLUMNS, *_RANK),
                (
                    [*(getattr(item, name) for name in _COLUMNS), *(getattr(item.rank, name) for name in _RANK)]
                    for item in flags.items
                ),
            )
        else:
            show(flags, agreed, virtual)
            for each in notices:
                line(each)


def show(flags: "Worklist", policy: "Policy", virtual: bool) -> None:
    """Print the worklist as a table."""
    table(
        _title(flags) + (" (demonstration, the tags are virtual)" if virtual else ""),
        ("Flag", "To do", "What and where", "Why"),
        (
            (
                str(item.flag_id),
                _to_do(item),
                f"{item.asset_id}\n{policy.kind[item.kind].name}\n{_where(item)}",
                item.sentence,
            )
            for item in flags.items
        ),
    )


def _title(flags: "Worklist") -> str:
    title = f"Worklist: {flags.total} to do" if flags.total else "Worklist: nothing to do"
    if len(flags.items) < flags.total:
        title += f", the first {len(flags.items)} (--limit for more)"
    if flags.hidden:
        hidden = ", ".join(f"{count} {status.words}" for status, count in sorted(flags.hidden.items()))
        title += f"; not shown: {hidden} (--all)"
    return title


def _to_do(item: "WorklistItem") -> "Text":
    from kitback.collect.worklist import DROP_OFF

    status = None if item.status == "open" else item.status.words
    said = [item.title, item.due, DROP_OFF if item.drop_off else None, status]
    to_do = styled("\n".join(each for each in said if each), _STYLES.get(item.action, "cyan"))
    return to_do.append(f"\n{item.rank.score:,}\n{_rank(item)}", "not bold dim")


def _where(item: "WorklistItem") -> str:
    return f"{item.lent_to}\n{item.loan_ref}" if item.loan_ref else "not on loan"


def _rank(item: "WorklistItem") -> str:
    """The parts: pounds, days, confidence."""
    return f"£{item.rank.value_pence / 100:,.0f} x {item.rank.days} d\nx {item.rank.confidence:.0%} sure"
