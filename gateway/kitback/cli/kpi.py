"""`kitback kpi`."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kitback.cli.plain import WRONG, fail, failing, pipe
from kitback.cli.step import AgreedOption, agreed
from kitback.cli.tables import as_csv, table
from kitback.cli.where import RegisterOption, opened

if TYPE_CHECKING:
    from kitback.collect.kpi import Figure, Group
    from kitback.policy import Policy
    from kitback.register import Register

_ALL = "all"
_FIGURE = ("name", "of", "unit", "value", "numerator", "denominator", "numerator_counts", "denominator_counts")


class Apart(StrEnum):
    """What figures can be apart by."""

    COMMISSIONER = "commissioner"
    KIND = "kind"
    PATHWAY = "pathway"


def kpi(
    register: RegisterOption,
    policy: AgreedOption = None,
    month: Annotated[
        str | None,
        typer.Option(metavar="MONTH|all", help="As 2026-10, or all; this month if left out.", show_default=False),
    ] = None,
    by: Annotated[
        list[Apart] | None, typer.Option(help="Apart by commissioner, kind or pathway; give it twice for both.")
    ] = None,
    commissioner: Annotated[str | None, typer.Option(help="Only what this commissioner pays for.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only beds, only hoists, or only mattresses: bed, hoist …")] = None,
    pathway: Annotated[str | None, typer.Option(help="Only loans on this pathway: home_first, long_term …")] = None,
    from_audit: Annotated[
        bool, typer.Option("--from-audit", help="Count from the audit log, not from the register's tables.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one object.")] = False,
    comma_separated: Annotated[bool, typer.Option("--csv", help="For spreadsheets: a line a figure.")] = False,
) -> None:
    """The figures of a month: what was delivered, returned, collected and reused in time, what that saved; and how it
    stands now.

    Each comes with what is above the line and what is below it. A rate counts what began or was due in the month, and
    what has come of that since. What is overdue, idle or in date now is of this moment, and of no month. Months are
    London's. The audit log gives the same figures; on a large register reading it takes minutes.
    """
    if as_json and comma_separated:
        fail("give --json or --csv, not both", WRONG)
    from kitback.clock import SystemClock, now_s
    from kitback.collect import NoSuch, stale_feeds, stale_figures
    from kitback.collect.kpi import of_request, report

    now = now_s(SystemClock())
    apart = [each.value for each in by or ()]
    with failing(NoSuch, code=WRONG), opened(register) as found:
        with found.read() as conn:
            ours = agreed(conn, policy)
            notices = [stale_figures(each, now) for each in stale_feeds(conn, ours, now)]
        wanted = of_request(ours, now, month, apart, commissioner=commissioner, kind=kind, pathway=pathway)
        groups = report(_records(found, from_audit), ours, now, wanted)
    with pipe():
        if as_json:
            _as_json(groups, now)
        elif comma_separated:
            as_csv(("month", *Apart, *_FIGURE), _lines(groups))
        else:
            for group in groups:
                _show(group, ours, now)
            for notice in notices:
                typer.echo(notice)


def _records(register: "Register", from_audit: bool) -> Any:
    from rich.console import Console

    from kitback.collect.kpi import read, replay

    with Console(stderr=True).status("Counting"), register.read() as conn:
        return replay(conn) if from_audit else read(conn)


def _as_json(groups: "list[Group]", now: int) -> None:
    import msgspec

    from kitback.collect.kpi import answer

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer(groups, now)), indent=2).decode() + "\n")


def _lines(groups: "list[Group]") -> "Iterator[list[object]]":
    whose: dict[Any, str]
    for group in groups:
        whose = dict(group.of)
        for each in group.figures:
            yield [group.month, *(whose.get(part) for part in Apart), *(getattr(each, name) for name in _FIGURE)]


def _show(group: "Group", policy: "Policy", now: int) -> None:
    from kitback.collect.kpi import words
    from kitback.watch.words import stamp

    when = "" if group.month else f" ({stamp(now)})"
    title = f"{words.heading(group, policy)}{when}"
    table(title, ("Figure", "Value", "Made of"), (_line(each, policy) for each in group.figures))


def _line(figure: "Figure", policy: "Policy") -> tuple[str, str, str]:
    from kitback.collect.kpi import words

    return f"{words.title(figure, policy)}\n  {figure.name}", words.value(figure), words.made_of(figure)
