"""Thirty days without network, then one upload."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import lives
import tag_flash
from brokers import Mosquitto
from kitback import wire
from kitback.virtual.tag import VirtualTag
from paper_gateway import PaperGateway

HOUR, DAY = lives.HOUR, lives.DAY
AWAY = 30
SIZE = 64 * 1024
"""Of the journal's partition."""
A_FEW_DOZEN = 36


class Month:
    """What came of an hour on the network, thirty days without, and some hours with it again."""

    def __init__(self, directory: Path, gateway: PaperGateway, log: str) -> None:
        self.gateway = gateway
        self.log = log
        self.held = tag_flash.records(directory / "flash.bin")
        self.size = (directory / "flash.bin").stat().st_size
        journal = gateway.reports[-1].journal
        self.new = [record for _, record in gateway.records]
        self.high = gateway.high[journal]


@pytest.fixture
def month(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Month]:
    """Of a tag of some kind, with something that happens meanwhile: both are the test's parameters."""
    kind, events = request.param
    broker = Mosquitto(tmp_path)
    broker.start()
    gateway = PaperGateway(broker.port, lives.SECRET)
    back = (AWAY * DAY + HOUR, "network", 1)
    reach = {"bed": 6, "hoist": 24, "mattress": 1}[kind] * HOUR
    world = lives.world(
        AWAY + (2 * HOUR + reach) / DAY,
        [(HOUR, "network", 0), *events, back],
        mains=int(kind != "hoist"),
    )
    tag = VirtualTag(tmp_path / "tag", world, lives.provision(kind, broker.port))
    try:
        tag.start()
        assert tag.wait(60), "the life did not end"
        yield Month(tmp_path / "tag", gateway, tag.log.read_text())
    finally:
        tag.stop()
        gateway.close()
        broker.stop()


def idle(kind: str) -> tuple[str, list[lives.Told]]:
    return kind, []


def lifted(times_a_day: int) -> list[lives.Told]:
    """Lifts of four minutes, two hours apart."""
    events: list[lives.Told] = []
    for day in range(AWAY):
        for lift in range(times_a_day):
            at = day * DAY + (8 + 2 * lift) * HOUR
            events += [(at, "motion", 1), (at + 15, "loaded", 1), (at + 255, "loaded", 0), (at + 270, "motion", 1)]
    return events


def assert_told(month: Month) -> None:
    """Everything came, once, in one upload, and the journal kept within its bound."""
    assert [record.seq for record in month.new] == list(range(1, month.high + 1))
    assert month.gateway.reports[-1].newest == month.high
    assert set(month.held) >= set(range(1, month.high + 1))
    assert month.size == SIZE
    assert month.log.count("report failed") >= AWAY, "it tried every day"


@pytest.mark.parametrize("month", [idle("bed"), idle("hoist"), idle("mattress")], indirect=True)
def test_an_idle_month_is_a_few_dozen_records_at_most(month: Month) -> None:
    assert_told(month)
    assert len(month.new) <= A_FEW_DOZEN
    uses = [use for use in month.new if isinstance(use, wire.Use)]
    assert sum(use.in_use for use in uses) == 0
    assert all(before.at + before.span == after.at for before, after in pairwise(uses))
    assert uses[-1].at + uses[-1].span > 23 * DAY, "quiet is evidence, up to the last week"


@pytest.mark.parametrize("month", [("hoist", [*lifted(4), (9 * DAY, "at", "store")])], indirect=True)
def test_a_hoists_month_of_lifts_and_a_move_is_told_to_the_last(month: Month) -> None:
    assert_told(month)
    uses = [use for use in month.new if isinstance(use, wire.Use)]
    assert sum(use.events for use in uses) == 4 * AWAY
    assert abs(sum(use.in_use for use in uses) - 4 * AWAY * 240) <= 4 * AWAY * 20
    boot, *others = [fix for fix in month.new if isinstance(fix, wire.Fix)]
    moved = next(fix for fix in others if {each.anchor for each in fix.heard} != {each.anchor for each in boot.heard})
    assert 0 <= moved.at - 9 * DAY < 10 * HOUR, "at the first lift there, or when it was due"
