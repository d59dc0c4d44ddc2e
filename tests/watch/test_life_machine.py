"""Whatever staff do, the judge sees, and the clocks say: no flag gets into a state it may not have, and the audit log,
read from the beginning, gives the present state of each."""

import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kitback.register import IllegalMove, Register, holds, judgements, loans
from kitback.register.tables import audit, flag, judgement, tag_now, use_day
from kitback.register.upsert import put
from kitback.watch import Action, life
from kitback.watch.life import WATCH, Outcome, Standing, Status
from lending import DAY, HOUR, NOW, Service

ASSETS = ("bed", "due", "dying", "mattress")
MUTED = (Status.STILL_NEEDED, Status.SNOOZED)
URGENT = (Action.SAFETY_CHECK, Action.WITHDRAW)

STAFFS = [each for each in life.MOVES if not each.by_watch]
QUESTION = [each for each in STAFFS if each.to in (Status.CONTACTED, Status.CONFIRMED, Status.COLLECTION)]

asset = st.sampled_from(ASSETS)
ahead = st.sampled_from([HOUR, 4 * HOUR, DAY, 3 * DAY, 10 * DAY, 30 * DAY, -HOUR, -2 * DAY])


class Lives(RuleBasedStateMachine):
    """Staff, a judge and a clock that is put forward and back, over a few flags."""

    folder: Path
    seen: set[str]
    """The moves that were made."""

    def __init__(self) -> None:
        super().__init__()
        self.path = self.folder / "lived.db"
        shutil.copy(self.folder / "fresh.db", self.path)
        self.service = Service(Register.open(str(self.path)))
        self.now = NOW
        self.service.judge(NOW)

    def teardown(self) -> None:
        self.read_the_log_again()
        self.service.register.close()
        for each in self.folder.glob("lived.db*"):
            each.unlink()

    # --- what happens

    @rule(seconds=ahead)
    def the_clock_says(self, seconds: int) -> None:
        self.now += seconds

    @rule(later=ahead)
    def the_judge_looks(self, later: int) -> None:
        self.now += later
        self.service.judge(self.now)

    @rule(asset_id=asset, used=st.booleans(), whole=st.sampled_from([True, True, False]))
    def its_tag_tells(self, asset_id: str, used: bool, whole: bool) -> None:
        tell(self.service, asset_id, self.now, whole, self.now if used else None)

    @rule(off=st.booleans())
    def its_plug_is_pulled_or_put_back(self, off: bool) -> None:
        self.service.tell("mattress", unpowered_from=self.now if off else None)

    @rule(asset_id=asset, back=st.booleans())
    def it_is_seen(self, asset_id: str, back: bool) -> None:
        where = ("store", "store") if back else ("other", "loan_address")
        self.service.tell(asset_id, place_id=where[0], place_type=where[1], place_from=self.now, place_seen=self.now)

    @rule(asset_id=asset)
    def somebody_goes_to_hospital(self, asset_id: str) -> None:
        with suppress(IllegalMove), self.service.register.write() as conn:
            holds.begin(conn, self.service.policy, f"L-{asset_id}", self.now)
        self.service.judge(self.now)

    @rule(asset_id=asset)
    def somebody_comes_home(self, asset_id: str) -> None:
        with suppress(IllegalMove), self.service.register.write() as conn:
            holds.end(conn, f"L-{asset_id}", self.now)
        self.service.judge(self.now)

    @rule()
    def a_mute_runs_out(self) -> None:
        ends = [each.muted_until for each in self.flags() if each.muted_until is not None]
        if ends:
            self.now = max(self.now, *ends)
            self.service.judge(self.now)

    @rule(asset_id=asset, dice=st.integers(0, 5))
    def a_loan_ends_now_and_then(self, asset_id: str, dice: int) -> None:
        if dice == 0:
            with suppress(IllegalMove), self.service.register.write() as conn:
                loans.return_loan(conn, f"L-{asset_id}", self.now)

    @rule(
        which=st.integers(0, 9),
        to=st.sampled_from(Status),
        why=st.sampled_from([None, "as told"]),
        until=st.sampled_from([None, None, HOUR, 10 * DAY, 40 * DAY]),
        outcome=st.sampled_from([None, None, None, *Outcome]),
    )
    def staff_try_anything(
        self, which: int, to: Status, why: str | None, until: int | None, outcome: Outcome | None
    ) -> None:
        there = self.flags()
        if there:
            self.move(there[which % len(there)], to, why, until, outcome)

    @rule(
        which=st.integers(0, 9),
        steps=st.one_of(st.just(QUESTION), st.lists(st.sampled_from(STAFFS), min_size=2, max_size=5)),
        later=st.sampled_from([0, HOUR, 2 * DAY]),
    )
    def staff_do_what_the_table_has(self, which: int, steps: list[life.Move], later: int) -> None:
        there = self.flags()
        for step in steps if there else ():
            chosen = self.flags()[which % len(there)]
            self.now = max(self.now, chosen.status_s or chosen.raised_at) + later
            until = 5 * DAY if life.Need.UNTIL in step.needs else None
            outcome = step.outcomes[which % len(step.outcomes)] if step.outcomes else None
            self.move(chosen, step.to, "as told", until, outcome)

    def move(
        self, chosen: sa.Row[Any], to: Status, why: str | None, until: int | None, outcome: Outcome | None
    ) -> None:
        before, noted = self.flags(), self.moves_noted()
        end = None if until is None else self.now + until
        try:
            with self.service.register.write() as conn:
                step = (conn, chosen.flag_id, to, self.now, "amy", why)
                life.move(*step, policy=self.service.policy, until=end, outcome=outcome)
        except IllegalMove:
            assert self.flags() == before
            assert self.moves_noted() == noted
        else:
            assert life.find(Status(chosen.status), to, action(chosen)) is not None
            assert self.moves_noted() == noted + 1

    # --- what always holds

    @invariant()
    def every_state_is_legal(self) -> None:
        for each in self.flags():
            status, asks = Status(each.status), action(each)
            assert (status in MUTED) == (each.muted_until is not None)
            assert (status is Status.CLOSED) == (each.closed_at is not None)
            if status in (Status.OPEN, Status.HELD, Status.SNOOZED):
                assert each.outcome is None
            if status in (Status.CONFIRMED, Status.STILL_NEEDED, Status.COLLECTION, Status.CLOSED):
                assert each.outcome is not None
            if status in MUTED:
                assert asks not in URGENT
                assert each.basis_s is not None
            if status is Status.SNOOZED:
                assert each.muted_until <= self.service.policy.watch.snooze_at_most.after(each.status_s)
            if status is Status.COLLECTION:
                assert asks in (Action.ASK, Action.CLINICIAN)
            if status is Status.HELD:
                assert each.rule in ("idle", "never_used", "off_site")

    def read_the_log_again(self) -> None:
        """It is only ever added to, so that once at the end is enough."""
        with self.service.register.read() as conn:
            for each in conn.execute(sa.select(flag)):
                now = Standing()
                for step in life.history(conn, each.flag_id):
                    before, after = step.before or {}, step.after or {}
                    was = Standing.of(now)
                    assert before == {name: getattr(was, name) for name in before}
                    now = Standing(**{**{n: getattr(was, n) for n in Standing.__slots__}, **after})
                    by_watch = step.who == WATCH
                    self.seen.add(step.what.split()[0].removeprefix("flag."))
                    assert any(
                        step.what == f"flag.{move.name} {each.flag_id}"
                        and was.status in move.frm
                        and move.to == now.status
                        and move.by_watch == by_watch
                        for move in life.MOVES
                    )
                    if each.asset_id == "dying" and step.what.startswith(("flag.contact", "flag.collect")):
                        assert step.why
                    if now.status == Status.COLLECTION:
                        assert was.status == Status.CONFIRMED
                assert Standing.of(now) == Standing.of(each)

    def flags(self) -> list[sa.Row[Any]]:
        with self.service.register.read() as conn:
            return list(conn.execute(sa.select(flag).order_by(flag.c.flag_id)))

    def moves_noted(self) -> int:
        with self.service.register.read() as conn:
            return conn.scalar(sa.select(sa.func.count()).where(audit.c.what.startswith("flag."))) or 0


def tell(service: Service, asset_id: str, at: int, whole: bool, used_at: int | None) -> None:
    """Let an asset's tag have told of all up to a moment, as a report taken in would leave the register."""
    with service.register.write() as conn:
        if used_at is not None:
            day = {"asset_id": asset_id, "day": used_at // DAY, "in_use": HOUR, "events": 1, "seen": DAY}
            put(conn, use_day, [{**day, "used_at": used_at}])
        mine = judgement.c.asset_id == asset_id
        account = dict.fromkeys(("base", "high", "newest", "applied", "lost", "quarantined", "duplicate"), 0)
        words = {"journal": "j", "gaps": "[]", "clocks": "{}", "fw": "1"}
        numbers = {"clock": 0, "at": 0, "rate_ppb": 0, "waiting": 0, "battery_mv": 4000}
        tag_id = conn.scalar(sa.select(judgement.c.tag_id).where(mine))
        news = {"heard_at": at, "complete_to": at, "whole": whole}
        put(conn, tag_now, [{"tag_id": tag_id, **account, **words, **numbers, **news}])
        judgements.refresh(conn, asset_id)


def action(each: sa.Row[Any]) -> Action:
    return Action(json.loads(each.evidence)["action"])


def test_no_sequence_of_moves_judgements_and_clock_readings_reaches_an_illegal_state() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    with tempfile.TemporaryDirectory() as folder:
        Lives.folder, Lives.seen = Path(folder), set()
        service = Service.open(str(Lives.folder / "fresh.db"))
        service.lend("bed", used_at=NOW - 20 * DAY)
        service.lend("due", pathway="home_first", days=50, used_at=NOW - 9 * DAY)
        service.lend("dying", pathway="end_of_life", used_at=NOW - 20 * DAY)
        service.lend("mattress", "mattress", unpowered_from=NOW - HOUR)
        for asset_id in ASSETS:
            tell(service, asset_id, NOW, True, NOW - 20 * DAY)
        service.register.close()
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Lives, settings=settings(max_examples=25, stateful_step_count=40, deadline=None)
        )
    assert Lives.seen == {each.name for each in life.MOVES}, "each was tried"
