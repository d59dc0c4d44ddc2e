"""What people type, and what they are told."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kitback.cli.app import app
from kitback.history import set_aside
from kitback.intake import quarantine
from kitback.intake.replay import Outcome, Replay
from kitback.locate import fingerprint
from kitback.register import RegisterError, counters, outbox
from kitback.register.settled import settle, settled
from lending import NOW, Service


def kitback(*arguments: str, columns: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, arguments)


def test_help_lists_every_command_and_the_exit_codes() -> None:
    told = kitback("--help").output
    for command in ("demo", "worklist", "flags", "gateway", "quarantine", "history", "grafana", "policy", "tag"):
        assert command in told
    assert "Exit codes" in told


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "worklist",
        "gateway",
        "quarantine list",
        "quarantine replay",
        "history status",
        "grafana push",
        "flags list",
        "flags show",
        "flags contact",
        "flags confirm",
        "flags still-needed",
        "flags snooze",
        "flags collect",
        "flags close",
        "flags reopen",
        "flags outcomes",
        "policy show",
        "policy check",
        "policy explain",
        "tag",
        "tag flash",
        "tag deploy",
        "tag provision",
    ],
)
def test_every_command_has_help_worth_reading(command: str) -> None:
    told = kitback(*command.split(), "--help")
    assert told.exit_code == 0
    assert len(told.output.split("Options")[0].split()) > 20


def test_help_comes_at_once_without_loading_the_service() -> None:
    program = "import sys, kitback.cli.app; print([m for m in ('sqlalchemy', 'fastapi', 'paho') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded == "[]\n"


@pytest.mark.usefixtures("service")
def test_the_worklist_for_people_says_what_to_do_with_what_and_why() -> None:
    told = kitback("worklist")
    assert told.exit_code == 0
    assert "Worklist: 2 to do" in told.output
    assert told.output.index("Safety check") < told.output.index("Ask ")
    assert "Not used for 18 days (since 25 October). Ask whether it is still needed." in told.output
    assert "profiling bed" in told.output


@pytest.mark.usefixtures("service")
def test_the_worklist_for_programs_is_a_json_list() -> None:
    items = json.loads(kitback("worklist", "--json").stdout)
    assert [item["asset_id"] for item in items] == ["MAT-0983", "BED-0388"]
    assert items[1]["reason"] == "idle"
    assert items[1]["since"] == "2025-10-25T10:00:00Z"


@pytest.mark.usefixtures("service")
def test_the_worklist_for_spreadsheets_is_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(kitback("worklist", "--csv").stdout)))
    assert [row["asset_id"] for row in rows] == ["MAT-0983", "BED-0388"]
    assert rows[1]["sentence"] == "Not used for 18 days (since 25 October). Ask whether it is still needed."


@pytest.mark.usefixtures("service")
def test_json_and_csv_at_once_is_refused() -> None:
    told = kitback("worklist", "--json", "--csv")
    assert told.exit_code == 2
    assert "not both" in told.stderr


def test_a_worklist_without_a_register_says_what_makes_one(tmp_path: Path) -> None:
    told = kitback("worklist", "--register", str(tmp_path / "none.db"))
    assert told.exit_code == 1
    assert told.stderr.startswith(f"kitback: there is no register at {tmp_path}/none.db;")
    assert not (tmp_path / "none.db").exists()


def test_an_address_of_a_register_that_is_not_there_makes_none(tmp_path: Path) -> None:
    asked = kitback("worklist", "--register", f"sqlite:///{tmp_path}/missing.db")
    assert asked.exit_code == 1
    assert "there is no register" in asked.stderr
    assert not (tmp_path / "missing.db").exists()


def test_a_file_that_is_no_register_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("shopping" * 200)
    told = kitback("worklist", "--register", str(tmp_path / "notes.txt"))
    assert told.exit_code == 1
    assert "notes.txt is not a register" in told.stderr


def test_a_database_that_kitback_cannot_speak_to_is_named_without_its_password() -> None:
    told = kitback("worklist", "--register", "orakel://clerk:secret@host/db")
    assert told.exit_code == 1
    assert "'orakel'" in told.stderr
    assert "secret" not in told.stderr


@pytest.mark.usefixtures("service")
def test_a_bad_policy_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('[kind.bed]\nidle = "4 d"\n')
    told = kitback("worklist", "--policy", str(tmp_path / "ours.toml"))
    assert told.exit_code == 2
    assert 'ours.toml:2: kind.bed.idle: no such setting; did you mean "idle_home"?' in told.stderr


def test_brackets_in_what_people_typed_are_shown_as_they_are(service: Service) -> None:
    service.lend("BED[red]1[/red]", used_at=None)
    service.judge()
    assert "BED[red]1[/red]" in kitback("worklist").output


def test_what_strangers_sent_does_not_steer_the_terminal(service: Service) -> None:
    with service.register.write() as conn:
        quarantine.keep_report(conn, "", "bad_topic", "\x1b[2Jgone", b"", NOW)
    told = kitback("quarantine", "list").output
    assert "[2Jgone" in told
    assert "\x1b" not in told


def test_the_policy_is_shown_with_the_origin_of_each_value(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('[pathway.home_first]\nloan_period = "56 d"\n')
    told = kitback("policy", "show", "--policy", str(tmp_path / "ours.toml")).output
    lines = {tuple(line.split()[:2]): line for line in told.splitlines() if line.strip()}
    assert any("loan_period" in line and "56 d" in line and "your policy file" in line for line in lines.values())
    assert any("idle_home" in line and "7 d" in line and "Kitback's judgement" in line for line in lines.values())


def test_the_quarantine_is_listed_with_reasons_in_words(service: Service) -> None:
    with service.register.write() as conn:
        quarantine.keep_report(conn, "0123456789ab", "unknown_tag", "nobody [knows] it", b"\x00hello", NOW)
    told = kitback("quarantine", "list").output
    assert "No such tag is enrolled" in told
    assert "nobody [knows] it" in told
    assert "12 November 2025" in told
    (kept,) = json.loads(kitback("quarantine", "list", "--json").stdout)
    assert kept["reason"] == "unknown_tag"
    assert kept["payload_base64"] == "AGhlbGxv"
    assert kept["last_at"] == "2025-11-12T11:00:00Z"


def test_the_quarantine_says_how_much_it_has_no_room_for(service: Service) -> None:
    with service.register.write() as conn:
        counters.add(conn, {quarantine.DROPPED: 1234})
    assert "1,234 damaged records only counted" in " ".join(kitback("quarantine", "list").output.split())


def test_what_is_in_quarantine_is_replayed_by_number_or_all_and_what_stays_says_why(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    with service.register.write() as conn:
        set_aside.keep(conn, [(b"use,tag=aa in_use=1i 5\n", "beyond retention policy")], NOW)
        quarantine.keep_report(conn, "0123456789ab", "unknown_tag", "who?", b"hello", NOW)
    told = kitback("quarantine", "replay", "1")
    assert told.exit_code == 0
    assert "on its way to InfluxDB again" in told.output
    told = kitback("quarantine", "replay", "--all")
    assert told.exit_code == 1
    assert "Taken in: 0 of 1" in told.output
    assert "no such tag is enrolled" in told.output
    (still,) = json.loads(kitback("quarantine", "list", "--json").stdout)
    assert (still["id"], still["reason"]) == (2, "unknown_tag")


def test_a_replay_tells_programs_of_each_thing_on_a_line(service: Service, tmp_path: Path) -> None:
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    with service.register.write() as conn:
        set_aside.keep(conn, [(b"use,tag=aa in_use=1i 5\n", "beyond retention policy")], NOW)
        quarantine.keep_report(conn, "0123456789ab", "unknown_tag", "who?", b"hello", NOW)
    told = kitback("quarantine", "replay", "--all", "--json", columns=20)
    assert told.exit_code == 1
    assert [json.loads(each) for each in told.stdout.splitlines()] == [
        {"id": 1, "taken": True, "words": "on its way to InfluxDB again"},
        {"id": 2, "taken": False, "words": "no such tag is enrolled"},
    ]


def test_what_a_replay_did_is_said_before_it_fails_on_the_next(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    with service.register.write() as conn:
        set_aside.keep(conn, [(b"use,tag=aa in_use=1i 5\n", "beyond retention policy")], NOW)
    one = Replay.one

    def once(self: Replay, quarantine_id: int) -> Outcome:
        if quarantine_id > 1:
            raise RegisterError("the register is locked")
        return one(self, quarantine_id)

    monkeypatch.setattr(Replay, "one", once)
    told = kitback("quarantine", "replay", "1", "2")
    assert told.exit_code == 1
    assert "1: taken in: on its way to InfluxDB again" in told.stdout
    assert "the register is locked" in told.stderr


def test_a_replay_with_a_pepper_that_the_register_was_not_begun_with_is_refused(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    settle(service.register, "pepper", fingerprint(b"q" * 32))
    told = kitback("quarantine", "replay", "--all")
    assert told.exit_code == 1
    assert f"the pepper in {tmp_path}/pepper is not the one" in told.stderr


def test_a_replay_settles_no_pepper(service: Service, tmp_path: Path) -> None:
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    assert kitback("quarantine", "replay", "--all").exit_code == 0
    with service.register.read() as conn:
        assert settled(conn, "pepper") is None


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
@pytest.mark.usefixtures("service")
def test_a_replay_has_to_be_told_of_what(arguments: list[str]) -> None:
    told = kitback("quarantine", "replay", *arguments)
    assert told.exit_code == 2
    assert "their numbers, or --all" in told.stderr


@pytest.mark.usefixtures("service")
def test_a_replay_makes_no_pepper_of_its_own(tmp_path: Path) -> None:
    told = kitback("quarantine", "replay", "--all")
    assert told.exit_code == 1
    assert f"there is no pepper at {tmp_path}/pepper" in told.stderr
    assert not (tmp_path / "pepper").exists()


@pytest.mark.usefixtures("service")
def test_history_without_an_influxdb_says_how_many_lines_wait() -> None:
    told = kitback("history", "status").output
    assert "lines made, no InfluxDB configured" in told


@pytest.fixture
def half_written(service: Service) -> None:
    """Of five lines an InfluxDB took two, refused one, and then shut its door; another came when one was gone."""
    with service.register.write() as conn:
        outbox.purge(conn, NOW + 1)
        before = outbox.enqueued(conn)
        outbox.append(conn, [b"a", b"b", b"c"], NOW)
        outbox.set_cap(conn, 16)
        for name in ("http://old o/b", "http://new o/b"):
            outbox.add_sink(conn, name)
        rows = outbox.pending(conn, "http://new o/b", 100, 100)
        outbox.advance(conn, "http://new o/b", rows, 2, 1)
        outbox.append(conn, [b"d", b"e"], NOW + 60)
        outbox.note_trouble(conn, "http://new o/b", "answered 401; check the token")
        outbox.retire_sinks(conn, but=["http://new o/b"])
        assert before > 0


@pytest.mark.usefixtures("half_written")
def test_history_status_for_people_says_what_waits_since_when_and_why() -> None:
    told = kitback("history", "status").output
    new, old = (next(line for line in told.splitlines() if name in line) for name in ("http://new", "http://old"))
    assert new.split()[:3] == ["2", "1", "2"]
    assert "11:01 on 12 November 2025" in new
    assert "check the token" in new
    assert "no longer configured" in old
    assert "25 % of it waits for InfluxDB" in told


@pytest.mark.usefixtures("half_written")
def test_history_status_for_programs_balances() -> None:
    told = json.loads(kitback("history", "status", "--json").stdout)
    new, old = told["sinks"]
    assert (new["written"], new["rejected"], new["pending"], new["configured"]) == (2, 1, 2, True)
    assert new["pending_from"] == "2025-11-12T11:01:00Z"
    assert (old["written"], old["pending"], old["configured"]) == (0, 5, False)
    for sink in told["sinks"]:
        assert told["enqueued"] == sink["written"] + sink["rejected"] + sink["missed"] + sink["pending"]
    assert told["room"] == {"kept": 10, "waiting": 4, "cap": 16}


def test_a_grafana_that_is_not_there_is_named() -> None:
    told = kitback(
        "grafana",
        "push",
        "--url",
        "http://127.0.0.1:1",
        "--token",
        "t",
        "--influx-url",
        "http://i",
        "--influx-token",
        "t",
    )
    assert told.exit_code == 1
    assert "Grafana at http://127.0.0.1:1" in told.stderr


@pytest.mark.usefixtures("service")
def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m kitback.cli worklist --json -r {tmp_path}/register.db | head -c 1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "["
    assert done.stderr == ""


def test_an_argument_that_is_no_text_is_refused_in_words() -> None:
    command = [sys.executable, "-m", "kitback.cli", "loans", "show", b"L-\xff"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("kitback:")
    assert "not written in UTF-8" in done.stderr


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "command",
    [
        ("flags", "show"),
        ("flags", "contact"),
        ("flags", "list", "--limit"),
        ("worklist", "--limit"),
        ("loans", "list", "--limit"),
        ("quarantine", "replay"),
    ],
)
def test_a_number_that_no_database_holds_is_refused_in_words(command: tuple[str, ...]) -> None:
    told = kitback(*command, "9" * 30)
    assert told.exit_code == 2
    assert "less than or equal to" in told.stderr
