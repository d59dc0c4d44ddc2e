"""`kitback flags` and `kitback worklist` as staff use them."""

import csv
import io
import json
from importlib import import_module

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from kitback.cli.app import app
from kitback.register.tables import audit, flag
from lending import DAY, NOW, Service

AT = "--at=2025-11-12T12:00"


def kitback(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def flags(*arguments: str) -> Result:
    told = kitback("flags", *arguments)
    assert told.exit_code == 0, told.stderr
    return told


@pytest.fixture(autouse=True)
def idle(service: Service) -> str:
    """The number of the idle bed's flag."""
    with service.register.read() as conn:
        return str(conn.execute(sa.select(flag.c.flag_id).where(flag.c.rule == "idle")).scalar_one())


def status(service: Service, flag_id: str) -> str:
    with service.register.read() as conn:
        return str(conn.execute(sa.select(flag.c.status).where(flag.c.flag_id == int(flag_id))).scalar_one())


def test_a_question_goes_all_the_way_in_the_words_of_staff(service: Service, idle: str) -> None:
    assert flags("contact", idle, AT).output == f"Flag {idle} is contacted.\n"
    assert flags("confirm", idle, AT).output == f"Flag {idle} is confirmed.\n"
    assert flags("collect", idle, AT, "--why", "Thursday suits").output == f"Flag {idle} is to be collected.\n"
    assert flags("close", idle, AT).output == f"Flag {idle} is closed.\n"
    assert flags("reopen", idle, AT, "--why", "wrong bed").output == f"Flag {idle} is open again.\n"
    assert flags("still-needed", idle, AT).output == f"Flag {idle} is still needed.\n"
    assert status(service, idle) == "still_needed"


def test_a_flag_is_put_off_until_a_day(service: Service, idle: str) -> None:
    flags("snooze", idle, AT, "--until", "2025-11-20", "--why", "on holiday")
    with service.register.read() as conn:
        until = conn.execute(sa.select(flag.c.muted_until).where(flag.c.flag_id == int(idle))).scalar_one()
    assert until == NOW + 7 * DAY + 13 * 3600, "the beginning of that day in London"


def test_who_did_it_when_and_why_is_in_the_audit_log(service: Service, idle: str) -> None:
    flags("contact", idle, AT, "--who", "amy", "--why", "rang the care home")
    with service.register.read() as conn:
        noted = conn.execute(sa.select(audit).order_by(audit.c.audit_id.desc()).limit(1)).one()
    assert (noted.who, noted.what, noted.why) == ("amy", f"flag.contact {idle}", "rang the care home")
    assert noted.at_us == (NOW + 3600) * 1_000_000


def test_without_a_name_it_was_whoever_is_logged_in(
    service: Service, idle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "clerk7")
    flags("contact", idle)
    with service.register.read() as conn:
        assert conn.scalar(sa.select(audit.c.who).order_by(audit.c.audit_id.desc()).limit(1)) == "clerk7"


def test_several_flags_are_moved_together_or_none(service: Service, idle: str) -> None:
    told = kitback("flags", "contact", idle, "999", AT)
    assert told.exit_code == 1
    assert "there is no flag 999" in told.stderr
    assert status(service, idle) == "open"
    other = next(
        str(each["flag_id"]) for each in json.loads(flags("list", "--json").stdout) if each["reason"] != "idle"
    )
    assert flags("contact", idle, other, AT).output == f"Flags {idle}, {other} are contacted.\n"


def test_what_cannot_be_done_says_why_and_what_to_do(idle: str) -> None:
    told = kitback("flags", "collect", idle, AT, "--why", "van is near")
    assert told.exit_code == 1
    assert "nothing is fetched before somebody was asked (contact)" in " ".join(told.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--at", "yesterday"], "'yesterday' is no time: write it as"),
        (["--at", "2999-01-01"], "is still to come: enter it when it has happened"),
        (["--outcome", "lost"], 'there is no outcome "lost"; there are not_needed, as_said'),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(idle: str, arguments: list[str], why: str) -> None:
    told = kitback("flags", "contact", idle, *arguments)
    assert told.exit_code == 2
    assert why in " ".join(told.stderr.split())


def test_a_time_with_a_zone_is_that_zones(service: Service, idle: str) -> None:
    flags("contact", idle, "--at", "2025-11-12T12:30:00+01:00")
    with service.register.read() as conn:
        at = conn.execute(sa.select(flag.c.status_s).where(flag.c.flag_id == int(idle))).scalar_one()
    assert at == NOW + 1800


def test_the_list_has_all_that_are_not_closed_with_their_numbers(idle: str) -> None:
    assert "Flags: 2" in flags("list").output
    flags("close", idle, AT, "--outcome", "wrong_flag")
    assert "Flags: 1" in flags("list").output
    told = flags("list", "--status", "closed").output
    assert "BED-0388" in told
    assert "it was not as the flag said" in told


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (["--rule", "idle"], ["BED-0388"]),
        (["--asset", "MAT-0983"], ["MAT-0983"]),
        (["--loan", "L-BED-0388"], ["BED-0388"]),
        (["--status", "snoozed"], []),
    ],
)
def test_the_list_is_narrowed(wanted: list[str], left: list[str]) -> None:
    told = json.loads(flags("list", "--json", *wanted).stdout)
    assert [each["asset_id"] for each in told] == left
    rows = list(csv.DictReader(io.StringIO(flags("list", "--csv", *wanted).stdout)))
    assert [row["asset_id"] for row in rows] == left


def test_the_list_is_cut_to_a_limit() -> None:
    assert len(json.loads(flags("list", "--json", "--limit", "1").stdout)) == 1


def test_a_status_or_rule_that_is_not_there_is_said() -> None:
    assert 'there is no status "lost"; there are open, ' in kitback("flags", "list", "--status", "lost").stderr
    assert 'there is no rule "idel"; did you mean "idle"?' in kitback("flags", "list", "--rule", "idel").stderr


def test_a_flag_is_shown_with_what_it_rests_on_where_that_comes_from_and_its_history(idle: str) -> None:
    flags("contact", idle, AT, "--who", "amy", "--why", "rang the care home")
    told = flags("show", idle).output
    for words in (
        f"Flag {idle}: Ask, BED-0388 (L-BED-0388), idle",
        "Not used for 18 days (since 25 October). Ask whether it is still needed.",
        "Status: contacted",
        "What can be done: contact, confirm, still-needed, snooze, close, reopen",
        "11:00 on 25 October",
        "7 days (Kitback's judgement)",
    ):
        assert words in told
    done = told.split("What was done")[1]
    steps = [line.split() for line in done.splitlines() if " on 12 November 2025" in line]
    assert [(step[0], step[5], step[6]) for step in steps] == [("11:00", "watch", "raise"), ("12:00", "amy", "contact")]


def test_a_flag_for_programs_has_the_whole_of_its_history(idle: str) -> None:
    flags("contact", idle, AT, "--who", "amy")
    told = json.loads(flags("show", idle, "--json").stdout)
    assert told["flag"]["status"] == "contacted"
    assert told["evidence"]["compared_with"] == {"entry": "kind.bed.idle_home", "value": "7 d", "origin": "J"}
    assert told["history"][-1]["before"] == {"status": "open", "status_s": None}
    assert told["allowed"] == ["contact", "confirm", "still-needed", "snooze", "close", "reopen"]


def test_a_flag_that_only_a_new_policy_raised_says_so(service: Service, idle: str) -> None:
    with service.register.write() as conn:
        conn.execute(sa.update(flag).where(flag.c.flag_id == int(idle)).values(cause="policy"))
    assert "only the policy that was new then raised it" in flags("show", idle).stdout
    (listed,) = json.loads(flags("list", "--json", "--rule", "idle").stdout)
    (shown,) = json.loads(kitback("worklist", "--json", "--rule", "idle").stdout)
    assert listed["cause"] == shown["cause"] == "policy"


def test_a_flag_that_is_not_there_cannot_be_shown() -> None:
    told = kitback("flags", "show", "999")
    assert told.exit_code == 2
    assert "there is no flag 999" in told.stderr


def test_what_came_of_flags_says_how_many_of_those_answered_were_right(service: Service, idle: str) -> None:
    for number in range(1, 4):
        service.lend(f"bed{number}", used_at=NOW - 20 * DAY)
    service.judge()
    first, second, third = (
        str(each["flag_id"]) for each in json.loads(flags("list", "--json", "--rule", "idle").stdout)[:3]
    )
    flags("contact", idle, first, AT)
    flags("confirm", idle, first, AT)
    flags("still-needed", second, AT, "--outcome", "still_in_use")
    flags("contact", third, AT, "--outcome", "could_not_reach")
    told = flags("outcomes").output
    assert "66.7 %" in told
    assert "2 not_needed: not needed any more" in told
    (of_idle,) = [each for each in json.loads(flags("outcomes", "--json").stdout) if each["rule"] == "idle"]
    assert of_idle == {
        "rule": "idle",
        "flags": 4,
        "counts": {"not_needed": 2, "still_in_use": 1, "could_not_reach": 1},
        "flag_precision_pct": 66.7,
    }


def test_what_nobody_answered_has_no_precision() -> None:
    assert {each["flag_precision_pct"] for each in json.loads(flags("outcomes", "--json").stdout)} == {None}


def test_json_and_csv_at_once_are_refused() -> None:
    assert "not both" in kitback("flags", "list", "--json", "--csv").stderr


@pytest.mark.parametrize(
    ("listing", "title"),
    [
        (("flags", "list"), "Flags: the latest 1 (--limit for more)"),
        (("worklist",), "Worklist: 2 to do, the first 1 (--limit for more)"),
    ],
)
def test_a_table_is_as_long_as_somebody_reads_and_programs_get_all(
    monkeypatch: pytest.MonkeyPatch, listing: tuple[str, ...], title: str
) -> None:
    for module in ("flags", "worklist"):
        monkeypatch.setattr(import_module(f"kitback.cli.{module}"), "AT_MOST", 1)
    assert title in kitback(*listing).stdout
    assert title not in kitback(*listing, "--limit", "3").stdout
    assert len(json.loads(kitback(*listing, "--json").stdout)) == 2


# --- the worklist


def test_the_worklist_shows_the_rank_and_its_parts() -> None:
    (item,) = json.loads(kitback("worklist", "--json", "--rule", "idle").stdout)
    told = kitback("worklist", "--rule", "idle").output
    assert f"£400 x {item['rank']['days']} d" in told
    assert f"x {item['rank']['confidence']:.0%} sure" in told
    assert f"{item['rank']['score']:,}" in told


def test_the_worklist_is_narrowed_and_says_what_it_leaves_out(idle: str) -> None:
    assert [each["asset_id"] for each in json.loads(kitback("worklist", "--json", "--kind", "bed").stdout)] == [
        "BED-0388"
    ]
    assert "Worklist: 2 to do, the first 1" in kitback("worklist", "--limit", "1").output
    flags("still-needed", idle, AT)
    told = kitback("worklist").output
    assert "Worklist: 1 to do; not shown: 1 still needed (--all)" in told
    assert "BED-0388" not in told
    assert "still needed" in kitback("worklist", "--all").output


def test_a_worklist_of_what_is_not_there_is_refused() -> None:
    told = kitback("worklist", "--place", "Narnia")
    assert told.exit_code == 2
    assert 'there is no place "Narnia"' in told.stderr


def test_the_worklist_for_spreadsheets_has_the_parts_of_the_rank() -> None:
    (row,) = csv.DictReader(io.StringIO(kitback("worklist", "--csv", "--rule", "idle").stdout))
    assert row["value_pence"] == "40000"
    assert int(row["score"]) == round(400 * int(row["days"]) * float(row["confidence"]))


@pytest.mark.parametrize("listing", [("worklist", "--all"), ("flags", "list")])
@pytest.mark.parametrize("typed", ["=1+1", "+1", "-1", "@sum"])
def test_no_spreadsheet_takes_what_somebody_typed_for_a_formula(
    service: Service, listing: tuple[str, ...], typed: str
) -> None:
    service.lend(typed, used_at=NOW - 20 * DAY)
    service.judge()
    rows = csv.DictReader(io.StringIO(kitback(*listing, "--csv").stdout, newline=""))
    assert f"'{typed}" in {row["asset_id"] for row in rows}
