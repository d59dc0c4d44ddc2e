"""`kitback demo --headless --json FILE`, as its users run it."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from kitback.demo.expected import EXPECTED
from kitback.demo.loans import LENT

_KITBACK = Path(sys.executable).with_name("kitback")


def test_headless_writes_the_worklist_asks_nothing_and_exits_0(tmp_path: Path) -> None:
    file = tmp_path / "worklist.json"
    ran = subprocess.run(
        [_KITBACK, "demo", "--headless", "--json", file],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    flags = json.loads(file.read_text())
    assert {(each["asset_id"], each["reason"]) for each in flags} == {
        (LENT[expected.story].asset_id, expected.rule) for expected in EXPECTED
    }
    for each in flags:
        assert {"asset_id", "loan_ref", "kind", "reason", "sentence", "since"} <= each.keys()
        offset = datetime.fromisoformat(each["since"]).utcoffset()
        assert offset is not None
        assert not offset
    assert "applied, 0 lost, 0 set aside" in ran.stdout


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    ran = subprocess.run(
        [_KITBACK, "demo", "--keep", tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2
    assert "give --keep a new folder" in ran.stderr
