"""A tag whose every cycle raises still reports, tells why, and takes what could mend it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lives
from brokers import Mosquitto
from kitback.virtual.tag import VirtualTag
from lives import DAY, HOUR
from paper_desk import PaperDesk, command, settings


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[PaperDesk, int]]:
    broker = Mosquitto(tmp_path)
    broker.start()
    desk = PaperDesk(broker.port, lives.TAG_ID, lives.SECRET)
    yield desk, broker.port
    desk.close()
    broker.stop()


def live(directory: Path, port: int, hours: float, broken: bool) -> str:
    """What a bed's tag says on its serial port; a broken one has a note of its sensors that makes no sense."""
    tag = VirtualTag(directory, lives.world(hours * HOUR / DAY, []), lives.provision("bed", port))
    if broken:
        fitting = json.dumps({"load": 5}).encode().hex()
        nvs = directory / "nvs"
        nvs.write_text(nvs.read_text() + f"kitback fitting blob {fitting}\n")
    tag.start()
    try:
        assert tag.wait(30), "the story did not end"
    finally:
        tag.stop()
    return tag.log.read_text()


def test_a_tag_that_cannot_sense_reports_every_hour_and_says_once_what_it_raised(desk, tmp_path):
    paper, port = desk
    log = live(tmp_path / "tag", port, 12, broken=True)
    assert log.count("Traceback") == 4
    assert all(report.safe for report in paper.reports)
    assert 10 <= len(paper.reports) <= 14
    first, *later = paper.reports
    assert re.fullmatch(r"TypeError \w+\.py:\d+", first.crash)
    assert [report.crash for report in later] == [None] * len(later), "the ack of the first was told of it"


def test_in_safe_mode_settings_and_commands_are_taken_and_a_whole_cycle_is_tried_after(desk, tmp_path):
    paper, port = desk
    paper.tell(1, settings(report_s=900))
    paper.tell(4, command("r", "reboot"))
    log = live(tmp_path / "tag", port, 12, broken=True)
    assert [answer.in_force for answer in paper.settings] == [1]
    assert [result.refused for result in paper.results] == [None]
    assert log.count("Traceback") == 3 * 4
    assert paper.reports[-1].safe


def test_in_maintenance_a_tag_in_safe_mode_reports_every_minute_for_as_long_as_told(desk, tmp_path):
    paper, port = desk
    paper.tell(2, command("m", "maintenance", for_s=600))
    live(tmp_path / "tag", port, 4, broken=True)
    assert [result.refused for result in paper.results] == [None]
    told_at = paper.reports[1].at
    assert 9 <= sum(0 < report.at - told_at <= 660 for report in paper.reports) <= 12
    assert all(report.safe for report in paper.reports)
    assert len([report for report in paper.reports if report.at - told_at > 660]) <= 3


def test_a_tag_that_is_well_says_nothing_of_it(desk, tmp_path):
    paper, port = desk
    live(tmp_path / "tag", port, 7, broken=False)
    assert {(report.safe, report.crash) for report in paper.reports} == {(False, None)}
