"""The stories, told once for all the tests that look at what came of them."""

import re

import sqlalchemy as sa

from brokers import until
from influx import Bucket
from kitback import wire
from kitback.demo.expected import EXPECTED, Expected
from kitback.demo.loans import LENT
from kitback.demo.run import Run
from kitback.history import Drain, status
from kitback.register.tables import flag, metadata
from kitback.register.tag_states import accounts
from kitback.virtual.stories import HOUR
from kitback.virtual.tag import VirtualTag
from paper_tag import PaperTag, history
from tag_flash import journal_id, records
from tag_line import TagLine

Flag = tuple[str, str]
"""Asset and rule."""

_VOLATILE = {"meta", "lease", "tag_now", "tag_journal", "counter", "outbox", "sink", "judgement", "flag"}
"""Tables about the latest report and the traffic itself; what came of records is in all the others."""


class Told:
    """A run that is over, with the gateway stopped."""

    def __init__(self, run: Run, bucket: Bucket) -> None:
        self.run = run
        self._bucket = bucket

    def raised(self) -> dict[Flag, str]:
        """The flags on the worklist and since when they say."""
        return {(item.asset_id, item.reason): item.since for item in self.run.worklist().items}

    def expected(self) -> dict[Flag, Expected]:
        """The flags that the table says."""
        names = {story.name for story in self.run.stories}
        return {(LENT[each.story].asset_id, each.rule): each for each in EXPECTED if each.story in names}

    def noted(self) -> dict[str, list[int]]:
        """Sequence numbers of the records in the flash of each tag."""
        return {tag.world.tag_id: sorted(records(tag.directory / "flash.bin")) for tag in self._lived()}

    def last_words(self) -> dict[str, int]:
        """The newest record of which each tag told before its story ended, from its serial log."""
        said = {}
        for tag in self._lived():
            after, count = re.findall(r"report after (\d+) records (\d+)", tag.log.read_text())[-1]
            said[tag.world.tag_id] = int(after) + int(count)
        return said

    def died(self) -> set[str]:
        """The tags that ended without power."""
        return {story.tag_id for story in self.run.stories if story.name == "hoist-battery-died"}

    def applied(self) -> dict[str, list[int]]:
        """Sequence numbers of the records of each tag in the history; they are the microseconds of their times."""
        found: dict[str, list[int]] = {}
        with self.run.register.read() as conn:
            for line in history(conn):
                series, _, rest = line.partition(" ")
                measurement, *tags = series.split(",")
                if measurement in ("boot", "use", "fix", "alarm", "health"):
                    tag_id = dict(tag.split("=") for tag in tags)["tag"]
                    found.setdefault(tag_id, []).append(int(rest.rpartition(" ")[2]) % 1_000_000)
        return {tag_id: sorted(seqs) for tag_id, seqs in found.items()}

    def drain(self) -> None:
        """Bring all history there is to the InfluxDB."""
        drain = Drain(self.run.register, self.run.clock, self._bucket.sink())
        until(lambda: drain.run_once() and not self._pending(), what="the end of the outbox")

    def points(self) -> int:
        return self._bucket.points()

    def lines(self) -> list[str]:
        with self.run.register.read() as conn:
            return history(conn)

    def upload_again(self) -> None:
        """Send the gateway every record of every tag that still lives once more, as a tag does that knows of no ack."""
        self.run.start_gateway()
        try:
            last_words = self.last_words()
            for tag in self._lived():
                if tag.world.tag_id not in self.died():
                    self._upload(tag, last_words[tag.world.tag_id])
        finally:
            self.run.stop_gateway()

    def outcome(self) -> dict[str, list[tuple[object, ...]]]:
        """What came of the records: the register but for traffic figures, and the history of records."""
        with self.run.register.read() as conn:
            tables = {
                table.name: sorted((tuple(row) for row in conn.execute(_without_traffic(table))), key=repr)
                for table in metadata.sorted_tables
                if table.name not in _VOLATILE
            }
            open_flags = conn.execute(
                sa.select(flag.c.asset_id, flag.c.rule, flag.c.since).where(flag.c.closed_at.is_(None))
            )
            tables["account"] = sorted(tuple(row) for row in conn.execute(_without_traffic(accounts)))
            tables["flag"] = sorted(tuple(row) for row in open_flags)
            lines = [
                (line,) for line in history(conn) if not line.startswith(("assets,", "fleet,", "flag,", "gateway "))
            ]
        return tables | {"history": sorted(lines)}

    def _pending(self) -> int:
        return status(self.run.register, self._bucket.sink().name).pending

    def _lived(self) -> list[VirtualTag]:
        """The tags that ever had power."""
        return [tag for tag in self.run.tags if (tag.directory / "flash.bin").exists()]

    def _upload(self, tag: VirtualTag, newest: int) -> None:
        flash = tag.directory / "flash.bin"
        held = {seq: record for seq, record in records(flash).items() if seq <= newest}
        clock, last = held[newest]
        tag_id = tag.world.tag_id
        paper = _Resender(
            tag_id=tag_id,
            journal=journal_id(flash),
            batch=40,
            clock=clock,
            at=last.at + HOUR,
            newest=newest,
            records=held,
            alarms=["unpowered"]
            * [record.on for _, record in held.values() if isinstance(record, wire.Alarm)][-1:].count(True),
        )
        paper.key = self.run.keys.secret(tag_id)
        with TagLine(self.run.broker[1], tag_id) as line:
            while not paper.all_sent:
                report = paper.report()
                line.publish(*paper.seal(report))
                ack = paper.hear(*line.answer())
                assert isinstance(ack, wire.Ack) and ack.high == paper.newest, ack
                # The gateway says that it has them all; this tag is deaf to that.
                paper.high = report.records[-1].seq


class _Resender(PaperTag):
    key: bytes

    @property
    def secret(self) -> bytes:
        return self.key


def _without_traffic(table: sa.FromClause) -> sa.Select[tuple[object, ...]]:
    return sa.select(*(column for column in table.c if column.name != "duplicate"))
