"""The life of a loan: what each step sets, and what refuses it."""

import pytest
import sqlalchemy as sa

from kitback.register import IllegalMove, Register, holds, loans, recalls
from kitback.register.tables import audit, judgement, loan, use_day
from moves import DAY, HOUR, POLICY, Move, T, deliver, held, judged, lend, lent, noted, owned, prescribe, return_ready

pytestmark = pytest.mark.both_engines


def test_what_is_prescribed_is_reserved_and_its_delivery_is_due(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn, speed="1", commissioner="City", used_by_paid_carers=True)
        row, on, state = lent(conn), judged(conn), owned(conn).state
    assert (row.prescribed_s, row.from_s, row.delivered_by, row.due_s, row.review_s) == (T, None, None, None, None)
    assert (row.speed, row.commissioner, row.used_by_paid_carers) == ("1", "City", True)
    assert row.deliver_by_s == T + 4 * HOUR
    assert T < row.deliver_risk_s < row.deliver_by_s
    assert (on.loan_ref, on.loan_from, on.prescribed_s) == ("LN-1", None, T)
    assert (on.deliver_by_s, on.deliver_risk_s, on.due_s) == (row.deliver_by_s, row.deliver_risk_s, None)
    assert state == "prescribed"


def test_without_a_delivery_speed_of_its_own_a_loan_has_its_pathways(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        assert lent(conn).speed is None
        assert lent(conn).deliver_by_s == T + 24 * HOUR


def test_a_delivery_starts_the_loans_own_clocks(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        by = lent(conn).deliver_by_s
        deliver(conn, T + HOUR)
        row, on, state = lent(conn), judged(conn), owned(conn).state
    assert (row.from_s, row.delivered_by, row.deliver_by_s) == (T + HOUR, "staff", by)
    assert (row.due_s, row.due_soon_s, row.review_s) == tuple(T + HOUR + days * DAY for days in (42, 35, 35))
    assert (on.loan_from, on.due_s, on.due_soon_s, on.review_s) == (row.from_s, row.due_s, row.due_soon_s, row.review_s)
    assert state == "on_loan"


def test_a_delivery_may_be_the_tags_word_and_staff_put_it_right(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        deliver(conn, T + 9 * HOUR, by="tag")
        assert (lent(conn).from_s, lent(conn).delivered_by) == (T + 9 * HOUR, "tag")
        with pytest.raises(IllegalMove, match=r"delivered at .* already"):
            deliver(conn, T + HOUR, by="tag")
        deliver(conn, T + HOUR)
        assert (lent(conn).from_s, lent(conn).delivered_by) == (T + HOUR, "staff")
        assert lent(conn).due_s == T + HOUR + 42 * DAY


@pytest.mark.parametrize("known", ["held", "reviewed", "due"])
def test_staff_cannot_put_a_delivery_after_what_is_known_of_the_loan(stocked: Register, known: str) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        deliver(conn, T, by="tag")
        if known == "held":
            holds.begin(conn, POLICY, "LN-1", T + DAY)
        elif known == "reviewed":
            loans.note_review(conn, POLICY, "LN-1", T + DAY)
        else:
            loans.agree_due(conn, POLICY, "LN-1", T + DAY, T)
        with pytest.raises(IllegalMove, match="cannot have been delivered then"):
            deliver(conn, T + DAY)
        deliver(conn, T + DAY - 1)


def test_lending_is_prescribing_and_delivering_at_once_without_a_clock_of_delivery(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        row, on = lent(conn), judged(conn)
        assert owned(conn).state == "on_loan"
    assert (row.from_s, row.delivered_by, row.prescribed_s, row.deliver_by_s) == (T, "staff", None, None)
    assert (on.loan_ref, on.pathway, on.loan_place, on.due_s) == ("LN-1", "home_first", "home", T + 42 * DAY)


def test_a_loan_that_is_back_leaves_the_asset_free_since_then(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        assert judged(conn).free_from is None
        loans.return_loan(conn, "LN-1", T + DAY)
        back = judged(conn)
        assert owned(conn).state == "returned"
    assert (back.loan_ref, back.loan_from, back.due_s, back.review_s, back.free_from) == (
        None,
        None,
        None,
        None,
        T + DAY,
    )


def test_a_cancelled_prescription_leaves_the_asset_as_if_it_had_never_been(stocked: Register) -> None:
    with stocked.write() as conn:
        before = judged(conn)
        prescribe(conn, at=T + DAY)
        loans.cancel(conn, "LN-1", T + 2 * DAY)
        assert judged(conn) == before
        assert owned(conn).state == "available"
        lend(conn, "LN-2", T)  # known later than it happened: nothing was out in between


def test_a_new_loan_sees_only_its_own_use(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        days = _use(conn, 0, 5)
        return_ready(conn, "LN-1", T + DAY)
        lend(conn, "LN-2", T + 2 * DAY)
        assert judged(conn).used_at == days[1]
        return_ready(conn, "LN-2", T + 9 * DAY)
        lend(conn, "LN-3", T + 10 * DAY)
        assert judged(conn).used_at is None


def test_use_that_was_noted_before_staff_told_of_the_delivery_counts(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        _, used_at = _use(conn, 1, 3)
        deliver(conn, T + 2 * DAY)
        assert judged(conn).used_at == used_at


def test_use_from_before_the_delivery_does_not_count(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        _use(conn, 1)
        deliver(conn, T + 4 * DAY)
        assert judged(conn).used_at is None


def _use(conn: sa.Connection, *days: int) -> list[int]:
    """Note use on days after T; returns the end of each."""
    ends = [T + day * DAY + 99 for day in days]
    conn.execute(
        sa.insert(use_day),
        [{"asset_id": "BED-1", "day": end // DAY, "in_use": 1, "events": 1, "seen": 1, "used_at": end} for end in ends],
    )
    return ends


def test_a_new_loan_does_not_begin_with_the_last_ones_alarm(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        conn.execute(sa.update(judgement).values(unpowered_from=T + DAY))
        return_ready(conn, "LN-1", T + 2 * DAY)
        lend(conn, "LN-2", T + 30 * DAY)
        assert judged(conn).unpowered_from is None


def test_another_pathway_brings_its_own_clocks_from_the_delivery_on(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn, pathway="crisis_response")
        deliver(conn, T)
        by = lent(conn).deliver_by_s
        loans.change_pathway(conn, POLICY, "LN-1", "long_term", T + 3 * DAY)
        row, on = lent(conn), judged(conn)
    assert (row.pathway, row.due_s, row.due_soon_s, row.review_s) == ("long_term", None, None, T + 91 * DAY)
    assert (on.pathway, on.due_s, on.review_s) == ("long_term", None, T + 91 * DAY)
    assert row.deliver_by_s == by  # what was promised of its delivery stays promised


def test_another_pathway_before_the_delivery_is_another_clock_of_delivery(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn, pathway="crisis_response")
        loans.change_pathway(conn, POLICY, "LN-1", "home_first", T + HOUR)
        assert (lent(conn).deliver_by_s, lent(conn).due_s) == (T + 24 * HOUR, None)


def test_an_agreed_day_stays_until_the_pathway_changes(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        loans.agree_due(conn, POLICY, "LN-1", T + 60 * DAY, T + DAY)
        row = lent(conn)
        assert (row.due_s, row.due_own, row.due_soon_s) == (T + 60 * DAY, True, T + 53 * DAY)
        loans.move(conn, POLICY, "LN-1", "home", "new-home", T + 2 * DAY)
        assert judged(conn).due_s == T + 60 * DAY
        loans.change_pathway(conn, POLICY, "LN-1", "home_first", T + 3 * DAY)
        assert (lent(conn).due_s, lent(conn).due_own) == (T + 42 * DAY, False)


def test_a_review_brings_the_next_one(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn, pathway="long_term")
        loans.note_review(conn, POLICY, "LN-1", T + 91 * DAY)
        row = lent(conn)
        assert row.reviewed_s == T + 91 * DAY
        assert row.review_s == POLICY.next_review("long_term", T, T + 91 * DAY)
        assert row.review_s is not None
        assert judged(conn).review_s == row.review_s


def test_who_has_moved_house_is_looked_for_at_the_new_place(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        loans.move(conn, POLICY, "LN-1", "care_home", "new-home", T + DAY)
        assert (judged(conn).setting, judged(conn).loan_place) == ("care_home", "new-home")


def test_paid_carers_are_noted(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        loans.note_carers(conn, "LN-1", True, T + DAY)
        assert lent(conn).used_by_paid_carers is True


def test_a_returned_loan_is_held_no_longer(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        holds.begin(conn, POLICY, "LN-1", T + DAY)
        loans.return_loan(conn, "LN-1", T + 2 * DAY)
        assert held(conn).ended_s == T + 2 * DAY


def test_what_a_safety_notice_calls_back_is_lent_to_nobody(stocked: Register) -> None:
    with stocked.write() as conn:
        recalls.recall_asset(conn, "NatPSA/1", "BED-1", "Rails", T)
        for move in (lend, prescribe):
            with pytest.raises(IllegalMove, match=r"NatPSA/1 .*make it safe first"):
                move(conn)
        recalls.make_safe(conn, "NatPSA/1", "BED-1", T + DAY)
        lend(conn, at=T + DAY)


def _hospital(conn: sa.Connection) -> None:
    holds.begin(conn, POLICY, "LN-1", T + 5 * DAY)


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda c: lend(c, "LN-2"), "out as LN-1 since .* return that loan first"),
        (lambda c: prescribe(c, "LN-2", T + DAY), "out as LN-1 since .* return that loan first"),
        (lambda c: lend(c, "LN-1"), "in the register already"),
        (lambda c: loans.lend(c, POLICY, "L", "HST-1", "x", "home", "home", T), "pathway 'x'.*home_first"),
        (lambda c: loans.lend(c, POLICY, "L", "HST-1", "long_term", "boat", "home", T), "setting 'boat'.*care_home"),
        (lambda c: loans.lend(c, POLICY, "L", "HST-1", "long_term", "home", "bedroom", T), "place it is part of"),
        (lambda c: loans.lend(c, POLICY, "L", "HST-1", "long_term", "home", "no", T), "there is no place no"),
        (lambda c: loans.lend(c, POLICY, "L", "HST-9", "long_term", "home", "home", T), "there is no asset HST-9"),
        (lambda c: prescribe(c, "L", T, speed="9"), "delivery speed '9' .* give one of 1, 2, 3"),
        (lambda c: deliver(c, T), "delivered at .* already"),
        (lambda c: loans.cancel(c, "LN-1", T + DAY), "return it instead"),
        (lambda c: loans.return_loan(c, "NONE", T), "there is no loan"),
        (lambda c: loans.return_loan(c, "LN-1", T - 1), "cannot end"),
        (lambda c: loans.change_pathway(c, POLICY, "LN-1", "home_first", T), "on the pathway home_first already"),
        (lambda c: loans.change_pathway(c, POLICY, "LN-1", "x", T), "pathway 'x'"),
        (lambda c: loans.agree_due(c, POLICY, "LN-1", T + DAY, T + DAY), "no time to come"),
        (lambda c: loans.agree_due(c, POLICY, "LN-1", T, T), "no time to come"),
        (lambda c: loans.note_review(c, POLICY, "LN-1", T - 1), "check the date"),
        (lambda c: loans.move(c, POLICY, "LN-1", "home", "home", T), "is at home .* already"),
        (lambda c: loans.move(c, POLICY, "LN-1", "home", "bedroom", T), "place it is part of"),
        (lambda c: loans.move(c, POLICY, "LN-1", "boat", "home", T), "setting 'boat'"),
        (lambda c: loans.note_carers(c, "LN-1", False, T), "not used by paid carers already"),
    ],
)
def test_an_illegal_move_is_refused_with_a_remedy_and_changes_nothing(
    stocked: Register, move: Move, words: str
) -> None:
    with stocked.write() as conn:
        lend(conn)
        before = _everything(conn)
        with pytest.raises(IllegalMove, match=words):
            move(conn)
        assert _everything(conn) == before


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda c: lend(c, "LN-2"), "reserved for LN-1 since .* cancel that loan first"),
        (lambda c: deliver(c, T - 1), "check the date"),
        (lambda c: loans.cancel(c, "LN-1", T - 1), "check the date"),
        (lambda c: loans.return_loan(c, "LN-1", T + 1), "not delivered yet: note its delivery first, or cancel it"),
        (lambda c: loans.note_review(c, POLICY, "LN-1", T + 1), "not delivered yet"),
        (lambda c: loans.agree_due(c, POLICY, "LN-1", T + DAY, T + 1), "not delivered yet"),
    ],
)
def test_what_is_only_prescribed_cannot_be_treated_as_if_it_were_there(
    stocked: Register, move: Move, words: str
) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        before = _everything(conn)
        with pytest.raises(IllegalMove, match=words):
            move(conn)
        assert _everything(conn) == before


@pytest.mark.parametrize(
    "move",
    [
        lambda c: deliver(c, T + 9 * DAY),
        lambda c: loans.cancel(c, "LN-1", T + 9 * DAY),
        lambda c: loans.return_loan(c, "LN-1", T + 9 * DAY),
        lambda c: loans.change_pathway(c, POLICY, "LN-1", "long_term", T + 9 * DAY),
        lambda c: loans.agree_due(c, POLICY, "LN-1", T + 20 * DAY, T + 9 * DAY),
        lambda c: loans.note_review(c, POLICY, "LN-1", T + 9 * DAY),
        lambda c: loans.move(c, POLICY, "LN-1", "home", "new-home", T + 9 * DAY),
        lambda c: loans.note_carers(c, "LN-1", True, T + 9 * DAY),
    ],
)
def test_what_is_over_changes_no_more(stocked: Register, move: Move) -> None:
    with stocked.write() as conn:
        lend(conn)
        loans.return_loan(conn, "LN-1", T + 8 * DAY)
        with pytest.raises(IllegalMove, match=r"LN-1 ended at .* already"):
            move(conn)


def test_a_loan_cannot_begin_before_the_last_one_is_back(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        return_ready(conn, "LN-1", T + 8 * DAY)
        for move in (lend, prescribe):
            with pytest.raises(IllegalMove, match=r"was out as LN-1 until .* check the date"):
                move(conn, "LN-2", T + 8 * DAY - 1)
        lend(conn, "LN-2", T + 8 * DAY)


def _home_again(conn: sa.Connection) -> None:
    holds.begin(conn, POLICY, "LN-1", T + DAY)
    holds.end(conn, "LN-1", T + 5 * DAY)


@pytest.mark.parametrize("later", [_hospital, _home_again, lambda c: loans.note_review(c, POLICY, "LN-1", T + 5 * DAY)])
def test_a_loan_cannot_come_back_before_what_is_known_of_it(stocked: Register, later: Move) -> None:
    with stocked.write() as conn:
        lend(conn)
        later(conn)
        with pytest.raises(IllegalMove, match=r"cannot end at .* check the date"):
            loans.return_loan(conn, "LN-1", T + 5 * DAY - 1)
        loans.return_loan(conn, "LN-1", T + 5 * DAY)


def test_a_review_cannot_be_followed_by_an_earlier_one(stocked: Register) -> None:
    with stocked.write() as conn:
        lend(conn)
        loans.note_review(conn, POLICY, "LN-1", T + 5 * DAY)
        with pytest.raises(IllegalMove, match="no later: check the date"):
            loans.note_review(conn, POLICY, "LN-1", T + 5 * DAY)


def test_a_loan_on_a_pathway_that_the_policy_lost_can_be_put_on_another_and_come_back(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn)
        conn.execute(sa.update(loan), {"pathway": "winter_scheme"})
        with pytest.raises(IllegalMove, match=r"winter_scheme.*change its pathway first"):
            deliver(conn, T)
        loans.change_pathway(conn, POLICY, "LN-1", "home_first", T)
        deliver(conn, T)
        conn.execute(sa.update(loan), {"pathway": "winter_scheme"})
        loans.return_loan(conn, "LN-1", T)


def test_every_step_is_noted_with_who_why_and_what_it_changed(stocked: Register) -> None:
    with stocked.write() as conn:
        prescribe(conn, who="ann", why="on the ward round")
        who, what, why, before, after = noted(conn)
        assert (who, what, why, before) == ("ann", "loan.prescribe LN-1", "on the ward round", None)
        assert (after["asset_id"], after["prescribed_s"], after["deliver_by_s"]) == ("BED-1", T, T + 24 * HOUR)
        deliver(conn, T + HOUR, who="bob", why="driver's sheet")
        assert noted(conn)[:3] == ("bob", "loan.deliver LN-1", "driver's sheet")
        assert noted(conn)[3]["from_s"] is None
        assert noted(conn)[4]["from_s"] == T + HOUR
        loans.return_loan(conn, "LN-1", T + DAY, who="cy")
        assert noted(conn) == ("cy", "loan.end LN-1", None, {"to_s": None}, {"to_s": T + DAY})


def _everything(conn: sa.Connection) -> list[object]:
    return [conn.execute(sa.select(table)).all() for table in (audit, loan, judgement)]
