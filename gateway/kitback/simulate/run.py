"""Runs a world against the register: the desk tells, the tags report, the gateway takes in and judges."""

import heapq
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from kitback.locate import load_pepper
from kitback.policy import Policy
from kitback.register import Register
from kitback.simulate.desk import Desk, Refused, secret
from kitback.simulate.gateway import ROOT, Flag, Gateway
from kitback.simulate.tag import Message, PaperTag
from kitback.simulate.truth import TICK_S, Away, World

JUDGED_EVERY_S: Final = 3600
"""A service judges every few seconds. A flag is raised up to so much later here than it would be there."""
_DAY: Final = 86_400

REGISTER: Final = "register.db"
PEPPER: Final = "pepper"

Progress = Callable[[int, int], None]
"""Told now and then how far the world is, in Unix seconds, and how many reports there were."""


class Ran(Struct, frozen=True, kw_only=True):
    """What came of a world."""

    world: World
    flags: list[Flag]
    refused: list[Refused]
    reports: int
    """Messages of tags that reached the broker."""
    judged_every_s: int


def run(
    world: World,
    policy: Policy,
    folder: Path,
    progress: Progress = lambda _now, _reports: None,
    judged_every_s: int = JUDGED_EVERY_S,
) -> Ran:
    """Run a world in a folder, which gets the register and its pepper.

    Raises:
        RegisterError: the database failed.
    """
    pepper = load_pepper(folder / PEPPER)
    register = _open(folder / REGISTER)
    try:
        gateway = Gateway(register, policy, pepper, world.from_s)
        desk = Desk(world, register, policy, pepper)
        desk.open()
        fleet = _Fleet(world, gateway)
        for now in range(world.from_s + TICK_S, world.to_s + 1, TICK_S):
            gateway.live(now, _away(world.away, now))
            desk.work(now)
            fleet.report(now)
            if gateway.away != "gateway":
                if (now - world.from_s) % judged_every_s == 0 or now == world.to_s:
                    gateway.judge()
                if now % _DAY == 0:
                    gateway.keep_house()
                    progress(now, fleet.reports)
        return Ran(
            world=world,
            flags=gateway.flags(),
            refused=desk.refused,
            reports=fleet.reports,
            judged_every_s=judged_every_s,
        )
    finally:
        register.close()


def _open(file: Path) -> Register:
    """A register that is faster than safe: who loses power half-way runs the same seed again."""
    register = Register.open(str(file))

    @sa.event.listens_for(register.engine, "connect")
    def hurry(dbapi: Any, _record: object) -> None:
        dbapi.execute("PRAGMA synchronous=OFF")

    register.engine.dispose()
    return register


class _Fleet:
    """All tags, woken in order of when they want to talk."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self._gateway = gateway
        self._due: list[tuple[int, int, PaperTag]] = []
        self.reports = 0
        for number, truth in enumerate(world.loans):
            tag = PaperTag(truth, world.places, world.seed, ROOT, secret(world, truth))
            self._later(number, tag)

    def report(self, now: int) -> None:
        """Let all tags that want to talk now do so, until none has more to say."""
        talking: list[tuple[int, PaperTag]] = []
        while self._due and self._due[0][0] <= now:
            _, number, tag = heapq.heappop(self._due)
            if self._gateway.away == "broker" or not tag.reaches(now):
                tag.fail(now)
                self._later(number, tag)
            else:
                talking.append((number, tag))
        while talking:
            talking = self._round(talking, now)

    def _round(self, talking: Iterable[tuple[int, PaperTag]], now: int) -> list[tuple[int, PaperTag]]:
        """One message of each, and its answer; returns who goes on."""
        sent: list[tuple[int, PaperTag, Message]] = []
        lost: list[tuple[int, PaperTag, Message]] = []
        for number, tag in talking:
            message = tag.message(now)
            (lost if tag.loses() else sent).append((number, tag, message))
        self.reports += len(sent)
        answers = self._gateway.take([message for _, _, message in sent])
        goes_on = []
        for number, tag, _ in sent:
            answer = answers.get(tag.answered_on)
            more = tag.fail(now) if answer is None or tag.loses() else tag.hear(answer, now)
            if more:
                goes_on.append((number, tag))
            else:
                self._later(number, tag)
        for number, tag, _ in lost:
            tag.fail(now)
            self._later(number, tag)
        return goes_on

    def _later(self, number: int, tag: PaperTag) -> None:
        if tag.report_at is not None:
            heapq.heappush(self._due, (tag.report_at, number, tag))


def _away(away: Iterable[Away], now: int) -> Literal["gateway", "broker"] | None:
    return next((each.what for each in away if each.from_s <= now < each.to_s), None)
