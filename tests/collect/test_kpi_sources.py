"""The register's tables and its audit log tell the same, whatever happened in whatever order."""

from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.register.test_any_order import Desk, furnished  # noqa: F401 - a fixture

from kitback.collect import kpi
from kitback.policy import load
from kitback.register import Register, clocks
from kitback.register.tables import audit, flag
from kitback.watch import life
from lending import DAY, NOW, Service
from moves import HOUR, POLICY


class Counting(Desk):
    """Whatever staff do at the desk, and at its end both sources are read."""

    reached: ClassVar[set[str]]

    def teardown(self) -> None:
        """Before it is all forgotten, both sources are read."""
        from_tables, from_log = kpi.read(self.conn), kpi.replay(self.conn)
        assert from_log == from_tables
        everything, now = kpi.Wanted(by=kpi.BY), self.now + 30 * DAY
        assert kpi.report(from_log, POLICY, now, everything) == kpi.report(from_tables, POLICY, now, everything)
        self.reached.update(each.status for each in from_tables.collections)
        super().teardown()


def test_any_order_of_steps_gives_the_same_figures_from_both_sources(furnished: Register) -> None:  # noqa: F811 - the fixture
    Counting.register, Counting.reached = furnished, set()
    run_state_machine_as_test(
        Counting,
        settings=settings(
            max_examples=20, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
    assert {"requested", "collected", "decontaminated", "available", "cancelled"} <= Counting.reached, "each was tried"


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
    told = {(each.asset_id, each.rule, each.loan_ref, each.raised_at) for each in found.flags}
    assert told == {("B", "idle", "L-B", NOW), ("C", "never_used", "L-C", NOW)}


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
        conn.execute(sa.delete(audit).where(audit.c.what.startswith("flag.raise")))
        flag_id = conn.scalar(sa.select(flag.c.flag_id)) or 0
        life.move(conn, flag_id, life.Status.CONTACTED, NOW, "amy", None, policy=service.policy)
    with service.register.read() as conn:
        assert kpi.replay(conn).flags == []
