"""Clocks are set anew on PostgreSQL while reports are taken in: neither overwrites the other or waits in a ring."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from brokers import until
from kitback.policy import load
from kitback.register import Register, loans
from kitback.register.clocks import reclock
from kitback.register.tables import judgement
from moves import DAY, POLICY, T, judged, lend


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def at_once() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def test_clocks_are_set_anew_beside_a_report_and_in_the_reports_order(
    stocked: Register, at_once: ThreadPoolExecutor, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[pathway.home_first]\nloan_period = "56 d"\n')
    with stocked.write() as conn:
        loans.lend(conn, POLICY, "LN-0", "HST-1", "home_first", "home", "home", T)
        lend(conn)

    def waits() -> bool:
        blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        with stocked.read() as conn:
            return conn.scalar(sa.text(blocked)) is not None

    hold = sa.select(judgement).order_by(judgement.c.asset_id).with_for_update(key_share=True)
    with stocked.write(beside=True) as conn:
        conn.execute(hold.where(judgement.c.asset_id == "BED-1"))
        anew = at_once.submit(reclock, stocked, load(file), T, "watch")
        until(waits)
        conn.execute(hold)  # the hoist's as well
        conn.execute(sa.update(judgement), {"used_at": T + DAY})
    assert anew.result().loans == 2
    with stocked.read() as conn:
        for asset_id in ("BED-1", "HST-1"):
            assert (judged(conn, asset_id).due_s, judged(conn, asset_id).used_at) == (T + 56 * DAY, T + DAY)
