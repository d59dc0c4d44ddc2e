"""Runs the stories: thirty days of thirteen virtual tags against a real broker and gateway.

The gateway is a process of its own, as in service, so that it can be killed; the tags are MicroPython processes. All of
them live in the story's time.
"""

import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import sqlalchemy as sa

from kitback.collect import Worklist, worklist
from kitback.demo import gateway
from kitback.demo.keys import Keys
from kitback.demo.loans import furnish
from kitback.locate import load_pepper
from kitback.policy import load
from kitback.register import Register, listening
from kitback.register.tables import outbox, tag_now
from kitback.register.tag_states import accounts
from kitback.virtual.conductor import Conductor
from kitback.virtual.stories import DAY, DAYS, HOUR, STORIES, Story
from kitback.virtual.story_clock import StoryClock
from kitback.virtual.tag import VirtualTag
from kitback.watch import judge

LOOPBACK: Final = "127.0.0.1"
_RESTART_EVERY: Final = 500
"""Deep sleeps after which a tag's process is started anew, so that nothing can hide in its memory."""
_REPORTS_EVERY: Final = {"mattress": HOUR, "bed": 6 * HOUR, "hoist": DAY}
"""How often each kind reports at least, by the firmware's schedule; in seconds."""

_GATEWAY_STOPS_S: Final = 20


@dataclass(frozen=True)
class Account:
    """What became of all records, in numbers."""

    journalled: int
    """Sequence numbers that the tags have given."""
    applied: int
    duplicate: int
    lost: int
    quarantined: int
    history_lines: int
    """Lines put into the outbox."""


class Run:
    """One run of the stories in a folder, which keeps the register, the logs and the tags. A context manager.

    Args:
        end_s: Unix second at which the stories end.
        seed: the same one makes the same worlds.
        broker: host and port of a broker; None starts the embedded one.
        influx: `url`, `token`, `org` and `bucket` of an InfluxDB that takes the history, or None.
    """

    def __init__(
        self,
        folder: Path,
        end_s: int,
        seed: int = 1,
        broker: tuple[str, int] | None = None,
        influx: dict[str, str] | None = None,
        stories: Sequence[Story] = STORIES,
    ) -> None:
        self.folder = folder
        self.end_s = end_s
        self.start_s = end_s - DAYS * DAY
        self.seed = seed
        self.stories = stories
        self.policy = load()
        self.web_port = _free_port()
        self.broker = broker or (LOOPBACK, _free_port())
        self._config = self._gateway_config(broker is None, influx)
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with self._exit as undo:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.clock = StoryClock.create(self.folder / gateway.CLOCK, self.start_s * 1_000_000)
            self.keys = Keys(load_pepper(self.folder / gateway.PEPPER))
            self.register = Register.open(f"sqlite:///{self.register_file}")
            undo.callback(self.register.close)
            with self.register.write() as conn:
                furnish(conn, self.stories, self.policy, self.keys, self.start_s, self.seed)
            self.conductor = undo.enter_context(
                Conductor(self.clock, [story.tag_id for story in self.stories], self._has_told_all)
            )
            self.start_gateway()
            undo.callback(self.stop_gateway)
            self.tags = [self._tag(story) for story in self.stories]
            for tag in self.tags:
                undo.callback(tag.stop)
                tag.start()
            self._exit = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def days(self) -> int:
        """How many days the stories last."""
        return DAYS

    @property
    def register_file(self) -> Path:
        return self.folder / gateway.REGISTER

    def over(self) -> bool:
        """Whether every tag has told all it will."""
        return all(tag.wait(0) for tag in self.tags)

    def finish(self) -> None:
        """Wait until every tag has told all it will, and judge the loans once more at the stories' end.

        Raises:
            TagFailed: a tag's process ended with an error.
        """
        for tag in self.tags:
            tag.wait()
        self.clock.jump_to(self.end_s * 1_000_000)
        with self.register.write() as conn:
            listening.still(conn, self.end_s)  # the gateway's own sign comes by this machine's time
        judge(self.register, self.policy, self.end_s)

    def worklist(self) -> Worklist:
        """The worklist as it stands."""
        with self.register.read() as conn:
            return worklist(conn, self.policy, self.end_s)

    def account(self) -> Account:
        """What became of all records so far."""
        row = accounts.c
        sums = (sa.func.coalesce(sa.func.sum(each), 0) for each in (row.newest, row.applied, row.duplicate, row.lost))
        with self.register.read() as conn:
            newest, applied, duplicate, lost = conn.execute(sa.select(*sums)).one()
            quarantined = conn.scalar(sa.select(sa.func.coalesce(sa.func.sum(row.quarantined), 0))) or 0
            lines = conn.scalar(sa.select(sa.func.coalesce(sa.func.sum(outbox.c.count), 0))) or 0
        return Account(newest, applied, duplicate, lost, quarantined, lines)

    def start_gateway(self) -> None:
        """Start the gateway, and wait until it can answer tags."""
        self._gateway = gateway.start(self.folder, self._config)

    def stop_gateway(self) -> None:
        """End the gateway in order."""
        self._gateway.terminate()
        try:
            self._gateway.wait(timeout=_GATEWAY_STOPS_S)
        except subprocess.TimeoutExpired:
            self.kill_gateway()

    def kill_gateway(self) -> None:
        """End the gateway with SIGKILL, whatever it is doing; the embedded broker dies with it."""
        self._gateway.kill()
        self._gateway.wait()

    def _tag(self, story: Story) -> VirtualTag:
        return VirtualTag(
            self.folder / "tags" / story.name,
            story.world(self.end_s, self.seed),
            self.keys.provision(story.tag_id, story.kind, self.broker),
            self.conductor.port,
            _RESTART_EVERY,
        )

    def _has_told_all(self, tag_id: str, at_us: int) -> bool:
        """Whether a tag has made its schedule's last report before the stories' end, and it arrived whole."""
        story = next(each for each in self.stories if each.tag_id == tag_id)
        last_report_from = self.end_s - _REPORTS_EVERY[story.kind]
        if at_us < last_report_from * 1_000_000:
            return False
        with self.register.read() as conn:
            now = conn.execute(sa.select(tag_now.c.heard_at, tag_now.c.whole).where(tag_now.c.tag_id == tag_id)).first()
        return now is not None and now.whole and now.heard_at >= last_report_from

    def _gateway_config(self, embedded: bool, influx: dict[str, str] | None) -> dict[str, Any]:
        host, port = self.broker
        config: dict[str, Any] = {"web": {"host": LOOPBACK, "port": self.web_port}, "watch_every_s": 1}
        if embedded:
            config["embedded_port"] = port
        else:
            config["broker"] = {"host": host, "port": port}
        return config | ({"influx": influx} if influx else {})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
