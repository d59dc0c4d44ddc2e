"""The register's tables and its audit log tell the same, whatever happened in whatever order."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from tests.register.test_any_order import ASSETS, PLACES, Desk, furnished  # noqa: F401 - a fixture

from kitback.collect import kpi
from kitback.policy import load
from kitback.register import Register, clocks, collections, loans, visits
from kitback.register.tables import collection, flag, loan, visit
from lending import DAY, NOW, Service
from moves import HOUR, POLICY

_Step = Callable[[sa.Connection, str, str, int], object]
_HOME: dict[str, _Step] = {
    "request": lambda c, ref, _, at: collections.request(c, POLICY, ref, at, why="as notified"),
    "withdraw": lambda c, ref, _, at: collections.cancel(c, ref, at),
    "drop off": lambda c, ref, _, at: loans.return_loan(c, ref, at),
    "decontaminate": lambda c, _, asset_id, at: collections.decontaminate(c, POLICY, asset_id, at),
    "pass": lambda c, _, asset_id, at: collections.inspect(c, POLICY, asset_id, at, "pass"),
    "repair": lambda c, _, asset_id, at: collections.inspect(c, POLICY, asset_id, at, "repair"),
    "scrap": lambda c, _, asset_id, at: collections.scrap(c, asset_id, at),
}
"""Steps of a trip home, of a loan and of its piece."""


class HomeDesk(Desk):
    """Whatever staff do at the desk, and what they do with what comes home."""

    @rule(step=st.sampled_from(sorted(_HOME)), which=st.integers(0, 9), asset_id=st.sampled_from(ASSETS))
    def something_comes_home(self, step: str, which: int, asset_id: str) -> None:
        refs = list(self.conn.scalars(sa.select(loan.c.loan_ref).order_by(loan.c.to_s.is_not(None), loan.c.loan_ref)))
        ref, at = refs[which % len(refs)], self.at(HOUR)
        self.attempt(lambda conn: _HOME[step](conn, ref, asset_id, at))

    @rule(
        jobs=st.sets(st.sampled_from(["service", "safety_check", "collect"]), min_size=1), place=st.sampled_from(PLACES)
    )
    def a_visit_is_planned(self, jobs: set[str], place: str) -> None:
        at = self.at(HOUR)
        there = list(
            self.conn.scalars(sa.select(loan.c.asset_id).where(loan.c.place_id == place, loan.c.to_s.is_(None)))
        )
        to_do = [(asset_id, job) for asset_id in sorted(set(there)) for job in sorted(jobs)]
        self.attempt(lambda conn: visits.plan(conn, place, at, at + DAY, at, to_do=to_do))

    @rule(vain=st.booleans(), cancelled=st.sampled_from([False, False, True]))
    def the_van_is_back(self, vain: bool, cancelled: bool) -> None:
        at, planned = self.at(HOUR), self.conn.scalar(sa.select(visit.c.visit_id).where(visit.c.status == "planned"))
        if planned is None:
            return
        failed = {"BED-1": "nobody in"} if vain else {}
        if cancelled:
            self.attempt(lambda conn: visits.cancel(conn, planned, at))
        else:
            self.attempt(lambda conn: visits.finish(conn, POLICY, planned, at, failed=failed))

    def teardown(self) -> None:
        """Before it is all forgotten, both sources are read."""
        from_tables, from_log = kpi.read(self.conn), kpi.replay(self.conn)
        assert from_log == from_tables
        everything = kpi.Wanted(by=kpi.BY)
        now = self.now + 30 * DAY
        assert kpi.report(from_log, POLICY, now, everything) == kpi.report(from_tables, POLICY, now, everything)
        HomeDesk.reached |= set(self.conn.scalars(sa.select(collection.c.status)))
        super().teardown()

    reached: set[str] = set()  # noqa: RUF012 - of all runs together


def test_any_order_of_steps_gives_the_same_figures_from_both_sources(furnished: Register) -> None:  # noqa: F811
    HomeDesk.register, HomeDesk.reached = furnished, set()
    run_state_machine_as_test(
        HomeDesk,
        settings=settings(
            max_examples=25, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
    assert {"requested", "collected", "available", "scrapped", "cancelled"} <= HomeDesk.reached, "each was tried"


def same(register: Register) -> kpi.Records:
    """What both sources say."""
    with register.read() as conn:
        from_tables, from_log = kpi.read(conn), kpi.replay(conn)
    assert from_log == from_tables
    return from_log


@pytest.mark.both_engines
def test_flags_that_the_watch_raises_are_in_the_log(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.lend("C", used_at=None)
    service.lend("D")
    service.judge()
    found = same(service.register)
    assert [(each.asset_id, each.rule, each.loan_ref) for each in found.flags] == [
        ("B", "idle", "L-B"),
        ("C", "never_used", "L-C"),
    ]


@pytest.mark.both_engines
def test_that_what_a_flag_says_began_anew_is_in_the_log(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    service.tell("B", used_at=NOW - 15 * DAY)
    service.judge()
    (flagged,) = same(service.register).flags
    assert flagged.since == NOW - 15 * DAY


def test_that_a_flag_only_counts_on_is_not(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    service.tell("B", heard_at=NOW + DAY, complete_to=NOW + DAY)
    before = entries(service)
    assert service.judge(NOW + DAY).changed == 1
    assert entries(service) == before


def entries(service: Service) -> int:
    from kitback.register.tables import audit

    with service.register.read() as conn:
        return conn.scalar(sa.select(sa.func.count()).select_from(audit)) or 0


@pytest.mark.both_engines
def test_clocks_that_a_new_policy_moves_are_in_the_log(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[pathway.home_first]\nloan_period = "56 d"\n[kind.hoist]\nexamine_every = "3 months"\n')
    service.lend("B", pathway="home_first")
    service.lend("H", "hoist")
    service.prescribe("P", "home_first", NOW - HOUR)
    clocks.reclock(service.register, load(file), NOW, "watch")
    found = same(service.register)
    assert {each.loan_ref: each.due_s for each in found.loans}["L-B"] == load(file).due("home_first", NOW - 30 * DAY)


def test_a_flag_that_was_raised_before_the_log_told_of_it_is_left_out(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    with service.register.write() as conn:
        conn.execute(sa.text("DELETE FROM audit WHERE what LIKE 'flag.raise%'"))
        conn.execute(sa.update(flag).values(loan_ref=None))
    service.judge(NOW + DAY)
    with service.register.read() as conn:
        assert kpi.replay(conn).flags == []
