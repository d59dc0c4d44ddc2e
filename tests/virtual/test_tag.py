"""Starting and following virtual tags with the shipping firmware."""

import json
import os
import re
import select
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kitback.virtual import tag as launcher
from kitback.virtual.stories import DAY, STORIES
from kitback.virtual.tag import NoFirmware, TagFailed, VirtualTag

END = 1_790_000_000
PATIENCE = 30
PROVISION = {
    "kind": "hoist",
    "secret": "00" * 32,
    "anchor_key": "11" * 16,
    "key_id": 1,
    "networks": [["nowhere", "password"]],
    "broker": ["127.0.0.1", 1],
    "user": None,
    "password": None,
    "root": "kitback",
}
HOIST = next(story for story in STORIES if story.name == "regular-hoist").world(END, seed=1)
FOUR_DAYS = replace(HOIST, end_s=HOIST.start_s + 4 * DAY)


@pytest.fixture
def tags() -> Iterator[list[VirtualTag]]:
    started: list[VirtualTag] = []
    yield started
    for tag in started:
        tag.stop()


def started(tags: list[VirtualTag], tag: VirtualTag) -> VirtualTag:
    tags.append(tag)
    tag.start()
    return tag


def test_restarting_the_process_now_and_then_changes_nothing_the_tag_journals(
    tmp_path: Path, tags: list[VirtualTag]
) -> None:
    runs = []
    for every in (0, 50):
        tag = started(tags, VirtualTag(tmp_path / str(every), FOUR_DAYS, PROVISION, restart_every=every))
        assert tag.wait(PATIENCE)
        flash = (tag.directory / "flash.bin").read_bytes()
        uses = [json.loads(record) for record in re.findall(rb'\["use"[^]]*\]', flash)]
        runs.append(([events for *_, events in uses], sum(in_use for *_, in_use, _ in uses)))
    (events, in_use), (events_again, in_use_again) = runs
    assert len(events) > 20  # four lifts a day, and the quiet between them
    assert events == events_again
    assert in_use == pytest.approx(in_use_again, abs=60)


def test_an_unprovisioned_tag_says_so(tmp_path: Path, tags: list[VirtualTag]) -> None:
    tag = started(tags, VirtualTag(tmp_path / "tag", FOUR_DAYS))
    assert tag.wait(PATIENCE)
    assert "not provisioned" in tag.log.read_text()


def test_the_serial_port_says_what_the_log_says(tmp_path: Path, tags: list[VirtualTag]) -> None:
    tag = VirtualTag(tmp_path / "tag", FOUR_DAYS, PROVISION)
    reader = os.open(tag.port, os.O_RDWR | os.O_NOCTTY)
    started(tags, tag)
    heard = b""
    deadline = time.monotonic() + PATIENCE
    while heard.count(b"\n") < 2 and time.monotonic() < deadline:
        if select.select([reader], [], [], 0.1)[0]:
            heard += os.read(reader, 4096)
    os.close(reader)
    assert re.match(rb"kitback \S+ tag 7c9ebd[0-9a-f]{6} boot power_on\njournal ", heard)
    assert tag.log.read_bytes().startswith(heard[: heard.index(b"\n")])


def test_a_second_tag_in_a_directory_is_the_first_after_a_loss_of_power(tmp_path: Path, tags: list[VirtualTag]) -> None:
    for _ in range(2):
        assert started(tags, VirtualTag(tmp_path / "tag", FOUR_DAYS, PROVISION, restart_every=50)).wait(PATIENCE)
    (first, *_, nothing), (second, *_, newest) = re.findall(
        r"boot power_on\njournal (\S+) oldest (\d+) newest (\d+)", tags[0].log.read_text()
    )
    assert first == second
    assert int(nothing) == 0 < int(newest)


def test_a_tag_whose_process_fails_says_how(
    tmp_path: Path, tags: list[VirtualTag], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "firmware"
    (broken / "virtual").mkdir(parents=True)
    (broken / "virtual" / "run.py").write_text("raise ValueError('broken')\n")
    monkeypatch.setattr(launcher, "firmware", lambda: broken)
    tag = started(tags, VirtualTag(tmp_path / "tag", FOUR_DAYS))
    with pytest.raises(TagFailed, match="ValueError: broken"):
        tag.wait(PATIENCE)


def test_without_its_parts_a_virtual_tag_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "__file__", str(tmp_path / "a/b/c/tag.py"))
    with pytest.raises(NoFirmware, match="checkout"):
        launcher.firmware()
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "main.py").touch()
    with pytest.raises(NoFirmware, match=r"fetch_umqtt\.py"):
        launcher.firmware()
