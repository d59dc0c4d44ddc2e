"""`kitback simulate`, from the command line to the file."""

import json
from pathlib import Path

from typer.testing import CliRunner

from kitback.cli.app import app

SMALL = ["simulate", "--loans", "6", "--days", "3", "--judge-every", "720"]


def test_it_shows_figures_and_writes_them(tmp_path: Path):
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(app, [*SMALL, "--seed", "3", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "6 made-up loans in 3 days, seed 3" in done.output
    assert "Beside the oracle" in done.output
    assert "Virtual" in done.output
    written = json.loads(file.read_text())
    assert (written["loans"], written["seed"], written["virtual"]) == (6, 3, True)
    assert len(written["causes"]) == 6
    assert sum(score["raised"] for score in written["agreement"]["scores"].values()) == len(written["flags"])


def test_what_is_kept_can_be_looked_at_again(tmp_path: Path):
    kept = tmp_path / "kept"
    assert CliRunner().invoke(app, [*SMALL, "--keep", str(kept)]).exit_code == 0
    assert len(json.loads((kept / "truth.json").read_text())["loans"]) == 6
    assert CliRunner().invoke(app, ["worklist", "--register", str(kept / "register.db")]).exit_code == 0


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "mine").write_text("mine")
    done = CliRunner().invoke(app, [*SMALL, "--keep", str(tmp_path)])
    assert done.exit_code == 2
    assert "give --keep a new folder" in done.output
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_it_is_judged_when_tags_have_talked_and_not_in_between():
    done = CliRunner().invoke(app, ["simulate", "--judge-every", "20"])
    assert done.exit_code == 2
    assert "take a multiple of 15" in " ".join(done.output.split())
