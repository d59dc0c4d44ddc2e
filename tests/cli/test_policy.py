"""`kitback policy`: checking a service's file, and explaining the clocks of a loan."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from typer.testing import CliRunner

from kitback.cli.app import app
from kitback.register import audit_log
from kitback.register.tables import asset, hold, loan
from lending import DAY, NOW, Service

LONG_AFTER = 4_000_000_000


def kitback(*arguments: str, columns: int = 900) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, arguments)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return tmp_path / "ours.toml"


# --- check


def test_a_file_without_mistakes_can_be_used_and_says_what_differs(ours: Path) -> None:
    ours.write_text('[pathway.home_first]\nloan_period = "56 d"\ncollect_within_working_days = 5\n')
    told = kitback("policy", "check", str(ours))
    assert told.exit_code == 0
    assert "no mistakes, it can be used" in told.output
    (line,) = (line for line in told.output.splitlines() if "pathway.home_first." in line)
    assert line.split()[:6] == ["2", "pathway.home_first.loan_period", "56", "d", "42", "d"]
    assert "Kitback's judgement: from six weeks of care, published" in line


def test_a_file_with_mistakes_names_each_with_its_line_and_fails(ours: Path) -> None:
    ours.write_text('[kind.bed]\nidle_home = "6 weeks"\nidle_care_home = 5 d\n')
    told = kitback("policy", "check", str(ours))
    assert told.exit_code == 1
    assert "2 mistakes" in told.output
    lines = [line.split() for line in told.output.splitlines()]
    assert ["2", "kind.bed.idle_home"] in [line[:2] for line in lines]
    assert ["3", "not", "TOML:"] in [line[:3] for line in lines]


def test_a_file_that_cannot_be_read_is_another_failure(tmp_path: Path) -> None:
    told = kitback("policy", "check", str(tmp_path / "gone.toml"))
    assert told.exit_code == 2
    assert "gone.toml: No such file or directory" in told.stderr


def test_a_file_that_changes_nothing_says_so(ours: Path) -> None:
    ours.write_text("# nothing yet\n")
    assert "Nothing differs from the defaults" in kitback("policy", "check", str(ours)).output


def test_what_is_odd_is_remarked_without_failing(ours: Path) -> None:
    ours.write_text('[pathway.home_first]\nloan_period = "28 d"\n')
    told = kitback("policy", "check", str(ours))
    assert told.exit_code == 0
    assert "Worth a second look" in told.output


def test_programs_get_a_check_as_json(ours: Path) -> None:
    ours.write_text('[kind.bed]\nidle_home = "8 d"\nidle = "4 d"\n')
    told = kitback("policy", "check", str(ours), "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == {
        "file": str(ours),
        "usable": False,
        "mistakes": [
            {"line": 3, "key": "kind.bed.idle", "what": "no such setting", "remedy": 'did you mean "idle_home"?'}
        ],
        "remarks": [],
        "differences": [
            {
                "line": 2,
                "key": "kind.bed.idle_home",
                "value": "8 d",
                "default": "7 d",
                "default_source": "Kitback's judgement",
            }
        ],
    }


# --- explain


@pytest.fixture
def lent(service: Service) -> Service:
    """A bed on Home First, prescribed a day before it was delivered, 30 days before the service's now."""
    service.lend("BED-7", pathway="home_first", days=30)
    note(service, prescribed_s=NOW - 31 * DAY)
    return service


def note(service: Service, **facts: int | bool | str | None) -> None:
    with service.register.write() as conn:
        conn.execute(sa.update(loan).where(loan.c.loan_ref == "L-BED-7").values(**facts))


def clocks(*arguments: str) -> dict[str, dict[str, object]]:
    told = kitback("policy", "explain", "L-BED-7", "--json", *arguments)
    assert told.exit_code == 0, told.output
    return {each["clock"]: each for each in json.loads(told.stdout)["clocks"]}


@pytest.mark.usefixtures("lent")
def test_a_loans_clocks_are_explained_with_moment_sum_and_line() -> None:
    told = kitback("policy", "explain", "L-BED-7")
    assert told.exit_code == 0
    assert "Loan L-BED-7: profiling bed BED-7, Home First" in told.output
    (due,) = (line for line in told.output.splitlines() if line.strip().startswith("Due back"))
    assert "12:00 on Monday 24 November 2025" in due
    assert "6 weeks after it was delivered" in due
    assert "pathway.home_first.loan_period = 42 d" in due


@pytest.mark.usefixtures("lent")
def test_programs_get_an_explanation_as_json() -> None:
    due = clocks()["due"]
    assert due["at"] == "2025-11-24T12:00:00Z"
    assert due["london"] == "12:00 on Monday 24 November 2025"
    assert due["rests_on"] == {
        "pathway.home_first.loan_period": {
            "value": "42 d",
            "origin": "J",
            "note": "from six weeks of care, published",
        }
    }


@pytest.mark.usefixtures("lent")
def test_a_services_own_policy_is_explained(ours: Path) -> None:
    ours.write_text('[pathway.home_first]\nloan_period = "28 d"\n')
    assert clocks("--policy", str(ours))["due"]["at"] == "2025-11-10T12:00:00Z"


def test_where_the_register_has_another_moment_both_are_told(lent: Service) -> None:
    note(lent, review_s=NOW)
    assert clocks()["review"]["register_says"] == "2025-11-12T11:00:00Z"
    assert "The register has 11:00 on Wednesday 12 November 2025" in kitback("policy", "explain", "L-BED-7").output


def test_a_promise_of_delivery_that_was_made_stays(lent: Service) -> None:
    note(lent, deliver_by_s=NOW)
    shown = kitback("policy", "explain", "L-BED-7").output
    assert "When it was delivered, 11:00 on Wednesday 12 November 2025 was promised; that stays." in shown


def test_of_a_loan_that_ended_the_register_is_not_put_right(lent: Service) -> None:
    note(lent, review_s=NOW, to_s=NOW)
    assert clocks()["review"]["register_says"] is None
    assert "ended at 11:00 on Wednesday 12 November 2025" in kitback("policy", "explain", "L-BED-7").output


def test_a_day_agreed_for_the_loan_is_told_with_who_agreed_it_and_why(lent: Service) -> None:
    note(lent, due_own=True, due_s=NOW + 20 * DAY)
    with lent.register.write() as conn:
        what, why = "loan.due L-BED-7", "daughter asks for two weeks more"
        audit_log.note(conn, NOW, "j.smith", what, why=why, before={"due_s": 1}, after={"due_s": 2})
    shown = kitback("policy", "explain", "L-BED-7").output
    assert "Agreed for this loan." in shown
    assert "daughter asks for two weeks more" in shown
    told = json.loads(kitback("policy", "explain", "L-BED-7", "--json").stdout)["noted"][-1]
    assert told == {
        "at": "2025-11-12T11:00:00Z",
        "who": "j.smith",
        "what": what,
        "why": why,
        "before": {"due_s": 1},
        "after": {"due_s": 2},
    }


def test_what_was_noted_of_other_loans_and_of_things_called_alike_is_not_told(lent: Service) -> None:
    lent.lend("OTHER L-BED-7")
    with lent.register.write() as conn:
        audit_log.note(conn, NOW, "j.smith", "asset.add L-BED-7")
    told = json.loads(kitback("policy", "explain", "L-BED-7", "--json").stdout)["noted"]
    assert [each["what"] for each in told] == ["loan.start L-BED-7"]


def test_a_hold_is_told_while_it_lasts(lent: Service) -> None:
    with lent.register.write() as conn:
        conn.execute(
            sa.insert(hold), {"loan_ref": "L-BED-7", "reason": "hospital", "from_s": NOW, "until_s": LONG_AFTER}
        )
    assert "held until" in kitback("policy", "explain", "L-BED-7").output
    with lent.register.write() as conn:
        conn.execute(sa.update(hold), {"ended_s": NOW})
    assert "held until" not in kitback("policy", "explain", "L-BED-7").output


def test_the_equipments_services_are_explained_too(lent: Service) -> None:
    with lent.register.write() as conn:
        conn.execute(sa.update(asset).where(asset.c.asset_id == "BED-7").values(serviced_s=NOW))
    assert clocks()["service_due"]["at"] == "2026-11-12T11:00:00Z"


@pytest.mark.usefixtures("lent")
def test_a_loan_that_is_not_there_is_named() -> None:
    told = kitback("policy", "explain", "L-BED-8")
    assert told.exit_code == 1
    assert "there is no loan L-BED-8 in the register" in told.stderr


def test_a_pathway_the_policy_lost_ends_the_command_in_plain_words(lent: Service) -> None:
    note(lent, pathway="holiday")
    told = kitback("policy", "explain", "L-BED-7")
    assert told.exit_code == 1
    assert 'pathway "holiday" is not in the policy' in told.stderr
