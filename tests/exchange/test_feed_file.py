"""`kitback feed` and its files: what cannot be read is named, what was broken off is taken again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from feeding import NOW, POLICY, T, furnish, register_rows
from kitback.cli.app import app
from kitback.exchange.feed import Said, Taking, read
from kitback.exchange.rows import Mistake
from kitback.register import Register, assets
from kitback.register.tables import feed_item

MADE = "2025-07-10T06:00"
HEAD = "id,asset,pathway,place,setting,delivered,returned\n"


@pytest.fixture
def furnished(register: Register) -> Register:
    furnish(register)
    return register


def _take(where: str, file: Path, *more: str) -> Result:
    arguments = ["feed", "take", str(file), "--source", "acme", "--register", where, "--as-of", MADE, *more]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def _said(path: Path) -> list[Said | Mistake]:
    return list(read(path, NOW, T))


def test_each_line_that_cannot_be_read_is_named_with_its_column_and_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "feed.csv"
    file.write_text(
        HEAD
        + "1,BED-1,home_first,home,,2025-06-15,\n"
        + "2,BED-1,home_first,home,,31/31/2025,\n"
        + "3,BED-1,home_first,home,shed,,\n"
        + ",BED-1,home_first,home,,,\n"
        + "4,BED-1,home_first,home,,2025-06-15,none\n"
    )
    first, *wrong, last = _said(file)
    assert isinstance(first, Said)
    assert [(each.line, each.column) for each in wrong if isinstance(each, Mistake)] == [
        (3, "delivered"),
        (4, "setting"),
        (5, "id"),
    ]
    assert isinstance(last, Said)
    assert last.facts["returned"] is None


def test_json_lines_say_the_same_as_a_sheet(tmp_path: Path) -> None:
    sheet, lines = tmp_path / "feed.csv", tmp_path / "feed.jsonl"
    sheet.write_text(HEAD + "1,BED-1,home_first,home,care_home,2025-06-15,none\n")
    told = {"id": "1", "asset": "BED-1", "pathway": "home_first", "place": "home", "setting": "care_home"}
    lines.write_text(json.dumps(told | {"delivered": "2025-06-15", "returned": None}) + "\n\n")
    assert _said(sheet) == _said(lines)


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ('{"id": 7}', "id", "Expected `str`, got `int`"),
        ('{"id": "7", "colour": "red"}', "", "unknown field `colour`"),
        ('{"id": "7", ', "", "no JSON"),
        ('{"id": "7", "said": "2999-01-01"}', "said", "still to come"),
        ('{"id": "7", "returned": "2026-01-01"}', "returned", "later than when it was said"),
        ('{"id": "7", "asset": "a\\\\b"}', "asset", "printable characters"),
    ],
)
def test_a_line_of_json_that_cannot_be_read_says_why(tmp_path: Path, line: str, column: str, says: str) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_text('{"id": "1"}\n' + line + "\n")
    mistake = _said(file)[1]
    assert isinstance(mistake, Mistake)
    assert (mistake.line, mistake.column) == (2, column)
    assert says in mistake.what


def test_the_command_takes_what_it_can_names_the_rest_and_says_how_feeds_stand(
    furnished: Register, where: str, tmp_path: Path
) -> None:
    file = tmp_path / "feed.csv"
    file.write_text(
        HEAD
        + "1,BED-1,home_first,home,,2025-06-15,\n"
        + "2,BED-9,home_first,home,,2025-06-15,\n"
        + "3,BED-2,home_first,home,,soon,\n"
    )
    done = _take(where, file, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["applied"], told["waiting"], told["unchanged"]) == (1, 1, 0)
    assert [each["line"] for each in told["refused"]] == [4]
    (standing,) = json.loads(_run("status", where).stdout)
    assert (standing["source"], standing["stale"], standing["running"], standing["troubles"]) == ("acme", True, 1, 1)
    (trouble,) = json.loads(_run("troubles", where).stdout)
    assert (trouble["external_id"], trouble["loan_ref"]) == ("2", None)
    with furnished.write() as conn:
        assets.add_asset(conn, "BED-9", "bed", "Model 7", T)
    assert "Without trouble now: 1" in _run("retry", where, "--source", "acme", json_=False).stdout


def _run(command: str, where: str, *more: str, json_: bool = True) -> Result:
    told = ["--json"] if json_ else []
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["feed", command, "--register", where, *more, *told])


def test_the_same_file_again_is_no_news_and_a_try_changes_nothing(
    furnished: Register, where: str, tmp_path: Path
) -> None:
    file = tmp_path / "feed.csv"
    file.write_text(HEAD + "1,BED-1,home_first,home,,2025-06-15,\n")
    before = register_rows(furnished)
    assert json.loads(_take(where, file, "--dry-run", "--json").stdout)["applied"] == 1
    assert register_rows(furnished) == before
    _take(where, file, "--whole")
    after = register_rows(furnished)
    told = json.loads(_take(where, file, "--whole", "--json").stdout)
    assert (told["applied"], told["kept"], told["waiting"], told["unchanged"]) == (0, 0, 0, 1)
    assert register_rows(furnished) == after


def test_a_file_whose_taking_was_killed_and_begun_again_ends_the_same(tmp_path: Path) -> None:
    count = 150
    file = tmp_path / "feed.csv"
    lines = (f"{n},B-{n % 100},home_first,home-{n % 7},,2025-06-{1 + n % 28:02},\n" for n in range(count))
    file.write_text(HEAD + "".join(lines))
    ends = []
    for name in ("whole", "killed"):
        register = Register.open(str(tmp_path / f"{name}.db"))
        with register.write() as conn:
            for n in range(100):
                assets.add_asset(conn, f"B-{n}", "bed", "Model 7", T)
        if name == "killed":
            _kill_half_way(register, tmp_path / f"{name}.db", file)
        assert _take(str(tmp_path / f"{name}.db"), file, "--whole").exit_code == 0
        ends.append(register_rows(register))
        register.close()
    assert ends[0] == ends[1]


def _kill_half_way(register: Register, path: Path, file: Path) -> None:
    taking = subprocess.Popen(
        [
            *(sys.executable, "-m", "kitback.cli", "feed", "take", str(file)),
            *("--source", "acme", "-r", str(path), "--as-of", MADE, "--whole"),
        ],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while taking.poll() is None:
            with register.read() as conn:
                told = conn.scalar(sa.select(sa.func.count()).select_from(feed_item)) or 0
            if told >= 40:
                break
            time.sleep(0.005)
    finally:
        taking.send_signal(signal.SIGKILL)
        taking.wait()
    assert 40 <= told < 150, "it was to be killed half-way"


def test_many_messages_are_taken_in_short_transactions(furnished: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    write = Register.write

    def counted(self: Register, *, beside: bool = False) -> Any:
        begun.append(beside)
        return write(self, beside=beside)

    monkeypatch.setattr(Register, "write", counted)
    ticks = iter(range(10_000))
    monkeypatch.setattr("kitback.exchange.feed.taking.time", SimpleNamespace(monotonic=lambda: next(ticks) / 64))
    told = [Said(str(n), T, {"asset": f"B-{n}"}) for n in range(30)]
    list(Taking(furnished, POLICY, "acme", NOW).take(told))
    assert len(begun) == 15, "two messages of 16 ms each, then others may write"
