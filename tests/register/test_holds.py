"""Holding a loan, and releasing it."""

import pytest
import sqlalchemy as sa

from kitback.register import IllegalMove, Register, holds, loans
from kitback.register.tables import audit, hold
from moves import DAY, POLICY, Move, T, deliver, held, judged, lend, noted, prescribe

pytestmark = pytest.mark.both_engines


def test_a_hospital_admission_holds_a_loan_for_fourteen_days(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T + DAY)
        assert (held(conn).reason, held(conn).from_s, held(conn).until_s) == ("hospital", T + DAY, T + 15 * DAY)
        assert judged(conn).held_until == T + 15 * DAY


def test_a_hold_can_be_released_before_its_time(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T + DAY)
        assert judged(conn).home_from is None
        holds.end(conn, "LN-1", T + 3 * DAY)
        assert (held(conn).ended_s, judged(conn).held_until) == (T + 3 * DAY, None)
        assert judged(conn).home_from == T + 3 * DAY


def test_staff_may_hold_a_loan_for_another_reason_for_longer(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T, reason="with family over the summer", until=T + 40 * DAY)
        assert judged(conn).held_until == T + 40 * DAY


def test_a_hold_that_ended_by_itself_may_be_followed_by_another(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T)
        holds.begin(conn, POLICY, "LN-1", T + 14 * DAY)
        assert judged(conn).home_from is None
        assert judged(conn).held_until == T + 28 * DAY


def test_a_hold_and_its_release_are_noted(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T, who="ann", why="ward 4 rang")
        who, what, why, before, after = noted(conn)
        assert (who, what, why, before) == ("ann", "hold.begin LN-1", "ward 4 rang", None)
        assert after == {"loan_ref": "LN-1", "reason": "hospital", "from_s": T, "until_s": T + 14 * DAY}
        holds.end(conn, "LN-1", T + DAY, who="bob")
        assert noted(conn) == ("bob", "hold.end LN-1", None, {"ended_s": None}, {"ended_s": T + DAY})


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda c: holds.begin(c, POLICY, "LN-1", T + 2 * DAY), "is held from .* release it first"),
        (lambda c: holds.begin(c, POLICY, "LN-1", T), "is held from .* release it first"),
        (lambda c: holds.begin(c, POLICY, "LN-1", T - 1), "began at .* check the date"),
        (lambda c: holds.begin(c, POLICY, "NONE", T), "there is no loan"),
        (lambda c: holds.begin(c, POLICY, "LN-1", T + 20 * DAY, until=T + 20 * DAY), "check the dates"),
        (lambda c: holds.begin(c, POLICY, "LN-1", T + 20 * DAY, until=T + 35 * DAY), "for 2 weeks.*another reason"),
        (lambda c: holds.end(c, "LN-1", T), "nothing to release"),
        (lambda c: holds.end(c, "NONE", T), "there is no loan"),
    ],
)
def test_what_cannot_be_held_or_released_is_refused_and_changes_nothing(
    stocked: Register, move: Move, words: str
) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T + DAY)
        before = conn.execute(sa.select(hold)).all(), conn.execute(sa.select(audit)).all()
        with pytest.raises(IllegalMove, match=words):
            move(conn)
        assert (conn.execute(sa.select(hold)).all(), conn.execute(sa.select(audit)).all()) == before


def test_what_is_said_of_a_hold_that_ran_out_by_itself_is_noted_and_changes_nothing(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T + DAY)
        before = held(conn), judged(conn)
        holds.end(conn, "LN-1", T + 15 * DAY, who="bob", why="home since Sunday")
        assert (held(conn), judged(conn)) == before
        assert noted(conn) == ("bob", "hold.end LN-1", "home since Sunday", {}, {})


def test_only_what_is_there_can_be_held(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        with pytest.raises(IllegalMove, match="not delivered yet"):
            holds.begin(conn, POLICY, "LN-1", T + DAY)
        deliver(conn, T)
        loans.return_loan(conn, "LN-1", T + DAY)
        with pytest.raises(IllegalMove, match=r"ended at .* already"):
            holds.begin(conn, POLICY, "LN-1", T)


def test_a_hold_that_is_over_needs_no_release_but_another_date(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T + DAY)
        holds.end(conn, "LN-1", T + 3 * DAY)
        with pytest.raises(IllegalMove, match=r"was held from .* check the date"):
            holds.begin(conn, POLICY, "LN-1", T + 2 * DAY)
