"""A run: everything that tags noted arrives, once, at its right time, whatever fails on the way."""

import msgspec
import pytest
import sqlalchemy as sa

from kitback.policy import load
from kitback.register import Register, counters
from kitback.register.tables import audit, judgement, loan, tag_now, use_day
from kitback.register.tag_states import accounts
from kitback.simulate.population import draw
from kitback.simulate.run import REGISTER, run
from kitback.simulate.truth import PAUSE_S, RECORD_S, SENSED_S, TICK_S, Away, World, common, joined, without
from laws import assert_conserved
from simulate_parts import DAY, HOUR, small


def test_what_was_run_is_in_the_books(seen):
    with seen.register.read() as conn:
        assert_conserved(conn)
        assert counters.everything(conn)["received"] == seen.ran.reports


def test_nothing_is_lost_and_nothing_is_set_aside(seen):
    with seen.register.read() as conn:
        rows = conn.execute(
            sa.select(accounts.c.applied, accounts.c.lost, accounts.c.quarantined, accounts.c.base)
        ).all()
    assert sum(row.applied for row in rows) > 1000
    assert all((row.lost, row.quarantined, row.base) == (0, 0, 0) for row in rows)


def test_some_reports_got_lost_or_came_twice(seen):
    with seen.register.read() as conn:
        assert conn.scalar(sa.select(sa.func.sum(accounts.c.duplicate)))


def test_every_tag_that_could_talk_was_heard_lately(seen):
    world = seen.ran.world
    with seen.register.read() as conn:
        heard_at = {row.tag_id: row.heard_at for row in conn.execute(sa.select(tag_now.c.tag_id, tag_now.c.heard_at))}
    for truth in world.loans:
        able = world.heard(truth)
        if able and able[-1].to_s - able[-1].from_s > 2 * DAY:
            assert able[-1].to_s - heard_at[truth.tag.tag_id] <= 2 * DAY + TICK_S


def test_use_is_known_to_the_last_second_that_was_told(seen):
    world = seen.ran.world
    with seen.register.read() as conn:
        told = {row.asset_id: row for row in conn.execute(sa.select(judgement))}
    checked = 0
    for truth in world.loans:
        row = told[truth.asset_id]
        if row.loan_from is None or not row.whole or row.used_at is None:
            continue
        known = common(joined((*truth.use, *truth.stray)), truth.tag.awake)
        last = max(min(each.to_s, row.complete_to) for each in known if each.from_s < row.complete_to)
        assert last - 3 * SENSED_S <= row.used_at <= last + PAUSE_S + SENSED_S + RECORD_S, truth.asset_id
        checked += 1
    assert checked > 10


def test_days_of_use_add_up_to_the_truth(seen):
    with seen.register.read() as conn:
        sums = dict(
            conn.execute(
                sa.select(use_day.c.asset_id, sa.func.sum(use_day.c.in_use)).group_by(use_day.c.asset_id)
            ).all()
        )
        whole = set(conn.scalars(sa.select(judgement.c.asset_id).where(judgement.c.whole.is_(True))))
    checked = 0
    for truth in seen.ran.world.loans:
        true = common(joined((*truth.use, *truth.stray)), truth.tag.awake)
        seconds = sum(each.to_s - each.from_s for each in true)
        if truth.kind == "bed" and truth.asset_id in whole and seconds > 2 * DAY and not truth.tag.blind:
            # Each start costs the tag what it had not noted yet; the end of the world as well.
            lost = (len(truth.tag.awake) + 7) * HOUR
            assert seconds - lost <= sums[truth.asset_id] <= seconds * 1.02
            checked += 1
    assert checked > 3


def test_an_asset_is_believed_where_it_is_when_somebody_noted_the_radios(seen):
    world = seen.ran.world
    with seen.register.read() as conn:
        at = dict(conn.execute(sa.select(judgement.c.asset_id, judgement.c.place_id)).all())
    checked = 0
    for truth in world.loans:
        place_id, since, _ = truth.stays[-1]
        told = without(world.heard(truth), ())
        if (
            place_id
            and world.places[place_id].surveyed
            and told
            and told[-1].to_s - max(since, told[-1].from_s) > 3 * DAY
        ):
            assert at[truth.asset_id] == place_id
            checked += 1
    assert checked > 5


def test_the_register_was_told_what_staff_told_it_and_when(seen):
    world = seen.ran.world
    with seen.register.read() as conn:
        begun = dict(conn.execute(sa.select(loan.c.loan_ref, loan.c.prescribed_s)).all())
        steps = conn.scalar(sa.select(sa.func.count()).select_from(audit).where(audit.c.what.like("loan.%")))
    assert begun == {truth.loan_ref: truth.prescribed_s for truth in world.loans}
    told = [
        each
        for truth in world.loans
        for each in truth.told
        if each.step in ("prescribed", "delivered", "returned", "reviewed", "due_agreed")
    ]
    refused = [each for each in seen.ran.refused if each.step not in ("held", "hold_ended")]
    assert steps >= len(told) - len(refused)


def test_the_same_seed_raises_the_same_flags(tmp_path):
    one, other = small(tmp_path / "one", loans=12, days=4), small(tmp_path / "other", loans=12, days=4)
    assert one.flags == other.flags
    assert one.reports == other.reports


@pytest.fixture
def outage() -> World:
    """A service that is there but for the third day."""
    world = draw(15, 5, seed=8)
    return msgspec.structs.replace(world, away=(Away("gateway", world.from_s + 2 * DAY, world.from_s + 3 * DAY),))


def test_what_waited_at_the_broker_comes_when_the_gateway_is_back_and_counts_once(outage, tmp_path):
    ran = run(outage, load(), tmp_path, judged_every_s=12 * HOUR)
    register = Register.open(str(tmp_path / REGISTER))
    with register.read() as conn:
        assert_conserved(conn)
        assert counters.everything(conn)["received"] == ran.reports
        rows = conn.execute(sa.select(accounts.c.newest, accounts.c.high, accounts.c.applied, accounts.c.lost)).all()
    register.close()
    assert all(row.applied == row.high and row.lost == 0 for row in rows)


def test_a_gateway_that_does_not_run_judges_nothing(outage, tmp_path):
    ran = run(outage, load(), tmp_path, judged_every_s=HOUR)
    away = outage.away[0]
    assert not [each for each in ran.flags if away.from_s <= each.raised_at < away.to_s]
