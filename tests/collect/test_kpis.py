"""The KPIs of docs/kpis.md: thirty loans, counted by hand there, and by Kitback here from either source."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import kpi_example as example
from kitback.collect import kpi
from kitback.collect.kpi.figures import OF_A_MOMENT, Kpi, of_a_month
from kitback.register import Register
from kitback.register.tables import collection, flag, loan, remains, visit_task
from kitback.register.upsert import put
from kpi_example import NOW, POLICY, Lent

PAGE = (Path(__file__).parents[2] / "docs" / "kpis.md").read_text(encoding="utf-8")


@pytest.fixture
def service(register: Register) -> Register:
    """The service of the example, on 30 November."""
    example.enter(register, example.read())
    return register


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> kpi.Records:
    """What is known of it, for tests that change nothing."""
    register = Register.open(str(tmp_path_factory.mktemp("example") / "register.db"))
    example.enter(register, example.read())
    with register.read() as conn:
        found = kpi.read(conn)
    register.close()
    return found


def counted(records: kpi.Records, **wanted: object) -> list[kpi.Group]:
    return kpi.report(records, POLICY, NOW, kpi.Wanted(**wanted))  # type: ignore[arg-type]  # each its own type


def cell(figure: kpi.Figure) -> str:
    """As the page writes a figure: what is above and below the line, and what comes of it."""
    value = "-" if figure.value is None else f"{figure.value:,g}"
    return f"{'middle' if figure.numerator is None else f'{figure.numerator:,g}'} of {figure.denominator:g}: {value}"


def name(figure: kpi.Figure) -> str:
    return f"`{figure.name}`" + (f", {figure.of}" if figure.of else "")


def by_hand(heading: str) -> dict[str, dict[str, str]]:
    """A table of the page under a heading: of each figure, the cells by their columns."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [[each.strip() for each in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    columns, _, *rows = lines
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows}


@pytest.mark.both_engines
@pytest.mark.parametrize("from_audit", [False, True], ids=["tables", "audit log"])
def test_thirty_loans_give_the_figures_that_were_counted_by_hand(service: Register, from_audit: bool) -> None:
    with service.read() as conn:
        found = kpi.replay(conn) if from_audit else kpi.read(conn)
    for group in counted(found):
        table = by_hand("Counted by hand, month by month" if group.month else "Counted by hand, of now")
        column = group.month or "30 November 2026, 12:00"
        assert {name(each): cell(each) for each in group.figures} == {key: row[column] for key, row in table.items()}


@pytest.mark.parametrize("by", kpi.BY)
def test_they_are_counted_by_hand_apart_as_well(records: kpi.Records, by: kpi.By) -> None:
    table = by_hand(f"Counted by hand, by {by}")
    for key, row in table.items():
        figure, month = key.split(" ")[0].strip("`"), key.split(" ")[-1]
        groups = [each for each in counted(records, by=(by,), month=month) if each.month == month]
        apart = {
            group.of[by]: next(cell(f) for f in group.figures if (f.name, f.of) == (figure, "")) for group in groups
        }
        assert {whose: told for whose, told in apart.items() if whose in row} == row


def test_the_page_prints_the_thirty_loans() -> None:
    table = "\n".join(
        ["| loan | lent | from | prescribed | delivered | came back | idle flag |", "| --- |" + " --- |" * 6, *_lines()]
    )
    assert table in PAGE, f"docs/kpis.md should say:\n{table}"


def test_the_page_says_of_every_kpi_what_is_above_the_line_and_below_it() -> None:
    for each in (*of_a_month(POLICY), *OF_A_MOMENT):
        if each.of not in POLICY.delivery_speed:
            assert (row := _explained(each)) in PAGE, f"docs/kpis.md should say:\n{row}"


def test_no_figure_divides_by_something_it_does_not_name(records: kpi.Records) -> None:
    for group in counted(records, by=kpi.BY):
        for each in group.figures:
            assert each.numerator_counts
            assert each.denominator_counts
            if each.denominator == 0:
                assert each.value is None
            elif each.unit == "%":
                assert each.numerator is not None
                assert each.value == round(100 * each.numerator / each.denominator, 1)
            elif each.numerator is not None:
                assert each.value == each.numerator


@pytest.mark.parametrize("by", kpi.BY)
def test_what_is_counted_apart_adds_up_to_the_whole(records: kpi.Records, by: kpi.By) -> None:
    whole, apart = counted(records), counted(records, by=(by,))
    for group in whole:
        parts = [each.figures for each in apart if each.month == group.month]
        for number, figure in enumerate(group.figures):
            assert sum(each[number].denominator for each in parts) == figure.denominator
            if figure.numerator is not None:
                above = sum(each[number].numerator or 0 for each in parts)
                assert above == pytest.approx(figure.numerator)


def test_only_what_is_wanted_is_counted(records: kpi.Records) -> None:
    (month, now) = counted(records, month="2026-10", commissioner="City", kind="mattress", pathway="home_first")
    figures = {(each.name, each.of): each for each in month.figures}
    assert (month.month, now.month) == ("2026-10", None)
    assert (figures["return_rate_pct", ""].numerator, figures["return_rate_pct", ""].denominator) == (1, 2)


def test_a_month_of_which_nothing_is_known_has_figures_without_value(records: kpi.Records) -> None:
    month, _ = counted(records, month="2025-02")
    assert month.month == "2025-02"
    assert {each.value for each in month.figures} == {None}


def test_money_of_equipment_is_not_mixed_with_that_of_bed_nights() -> None:
    words = " ".join(each.numerator_counts + each.denominator_counts for each in (*of_a_month(POLICY), *OF_A_MOMENT))
    assert "night" not in words


@pytest.mark.both_engines
@pytest.mark.parametrize("order", [1, -1], ids=["the first first", "the last first"])
def test_a_loan_that_is_erased_leaves_every_month_as_it_was_together_and_apart(service: Register, order: int) -> None:
    before = of_months(service)
    for each in example.read()[::order]:
        if each.back or each.cancelled:
            erase(service, each)
            assert of_months(service) == before, f"without {each.loan}"


def of_months(register: Register) -> list[kpi.Group]:
    with register.read() as conn:
        records = kpi.read(conn)
    return [each for by in ((), kpi.BY) for each in counted(records, by=by) if each.month]


def erase(register: Register, lent: Lent) -> None:
    """Delete a loan and keep what it counted for, as far as KPIs are concerned."""
    with register.write() as conn:
        counts = kpi.contribution(conn, POLICY, lent.loan, NOW)
        columns = [each.name for each in remains.columns]
        put(conn, remains, [dict(zip(columns, (*key, n), strict=True)) for key, n in counts.items()], add=("count",))
        conn.execute(sa.delete(flag).where(flag.c.loan_ref == lent.loan))
        conn.execute(sa.delete(visit_task).where(visit_task.c.asset_id == lent.piece))
        conn.execute(sa.delete(collection).where(collection.c.loan_ref == lent.loan))
        conn.execute(sa.delete(loan).where(loan.c.loan_ref == lent.loan))


def _explained(each: Kpi) -> str:
    of = f", {each.of}" if each.of else ""
    return f"| `{each.name}`{of} | {each.unit} | {each.numerator_counts} | {each.denominator_counts} |"


def _lines() -> Iterator[str]:
    for e in example.read():
        lent = f"{e.kind}, {e.commissioner}, {e.pathway}"
        there = f"never: cancelled {_short(e.cancelled)}" if e.cancelled else _short(e.delivered) or "not yet"
        cells = (e.loan, lent, e.met_from or "-", _short(e.prescribed) or "-", there, _home(e), _flagged(e))
        yield f"| {' | '.join(cells)} |"


def _home(e: Lent) -> str:
    """The trip home in words."""
    said = [f"asked {_short(e.asked)}"] if e.asked else []
    said += [f"withdrawn {_short(e.withdrawn)}"] if e.withdrawn else []
    said += [f"{e.failed_visits} failed"] if e.failed_visits != "0" else []
    said += [f"{e.how.replace('_', ' ')} {_short(e.back)}"] if e.back else []
    said += [f"available {_short(e.available)}"] if e.available else []
    said += [f"scrapped {_short(e.scrapped)}"] if e.scrapped else []
    return ", ".join(said) or "-"


def _flagged(e: Lent) -> str:
    if not e.flag:
        return "-"
    since = f"raised {_short(e.flag_raised)}, since {_short(e.flag_since)}"
    said = f", {e.outcome.replace('_', ' ')}" if e.outcome else ""
    return since + said + (f", closed {_short(e.closed)}" if e.closed else "")


def _short(text: str) -> str:
    """`2026-10-01 00:30` as `1/10 00:30`."""
    written = re.fullmatch(r"2026-(\d\d)-(\d\d) (\d\d:\d\d)", text)
    return f"{int(written[2])}/{int(written[1])} {written[3]}" if written else ""
