"""Loans and fittings, and the row that rules look at."""

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from kitback.register import Register, loans
from kitback.register.loans import IllegalMove
from kitback.register.tables import asset, audit, judgement, use_day

pytestmark = pytest.mark.both_engines

T = 1_750_000_000
DAY = 86_400


@pytest.fixture
def stocked(register: Register) -> Register:
    with register.write() as conn:
        loans.add_place(conn, "home", None, "loan_address", "Home", T)
        loans.add_place(conn, "bedroom", "home", "zone", "Bedroom", T)
        loans.add_asset(conn, "BED-1", "bed", "Bed", T)
        loans.add_asset(conn, "HST-1", "hoist", "Hoist", T)
        loans.enrol_tag(conn, "a0b1c2d3e4f5", b"s" * 32, T)
    return register


def lend(conn: sa.Connection, ref: str = "LN-1", at: int = T) -> None:
    loans.lend(conn, ref, "BED-1", "home_first", "home", "home", at, at + 42 * DAY)


def row(conn: sa.Connection) -> sa.Row[tuple[object, ...]]:
    return conn.execute(sa.select(judgement).where(judgement.c.asset_id == "BED-1")).one()


def test_a_loan_begins_and_ends(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        on_loan = row(conn)
        state = conn.scalar(sa.select(asset.c.state).where(asset.c.asset_id == "BED-1"))
        loans.return_loan(conn, "LN-1", T + DAY)
        back = row(conn)
    assert (on_loan.loan_ref, on_loan.pathway, on_loan.loan_place, on_loan.due_s) == (
        "LN-1",
        "home_first",
        "home",
        T + 42 * DAY,
    )
    assert state == "on_loan"
    assert back.loan_ref is None
    assert back.due_s is None


def test_a_new_loan_sees_only_its_own_use(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        days = [T // DAY, T // DAY + 5]
        conn.execute(
            sa.insert(use_day),
            [
                {"asset_id": "BED-1", "day": day, "in_use": 1, "events": 1, "seen": 1, "used_at": day * DAY + 99}
                for day in days
            ],
        )
        loans.return_loan(conn, "LN-1", T + DAY)
        lend(conn, "LN-2", T + 2 * DAY)
        assert row(conn).used_at == days[1] * DAY + 99
        loans.return_loan(conn, "LN-2", T + 9 * DAY)
        lend(conn, "LN-3", T + 10 * DAY)
        assert row(conn).used_at is None


def test_a_new_loan_does_not_begin_with_the_last_ones_alarm(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        conn.execute(sa.update(judgement).values(unpowered_from=T + DAY))
        loans.return_loan(conn, "LN-1", T + 2 * DAY)
        lend(conn, "LN-2", T + 30 * DAY)
        assert row(conn).unpowered_from is None


def test_another_tag_begins_unheard_and_with_power(stocked: Register) -> None:
    with stocked.write() as conn:
        loans.fit_tag(conn, "a0b1c2d3e4f5", "BED-1", T)
        conn.execute(sa.update(judgement), {"heard_at": T + 5, "unpowered_from": T + 5})
        loans.unfit_tag(conn, "a0b1c2d3e4f5", T + 10)
        after = row(conn)
        assert (after.tag_id, after.heard_at, after.unpowered_from) == (None, None, None)
        loans.fit_tag(conn, "a0b1c2d3e4f5", "HST-1", T + 10)


Move = Callable[[sa.Connection], None]


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda c: loans.add_asset(c, "BED-1", "bed", "Bed", T), "in the register already"),
        (lambda c: loans.add_asset(c, "X", "boat", "Boat", T), "give one of bed, hoist, mattress"),
        (lambda c: loans.add_asset(c, "A\nB", "bed", "Bed", T), "no asset id"),
        (lambda c: loans.add_asset(c, "A\\", "bed", "Bed", T), "no asset id"),
        (lambda c: loans.add_place(c, "x", "nowhere", "zone", "X", T), "there is no place nowhere"),
        (lambda c: loans.add_anchor(c, "00", "nowhere", T), "there is no place nowhere"),
        (lambda c: loans.enrol_tag(c, "a0b1c2d3e4f5", b"s" * 32, T), "in the register already"),
        (lambda c: loans.enrol_tag(c, "A0:B1", b"s" * 32, T), "lower-case hexadecimal"),
        (lambda c: loans.enrol_tag(c, "a0b1c2d3e4f6", b"short", T), "at least 16"),
        (lambda c: loans.fit_tag(c, "0000000000", "BED-1", T), "there is no tag"),
        (lambda c: loans.fit_tag(c, "a0b1c2d3e4f5", "NONE", T), "there is no asset"),
        (lambda c: loans.fit_tag(c, "a0b1c2d3e4f5", "HST-1", T + 9), "take that tag off first"),
        (lambda c: loans.unfit_tag(c, "0000000000", T), "fitted to no asset"),
        (lambda c: lend(c, "LN-2"), "return that loan first"),
        (lambda c: lend(c, "LN-1"), "in the register already"),
        (lambda c: loans.lend(c, "L", "HST-1", "x", "boat", "home", T, None), "setting"),
        (lambda c: loans.lend(c, "L", "HST-1", "x", "home", "home", T, T), "before it begins"),
        (lambda c: loans.lend(c, "L", "HST-1", "x", "home", "bedroom", T, None), "lend to the place it is part of"),
        (lambda c: loans.return_loan(c, "NONE", T), "there is no loan"),
        (lambda c: loans.return_loan(c, "LN-1", T - 1), "cannot end"),
    ],
)
def test_an_illegal_move_is_refused_with_a_remedy_and_changes_nothing(
    stocked: Register, move: Move, words: str
) -> None:
    with stocked.write() as conn:
        loans.fit_tag(conn, "a0b1c2d3e4f5", "BED-1", T)
        lend(conn)
        steps = conn.execute(sa.select(audit)).all()
        with pytest.raises(IllegalMove, match=words):
            move(conn)
        assert conn.execute(sa.select(audit)).all() == steps


def test_every_step_is_in_the_audit_log(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        entry = conn.execute(sa.select(audit).order_by(audit.c.audit_id.desc())).first()
        secrets = conn.scalars(sa.select(audit.c.after)).all()
    assert entry
    assert (entry.at_us, entry.who, entry.what) == (T * 1_000_000, "system", "loan.start LN-1")
    assert json.loads(entry.after)["asset_id"] == "BED-1"
    assert not any("ssss" in each for each in secrets)
