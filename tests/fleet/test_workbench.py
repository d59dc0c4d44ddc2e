"""From a bare board to a tag of this service, over a serial line to real MicroPython."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from kitback.cli.app import app
from kitback.fleet import application
from kitback.fleet.line import Line
from kitback.register import Register, tables
from kitback.virtual.tag import firmware, micropython
from workbench import Board, FittedBoard

STANDIN = Path(__file__).parents[1] / "firmware" / "standin"
FLEET = """
broker = "mqtt.example.org:8883"
user = "tags"
password = "broker-password"
ca_file = "{ca}"

[anchor]
id = 3
key = "000102030405060708090a0b0c0d0e0f"

[[networks]]
ssid = "Stores Wi-Fi"
password = "wifi-password"
"""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path / "board")
    yield board
    board.unplug()


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    ca = tmp_path / "ca.der"
    ca.write_bytes(b"\x30\x03abc")
    path = tmp_path / "fleet.toml"
    path.write_text(FLEET.format(ca=ca))
    path.chmod(0o600)
    return path


def kitback(*arguments: object, typed: str = "") -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(each) for each in arguments], input=typed)


def provision(board: Board, fleet: Path, register: Register) -> Result:
    url = register.engine.url.render_as_string(hide_password=False)
    done = kitback("tag", "provision", board.port, "hoist", "--fleet", fleet, "--register", url)
    if not done.exit_code:
        board.wait_for_restart()
    return done


def on_micropython(script: str, given: str = "", *, path: str) -> str:
    done = subprocess.run(
        [micropython(), "-c", script],
        input=given,
        env={"MICROPYPATH": f"{path}:.frozen"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.strip()


def secret(register: Register) -> str:
    with register.read() as conn:
        return bytes(conn.scalars(sa.select(tables.tag.c.secret)).one()).hex()


def test_a_provisioned_tag_has_what_its_firmware_asks_for(board, fleet, register):
    done = provision(board, fleet, register)
    assert done.exit_code == 0, done.output
    assert json.loads(board.nvs["provision"]) == {
        "kind": "hoist",
        "secret": secret(register),
        "anchor_key": "000102030405060708090a0b0c0d0e0f",
        "key_id": 3,
        "networks": [["Stores Wi-Fi", "wifi-password"]],
        "broker": ["mqtt.example.org", 8883],
        "user": "tags",
        "password": "broker-password",
        "root": "kitback",
        "ca": "3003616263",
        "generation": 1,
        "unix": pytest.approx(time.time(), abs=60),
    }
    read = "import sys\nfrom tag.config import Config\nprint(Config(sys.stdin.read()).kind)"
    assert on_micropython(read, board.nvs["provision"], path=f"{STANDIN}:{firmware()}:{firmware()}/lib") == "hoist"


def test_nothing_secret_is_shown_or_echoed(board, fleet, register):
    shown = provision(board, fleet, register).output.encode() + board.said
    assert Board.tag_id.encode() in shown
    for word in (secret(register), "wifi-password", "broker-password", "0001020304"):
        assert word.encode() not in shown


def test_a_tag_that_is_provisioned_again_keeps_its_secret_and_never_repeats_a_clock(board, fleet, register):
    with register.write() as conn:
        conn.execute(sa.insert(tables.tag), {"tag_id": board.tag_id, "secret": b"s" * 32, "enrolled_at": 1})
        conn.execute(
            sa.insert(tables.tag_now),
            {column.name: 0 for column in tables.tag_now.c}
            | {"tag_id": board.tag_id, "journal": "0-1", "gaps": "[]", "clocks": "{}", "clock": 17, "fw": "1"},
        )
    assert provision(board, fleet, register).exit_code == 0
    assert secret(register) == (b"s" * 32).hex() == json.loads(board.nvs["provision"])["secret"]
    assert board.nvs["power_ons"] > 17


def test_each_provisioning_has_a_number_of_its_own(fleet, register, tmp_path):
    generations = []
    for name in ("first", "second"):
        board = Board(tmp_path / name)
        provision(board, fleet, register)
        generations.append(json.loads(board.nvs["provision"])["generation"])
        board.unplug()
    assert generations == [1, 2]


@pytest.fixture
def equipment(tmp_path: Path) -> Iterator[Callable[..., FittedBoard]]:
    """Makes a board of a kind with some sensors on a piece of equipment."""
    with ExitStack() as boards:

        def fitted(kind: str, sensors: str, **felt: int) -> FittedBoard:
            board = FittedBoard(tmp_path / kind, kind, sensors)
            boards.callback(board.unplug)
            board.feel(**felt)
            return board

        yield fitted


def test_a_fitter_is_led_through_all_that_the_tags_kind_needs(equipment, monkeypatch):
    bed = equipment("bed", "lis3dh hx711")
    felt = iter([0, 0, 70, 1])

    def see_to_it(_as_json: bool) -> bool:
        bed.feel(kg=next(felt))
        return True

    monkeypatch.setattr("kitback.cli.tag._ready", see_to_it)
    done = kitback("tag", "fit", bed.port, "--kg", 70)
    assert done.exit_code == 0, done.output
    for number, name in enumerate(("motion", "empty", "loaded", "cleared"), start=1):
        assert f"{number}/4 {name}: " in done.output
    bed.wait_for_restart()
    assert bed.noted == {
        "imu": "lis3dh",
        "load": ["hx711", pytest.approx(50_000, abs=1000), pytest.approx(85_000 + 35_000, abs=1000)],
    }


def test_what_is_refused_is_said_and_asked_again_until_it_is_left_out(equipment):
    hoist = equipment("hoist", "hx711")
    # The motion sensor, refused and left out; empty; 70 kg that are not there, left out; nor is there any to clear.
    done = kitback("tag", "fit", hoist.port, typed="\ns\n\n\n70\ns\ns\n")
    assert done.exit_code == 0, done.output
    assert done.output.count("refused: the lis3dh does not answer") == 1
    assert done.output.count("is too near to") == 1
    assert done.output.count("What does the reference weigh") == 1
    hoist.wait_for_restart()
    assert set(hoist.noted) == {"load"}


def test_steps_that_are_named_are_taken_without_asking_and_told_to_programs(equipment):
    mattress = equipment("mattress", "ac", motor=1)
    done = kitback("tag", "fit", mattress.port, "empty", "air-low", "--json")
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["step"], set(each)) for each in told] == [
        ("empty", {"step", "level", "noise"}),
        ("air-low", {"step", "level", "noise"}),
    ]
    mattress.wait_for_restart()
    assert set(mattress.noted) == {"load", "air"}


def test_a_refusal_ends_the_named_steps_and_the_tag_goes_on(equipment):
    mattress = equipment("mattress", "ac")
    done = kitback("tag", "fit", mattress.port, "pump-off", "pump-on", "empty", "--json")
    assert done.exit_code == 1
    assert [json.loads(line)["step"] for line in done.stdout.splitlines()] == ["pump-off"]
    assert "is too near to" in done.stderr
    mattress.wait_for_restart()
    assert set(mattress.noted) == {"motor"}


@pytest.mark.parametrize(
    ("steps", "words"), [(["lifted"], "motion, empty, loaded, cleared"), (["motion", "loaded"], "--kg")]
)
def test_a_step_that_cannot_be_taken_is_refused_before_anything_is_measured(equipment, steps, words):
    hoist = equipment("hoist", "lis3dh hx711")
    done = kitback("tag", "fit", hoist.port, *steps)
    assert done.exit_code == 2
    assert words in done.stderr
    hoist.wait_for_restart()
    assert hoist.noted == {}


def test_a_tag_takes_its_restart_from_the_workbench_for_no_crash():
    class Cable:
        def exec_raw_no_follow(self, code: str) -> None:
            self.code = code

    cable = Cable()
    Line(cable).restart()
    script = """
import machine, sys
from tag import retained
retained.save()
try:
    exec(sys.stdin.read())
except machine.Reset:
    print(retained.load() and retained.state.rebooting)
"""
    assert on_micropython(script, cable.code, path=f"{STANDIN}:{firmware()}") == "1"


def test_a_board_without_the_application_is_told_from_a_tag_without_a_kind(board, equipment):
    assert "do `kitback tag deploy`" in kitback("tag", "fit", board.port).stderr
    bare = equipment("bed", "hx711")
    (bare.files / "nvs").write_text("kitback provision blob 7b\n")
    assert "do `kitback tag provision`" in kitback("tag", "fit", bare.port).stderr


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (FLEET.replace("8883", "port"), "broker"),
        (FLEET.replace("000102", "xy"), "anchor.key"),
        (FLEET.replace("ssid", "name"), "networks"),
        (FLEET + "\n[[", "not TOML"),
    ],
)
def test_a_wrong_fleet_file_is_refused_before_the_board_is_touched(fleet, register, wrong, words):
    fleet.write_text(wrong)
    done = kitback("tag", "provision", "/dev/null", "bed", "--fleet", fleet, "--register", register.engine.url)
    assert done.exit_code == 2
    assert words in done.output
    for word in ("wifi-password", "broker-password"):
        assert word not in done.output


def test_a_fleet_file_that_others_may_read_is_refused(fleet, register):
    fleet.chmod(0o640)
    done = kitback("tag", "provision", "/dev/null", "bed", "--fleet", fleet, "--register", register.engine.url)
    assert done.exit_code == 2
    assert "chmod 600" in done.output


def test_more_than_the_tag_has_room_for_is_refused(board, fleet, register):
    fleet.write_text(fleet.read_text() + '\n[[networks]]\nssid = "More"\npassword = "%s"' % ("p" * 60) * 40)
    done = provision(board, fleet, register)
    assert done.exit_code == 1
    assert "room for 2048 bytes" in done.output


def test_a_port_that_is_not_there_is_said(tmp_path):
    done = kitback("tag", "deploy", tmp_path / "ttyUSB9")
    assert done.exit_code == 1
    assert "is the board plugged in" in done.output


def test_a_deployed_board_has_the_application_and_nothing_of_the_one_before(board):
    old = board.files / "lib" / "tag"
    old.mkdir(parents=True)
    (old / "forgotten.py").write_text("")
    (board.files / "notes.txt").write_text("somebody's")
    done = kitback("tag", "deploy", board.port)
    assert done.exit_code == 0, done.output
    board.wait_for_restart()
    there = {path.relative_to(board.files).as_posix(): path.read_bytes() for path in board.files.rglob("*.*")}
    ours = application.compiled(firmware())
    assert there.pop("notes.txt") == b"somebody's"
    assert there == ours | {name: (firmware() / name).read_bytes() for name in ("boot.py", "main.py")}


def test_every_module_compiles_and_the_compiled_application_runs(tmp_path):
    modules = application.compiled(firmware())
    sources = {path.stem for path in (firmware() / "tag").rglob("*.py")}
    assert {Path(name).stem for name in modules} == sources | {"simple"} | {
        path.stem for path in (firmware() / "lib/umqtt").glob("*.py")
    }
    for name, code in modules.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(code)
    script = "from tag import hmac\nprint(hmac.digest.__name__, hmac.__file__)"
    assert on_micropython(script, path=f"{tmp_path}/lib") == f"digest {tmp_path}/lib/tag/hmac.mpy"


def test_what_does_not_compile_is_named(tmp_path):
    (tmp_path / "tag").mkdir()
    (tmp_path / "tag" / "cycle.py").write_text("while:\n")
    with pytest.raises(application.CannotCompile, match=r"tag/cycle\.py"):
        application.compiled(tmp_path)


def test_help_comes_without_the_workbench_tools():
    command = [sys.executable, "-c", "import sys; sys.modules['mpremote'] = None; from kitback.cli import main; main()"]
    done = subprocess.run([*command, "tag", "--help"], capture_output=True, text=True, check=True, timeout=30)
    for word in ("flash", "deploy", "provision", "fit"):
        assert word in done.stdout
