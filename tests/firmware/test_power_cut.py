"""The supply is cut in each program and each erase of a life in turn; the tag boots, mounts its journal and lives on.

The life is four days of the whole application with a journal that has been full for long: several hundred records,
hourly to daily reports and their acks, a day without network. `make soak` cuts every operation; `make test` a sample.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lives
import tag_flash
from brokers import Mosquitto
from kitback import wire
from kitback.virtual.tag import VirtualTag
from paper_gateway import PaperGateway

DAYS = 4
AGE = 2500
"""Records in the journal when the life begins; the ring holds some 1400 of them."""
RECORDS = 300
"""A life makes more."""

# On mains the tag sleeps lightly and keeps its journal open; on battery it mounts it anew for each record.
EVENTS = [
    *lives.busy(lives.HOUR, 3 * lives.DAY + 20 * lives.HOUR),
    (lives.DAY, "network", 0),
    (2 * lives.DAY, "network", 1),
    (3 * lives.DAY + 17 * lives.HOUR, "mains", 0),
]
SOAK = "KITBACK_SOAK" in os.environ
"""Whether every operation is cut."""
EVERY = 1 if SOAK else 97


class Lives:
    """The same life again and again, each of a tag of its own, from the same flash."""

    def __init__(self, directory: Path, on_tag: Callable[..., Any]) -> None:
        self.directory = directory
        self.journal = lives.age(directory / "aged", on_tag, AGE)
        self.before = tag_flash.records(directory / "aged" / "flash.bin")
        self._broker = Mosquitto(directory)
        self._broker.start()
        self._number = 0

    def live(self, cut_at: int, quarters: int) -> "Told":
        """A life in which that operation is cut after so many quarters."""
        self._number += 1
        directory = self.directory / f"tag-{self._number}"
        shutil.copytree(self.directory / "aged", directory)
        (directory / "cut_at").write_text(f"{cut_at} {quarters}")
        gateway = PaperGateway(self._broker.port, lives.SECRET)
        gateway.high[self.journal] = AGE
        # Of a tag of its own: the broker keeps what it could not deliver to an earlier one.
        world = lives.world(DAYS, EVENTS, tag_id=f"{self._number:012x}")
        tag = VirtualTag(directory, world, lives.provision("bed", self._broker.port))
        try:
            tag.start()
            assert tag.wait(300), f"the life did not end; its last words:\n{tag.log.read_text()[-2000:]}"
        finally:
            tag.stop()
            gateway.close()
        left, _ = (directory / "cut_at").read_text().split()
        told = Told(tag.log.read_text(), gateway, tag_flash.records(directory / "flash.bin"), cut_at - int(left))
        shutil.rmtree(directory)
        return told

    def close(self) -> None:
        self._broker.stop()


class Told:
    """What came of a life."""

    def __init__(
        self, log: str, gateway: PaperGateway, held: dict[int, tuple[int, wire.Record]], operations: int
    ) -> None:
        self.log = log
        self.gateway = gateway
        self.held = held
        """On the flash at the end."""
        self.operations = operations
        """Programs and erases, the cut one included."""

    def __str__(self) -> str:
        """What somebody needs who looks for the reason of a failure: the talks, and what was said around the cut."""
        talks = [
            f"report clock {report.clock} at {report.at} holds {report.oldest}-{report.newest} after {report.after}"
            f" on {report.on} records {[record.seq for record in report.records]} open {report.open}"
            for report in self.gateway.reports
        ]
        lines = self.log.splitlines()
        cut = max(i for i, line in enumerate(lines) if line.startswith("kitback "))
        return "\n".join(
            [
                *talks,
                f"the gateway has {self.gateway.high}; newest on the flash {sorted(self.held.items())[-5:]}",
                *lines[max(0, cut - 15) : cut + 40],
                "...",
                *lines[max(cut + 40, len(lines) - 20) :],
            ]
        )


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, on_tag: Callable[..., Any]) -> Iterator[Lives]:
    made = Lives(tmp_path_factory.mktemp("lives"), on_tag)
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(many: Lives) -> Told:
    """The life without a cut."""
    return many.live(cut_at=1_000_000, quarters=0)


def check(told: Told, many: Lives, missing: int) -> None:
    """Everything that must hold at the end of a life with at most so many records missing."""
    gateway = told.gateway
    assert "Traceback" not in told.log
    assert {report.journal for report in gateway.reports} == {many.journal}

    # A number stands for one record, in every report, on the flash and since before the life.
    known = {**many.before, **told.held}
    for report in gateway.reports:
        assert report.newest <= max(known)
        for record in report.records:
            assert known.setdefault(record.seq, (report.on, record)) == (report.on, record)
    assert [seq for seq, was in many.before.items() if told.held.get(seq, was) != was] == []

    # No record came under two numbers.
    fresh = {seq: (clock, type(record), record.at) for seq, (clock, record) in known.items() if seq > AGE}
    assert len(set(fresh.values())) == len(fresh)

    # On each clock the spans of use follow each other: what is missing is the last thing before the cut.
    for clock in {clock for clock, _ in known.values()} - {0}:
        spans = [known[seq][1] for seq in sorted(fresh) if known[seq][0] == clock]
        uses = [span for span in spans if isinstance(span, wire.Use)]
        assert [pair for pair in pairwise(uses) if pair[0].at + pair[0].span != pair[1].at] == []

    # The gateway has every record but the one that was being written, and nothing of it twice.
    assert gateway.high[many.journal] == gateway.reports[-1].newest
    delivered = [record.seq for _, record in gateway.records]
    assert delivered == sorted(set(delivered))
    known_now = {seq for seq in known if AGE < seq <= gateway.high[many.journal]}
    assert (known_now - set(delivered), set(delivered) - known_now) == (set(), set())
    assert max(fresh) - AGE - len(fresh) <= missing
    oldest = gateway.reports[-1].oldest
    assert len(told.held) >= max(fresh) - oldest + 1 - missing, "the ring holds what it says it holds"


def test_the_life_is_long_enough_to_prove_something(many: Lives, whole: Told) -> None:
    check(whole, many, missing=0)
    assert len(whole.gateway.records) > RECORDS
    assert len(whole.gateway.reports) > 12
    assert whole.gateway.reports[-1].oldest > min(many.before) + 2 * 40, "sectors were erased"
    assert len(re.findall("boot power_on", whole.log)) == 1


@pytest.mark.parametrize("quarters", [2, 4])
def test_a_life_survives_a_cut_in_any_operation(many: Lives, whole: Told, quarters: int) -> None:
    cuts = lost = 0
    for cut_at in range(1 if SOAK else 1 + 40 * quarters, whole.operations + 1, EVERY):
        where = f"operation {cut_at} of {whole.operations}, {quarters}/4 done"
        told: Told | None = None
        try:
            told = many.live(cut_at, quarters)
            assert len(re.findall("boot power_on", told.log)) == 2
            assert told.operations == cut_at
            check(told, many, missing=quarters == 2)
        except AssertionError as error:
            error.add_note(f"{where}\n{told}")
            raise
        fresh = {record.seq for _, record in told.gateway.records}
        cuts += 1
        lost += max(fresh) - AGE - len(fresh)
    print(f"{quarters}/4 done: {cuts} cuts, {lost} records missing")
