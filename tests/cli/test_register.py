"""`kitback assets` and `kitback loans`: what staff type, and what they are told."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from kitback.cli import step
from kitback.cli.app import app
from kitback.policy import load
from kitback.register import audit_log
from kitback.register.tables import flag
from lending import NOW, Service


def kitback(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def done(*arguments: str) -> str:
    told = kitback(*arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


def shown(*arguments: str) -> Any:
    return json.loads(done(*arguments, "--json"))


@pytest.fixture
def prescribed(service: Service) -> Service:
    """A hoist that was prescribed in the morning."""
    done(
        "assets", "add", "HST-7", "hoist", "Mobile hoist", "--value", "612.50", "--serial", "S-1", "--at", "2025-11-01"
    )
    done("loans", "prescribe", "L-9", "HST-7", "home_first", "home", "--speed", "1", "--at", "2025-11-20T09:00")
    return service


def test_both_are_in_the_help() -> None:
    assert "assets" in kitback("--help").output
    assert "loans" in kitback("--help").output


@pytest.mark.parametrize(
    "command",
    [
        *(
            f"assets {each}"
            for each in ["list", "show", "add", "serviced", "examined", "recall", "safe", "fit", "unfit"]
        ),
        *(
            f"loans {each}"
            for each in ["list", "show", "prescribe", "deliver", "lend", "hold", "release", "review", "move", "extend"]
        ),
        *(f"loans {each}" for each in ["pathway", "carers", "return", "cancel"]),
        *(
            f"collections {each}"
            for each in ["list", "show", "request", "cancel", "book", "failed", "collected", "decontaminated"]
        ),
        *(f"collections {each}" for each in ["inspected", "scrapped"]),
        *(f"visits {each}" for each in ["due", "plan", "list", "show", "done", "cancel"]),
    ],
)
def test_every_step_has_help_worth_reading(command: str) -> None:
    told = kitback(*command.split(), "--help")
    assert told.exit_code == 0
    assert len(told.output.split("Options")[0].split()) > 20


@pytest.mark.usefixtures("prescribed")
def test_a_loan_from_prescription_to_return() -> None:
    assert "by 13:00 on 20 November 2025" in done("loans", "list")
    assert "Due back: 11:30 on 1 January 2026" in done("loans", "deliver", "L-9", "--at", "2025-11-20T11:30")
    assert "until 00:00 on 9 December 2025" in done("loans", "hold", "L-9", "--at", "2025-11-25")
    assert "no longer" in done("loans", "release", "L-9", "--at", "2025-11-27")
    done("loans", "move", "L-9", "other", "--setting", "care_home", "--at", "2025-11-28")
    assert "00:00 on 31 January 2026" in done("loans", "extend", "L-9", "2026-01-31", "--at", "2025-12-01")
    assert "Due back: -" in done("loans", "pathway", "L-9", "long_term", "--at", "2025-12-20")
    done("loans", "carers", "L-9", "--paid", "--at", "2025-12-20")
    assert "20 February 2027" in done("loans", "review", "L-9", "--at", "2026-02-20T10:00")
    assert "HST-7 is to be decontaminated" in done("loans", "return", "L-9", "--at", "2026-03-01")
    found = shown("loans", "show", "L-9")
    assert found["loan"]["status"] == "returned"
    assert found["loan"]["ended"] == "2026-03-01T00:00:00Z"
    assert (found["loan"]["setting"], found["loan"]["lent_to"]) == ("care_home", "Home in Wigston")
    assert [each["what"].split()[0].split(".")[1] for each in found["history"]] == [
        *("prescribe", "deliver", "begin", "end", "move", "due", "pathway", "carers", "review", "collect", "end"),
    ]


@pytest.mark.usefixtures("prescribed")
def test_a_prescription_can_be_cancelled_and_the_asset_lent_at_once() -> None:
    assert "HST-7 is available" in done("loans", "cancel", "L-9", "--at", "2025-11-20T10:00")
    done("loans", "lend", "L-10", "HST-7", "long_term", "home", "--paid-carers", "--at", "2025-11-21")
    assert [each["loan_ref"] for each in shown("loans", "list")] == ["L-10", "L-BED-0388", "L-MAT-0983"]
    assert [each["loan_ref"] for each in shown("loans", "list", "--pathway", "home_first")] == []
    assert "L-9" in [each["loan_ref"] for each in shown("loans", "list", "--ended")]
    assert shown("loans", "show", "L-10")["loan"]["used_by_paid_carers"] is True


@pytest.mark.usefixtures("service")
def test_a_loan_is_shown_with_its_clocks_whereabouts_latest_use_and_open_flags() -> None:
    told = done("loans", "show", "L-BED-0388")
    assert "12:00 on 12 January 2026" in told  # the 91-day review
    assert "11:00 on 25 October 2025" in told
    assert "Home in Oadby" in told
    assert "Not used for 18 days" in told
    assert "loan.start L-BED-0388" in told


def test_a_flag_that_is_over_is_no_longer_shown(service: Service) -> None:
    assert len(shown("loans", "show", "L-BED-0388")["flags"]) == 1
    with service.register.write() as conn:
        over = {"closed_at": NOW, "status": "closed", "outcome": "ended"}
        conn.execute(sa.update(flag).where(flag.c.loan_ref == "L-BED-0388"), over)
    assert shown("loans", "show", "L-BED-0388")["flags"] == shown("assets", "show", "BED-0388")["flags"] == []


@pytest.mark.usefixtures("prescribed")
def test_history_says_who_did_what_why_and_what_it_changed() -> None:
    done("loans", "deliver", "L-9", "--at", "2025-11-20T11:30", "--who", "ann", "--why", "driver's sheet")
    last = shown("loans", "show", "L-9")["history"][-1]
    assert (last["at"], last["who"], last["why"]) == ("2025-11-20T11:30:00Z", "ann", "driver's sheet")
    assert last["before"]["from"] is None
    assert last["after"]["from"] == "2025-11-20T11:30:00Z"
    told = done("loans", "show", "L-9")
    assert "driver's sheet" in told
    assert "Delivered: - → 11:30 on 20 November 2025" in told


def test_who_is_whoever_is_logged_in_unless_told(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "getuser", lambda: "bob")
    done("assets", "serviced", "BED-0388", "--at", "2025-11-02")
    with service.register.read() as conn:
        (entry,) = audit_log.entries(conn, ["asset.service BED-0388"])
    assert entry.who == "bob"


@pytest.mark.usefixtures("prescribed")
def test_services_examinations_recalls_and_tags_of_an_asset() -> None:
    assert "2 November 2026" in done("assets", "serviced", "HST-7", "--at", "2025-11-02")
    assert "2 May 2026" in done("assets", "examined", "HST-7", "--at", "2025-11-02")
    done("assets", "recall", "HST-7", "N-1", "--reason", "Sling bar", "--at", "2025-11-03")
    assert "called back" in done("assets", "list", "--kind", "hoist")
    done("assets", "safe", "HST-7", "N-1", "--at", "2025-11-04")
    assert "called back" not in done("assets", "list", "--kind", "hoist")
    tag_id = shown("assets", "show", "BED-0388")["asset"]["tag_id"]
    done("assets", "unfit", tag_id, "--at", "2025-11-12T12:00")
    done("assets", "fit", "HST-7", tag_id, "--at", "2025-11-12T12:00")
    found = shown("assets", "show", "HST-7")
    assert found["asset"]["value_pence"] == 61_250
    assert found["asset"]["tag_id"] == tag_id
    assert [each["to"] for each in shown("assets", "show", "BED-0388")["fittings"]] == ["2025-11-12T12:00:00Z"]
    assert [each["what"] for each in found["history"]] == [
        "asset.add HST-7",
        "asset.service HST-7",
        "asset.examine HST-7",
        "recall.begin N-1 HST-7",
        "recall.end N-1 HST-7",
    ]
    assert "Mobile hoist" in done("assets", "show", "HST-7")


@pytest.mark.usefixtures("prescribed")
def test_assets_are_listed_by_state() -> None:
    assert [each["asset_id"] for each in shown("assets", "list", "--state", "prescribed")] == ["HST-7"]
    assert len(shown("assets", "list")) == 3


@pytest.mark.usefixtures("prescribed")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("loans return L-9", 1, "note its delivery first, or cancel it"),
        ("loans show L-404", 1, "there is no loan L-404"),
        ("assets show HST-404", 1, "there is no asset HST-404"),
        ("loans cancel L-9 --at 2525-01-01", 2, "still to come"),
        ("loans cancel L-9 --at yesterday", 2, "write it as 2026-10-24"),
        ("loans lend L-1 HST-7 holiday home", 1, "give one of crisis_response"),
        ("assets recall HST-7 N-1 --reason ' '", 1, "what the notice warns of"),
    ],
)
def test_what_is_refused_is_said_on_standard_error_with_a_remedy(arguments: str, code: int, words: str) -> None:
    told = kitback(*shlex.split(arguments))
    assert told.exit_code == code
    assert words in " ".join(told.stderr.split())
    assert told.stdout == ""


def test_a_time_without_a_zone_is_londons() -> None:
    assert step.moment("2026-07-01T09:30") == step.moment("2026-07-01T08:30Z") == 1_782_894_600
    assert step.moment("2026-01-01") == step.moment("2026-01-01T00:00+00:00")


def test_ids_that_were_begun_are_completed_from_the_register(prescribed: Service) -> None:
    context: Any = SimpleNamespace(params={"register": str(prescribed.register.engine.url.database)})
    assert step.completing(step.loan_refs)(context, "L-") == ["L-9", "L-BED-0388", "L-MAT-0983"]
    assert step.completing(step.asset_ids)(context, "H") == ["HST-7"]
    assert step.completing(step.place_ids)(context, "o") == ["other"]
    context.params["register"] = "/nowhere/register.db"
    assert step.completing(step.place_ids)(context, "") == []


def test_a_step_sets_clocks_by_the_policy_that_the_register_is_judged_by(service: Service, tmp_path: Path) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('[pathway.home_first]\nloan_period = "56 d"\n')
    service.policy = load(ours)
    service.judge()
    done("assets", "add", "HST-7", "hoist", "Mobile hoist", "--at", "2025-11-01")
    done("loans", "lend", "L-9", "HST-7", "home_first", "home", "--at", "2025-11-10T09:00")
    assert shown("loans", "show", "L-9")["loan"]["due"] == "2026-01-05T09:00:00Z"


def test_a_step_goes_by_the_policy_it_is_given(service: Service, tmp_path: Path) -> None:
    service.judge()
    ours = tmp_path / "ours.toml"
    ours.write_text('[pathway.home_first]\nloan_period = "56 d"\n')
    done("assets", "add", "HST-7", "hoist", "Mobile hoist", "--at", "2025-11-01")
    lend = ("loans", "lend", "L-9", "HST-7", "home_first", "home", "--at", "2025-11-10T09:00")
    done(*lend, "--policy", str(ours))
    assert shown("loans", "show", "L-9")["loan"]["due"] == "2026-01-05T09:00:00Z"


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("time", ["0001-01-01T00:00+14:00", "1969-12-31", "3000-01-01", "9999-12-31T23:59-14:00"])
def test_a_year_that_is_a_slip_of_the_hand_is_refused(time: str) -> None:
    told = kitback("loans", "review", "L-BED-0388", "--at", time)
    assert told.exit_code == 2
    assert "check the year" in " ".join(told.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("pounds", ["nan", "inf", "1e400", "-1", "612.505", "9" * 30, "£5", ""])
def test_what_is_no_price_is_refused(pounds: str) -> None:
    told = kitback("assets", "add", "HST-7", "hoist", "Mobile hoist", f"--value={pounds}")
    assert told.exit_code == 2
    assert "no price in pounds" in " ".join(told.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "step",
    [
        ("assets", "add", "HST-7", "hoist", " "),
        ("assets", "recall", "BED-0388", "N-1", "--reason", " "),
        ("loans", "hold", "L-BED-0388", "--reason", ""),
    ],
)
def test_what_has_to_be_said_in_words_cannot_be_left_empty(step: tuple[str, ...]) -> None:
    told = kitback(*step)
    assert told.exit_code == 1
    assert "is empty: say it in words" in told.stderr


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(("what", "name"), [("assets", "Equipment"), ("loans", "Loans")])
def test_a_long_list_can_be_cut_short_and_says_so(what: str, name: str) -> None:
    everything = shown(what, "list")
    assert shown(what, "list", "--limit", "1") == everything[:1]
    assert f"{name}: the first 1" in done(what, "list", "--limit", "1")
    assert f"{name}: {len(everything)}" in done(what, "list", "--limit", "9")
