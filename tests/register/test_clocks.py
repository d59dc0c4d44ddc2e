"""The clocks of all loans and assets anew, when the policy has changed."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from kitback.policy import Policy, load
from kitback.register import Register, assets, clocks, judgements, loans
from kitback.register.clocks import Reclocked, reclock
from kitback.register.tables import judgement, loan
from moves import DAY, HOUR, POLICY, T, deliver, judged, lend, lent, owned, prescribe

pytestmark = pytest.mark.both_engines


@pytest.fixture
def longer(tmp_path: Path) -> Policy:
    """Home First has eight weeks, its equipment is there within three days, and beds are serviced twice a year."""
    file = tmp_path / "policy.toml"
    file.write_text(
        '[pathway.home_first]\nloan_period = "56 d"\ndelivery_speed = "3"\n[kind.bed]\nservice_every = "6 months"\n'
    )
    return load(file)


def test_open_loans_and_assets_get_the_new_policys_clocks(stocked: Register, longer: Policy) -> None:
    with stocked.write() as conn:
        lend(conn)
        assets.note_service(conn, POLICY, "BED-1", T)
    assert reclock(stocked, longer, T, "watch") == Reclocked(loans=1, assets=1)
    with stocked.read() as conn:
        row, on = lent(conn), judged(conn)
        assert (row.due_s, row.due_soon_s, row.review_s) == (T + 56 * DAY, T + 49 * DAY, T + 35 * DAY)
        assert (on.due_s, on.due_soon_s, on.review_s) == (row.due_s, row.due_soon_s, row.review_s)
        assert owned(conn).service_due_s == longer.serviced("bed", T) == on.service_due_s
        assert owned(conn).service_due_s != POLICY.serviced("bed", T)


def test_the_clock_of_a_delivery_changes_while_it_is_out_and_no_more_afterwards(
    stocked: Register, longer: Policy
) -> None:
    with stocked.write() as conn:
        prescribe(conn)
    reclock(stocked, longer, T, "watch")
    with stocked.write() as conn:
        assert lent(conn).deliver_by_s == judged(conn).deliver_by_s == longer.deliver_by("home_first", None, T)
        assert lent(conn).deliver_by_s > T + 24 * HOUR
        deliver(conn, T + HOUR)
        kept = longer.deliver_by("home_first", None, T)
        assert lent(conn).deliver_by_s == kept
    reclock(stocked, POLICY, T, "watch")
    with stocked.read() as conn:
        assert (lent(conn).deliver_by_s, judged(conn).deliver_by_s) == (kept, kept)


def test_a_day_that_staff_agreed_stays(stocked: Register, longer: Policy) -> None:
    with stocked.write() as conn:
        lend(conn)
        loans.agree_due(conn, POLICY, "LN-1", T + 60 * DAY, T)
    assert reclock(stocked, longer, T, "watch").loans == 0
    with stocked.read() as conn:
        assert lent(conn).due_s == T + 60 * DAY


def test_a_loan_that_is_over_keeps_the_clocks_it_had(stocked: Register, longer: Policy) -> None:
    with stocked.write() as conn:
        lend(conn)
        loans.return_loan(conn, "LN-1", T + DAY)
    assert reclock(stocked, longer, T, "watch").loans == 0
    with stocked.read() as conn:
        assert lent(conn).due_s == T + 42 * DAY


def test_a_loan_on_a_pathway_that_the_policy_lacks_keeps_the_clocks_it_has(stocked: Register, longer: Policy) -> None:
    with stocked.write() as conn:
        lend(conn)
        conn.execute(sa.update(loan), {"pathway": "winter_scheme"})
    assert reclock(stocked, longer, T, "watch").loans == 0
    with stocked.read() as conn:
        assert lent(conn).due_s == T + 42 * DAY


def test_under_the_same_policy_nothing_is_written(stocked: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    with stocked.write() as conn:
        lend(conn)
        assets.note_service(conn, POLICY, "BED-1", T)
    monkeypatch.setattr(Register, "write", lambda _: pytest.fail("it writes"))
    assert reclock(stocked, POLICY, T, "watch") == Reclocked(0, 0)


def test_many_are_done_in_transactions_of_a_thousand_rows(
    stocked: Register, longer: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 2_345
    with stocked.write() as conn:
        lend(conn)
        facts = lent(conn)._asdict()
        for number in range(many):
            assets.add_asset(conn, f"B{number:04}", "bed", "Bed", T)
        conn.execute(
            sa.insert(loan),
            [facts | {"loan_ref": f"L{number:04}", "asset_id": f"B{number:04}"} for number in range(many)],
        )
        for number in range(many):
            conn.execute(
                sa.update(judgement).where(judgement.c.asset_id == f"B{number:04}"), {"loan_ref": f"L{number:04}"}
            )
    transactions: list[int] = []
    change = clocks.change

    def counted(conn: sa.Connection, table: sa.Table, names: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
        if table is loan:
            transactions.append(len(rows))
        change(conn, table, names, rows)

    monkeypatch.setattr(clocks, "change", counted)
    assert reclock(stocked, longer, T, "watch").loans == many + 1
    assert sum(transactions) == many + 1
    assert max(transactions) <= 1000
    with stocked.read() as conn:
        assert set(conn.scalars(sa.select(loan.c.due_s))) == {T + 56 * DAY}
        assert set(conn.scalars(sa.select(judgement.c.due_s).where(judgement.c.loan_ref.is_not(None)))) == {
            T + 56 * DAY
        }


def test_what_comes_between_looking_and_writing_is_not_overwritten(
    stocked: Register, longer: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stocked.write() as conn:
        lend(conn)
    write = Register.write

    def first_staff(self: Register) -> object:
        monkeypatch.setattr(Register, "write", write)
        with self.write() as conn:
            loans.agree_due(conn, POLICY, "LN-1", T + 60 * DAY, T)
        return self.write()

    monkeypatch.setattr(Register, "write", first_staff)
    assert reclock(stocked, longer, T, "watch").loans == 0
    with stocked.read() as conn:
        assert lent(conn).due_s == judged(conn).due_s == T + 60 * DAY


def test_a_judgement_read_anew_says_the_same_as_after_a_reclocking(stocked: Register, longer: Policy) -> None:
    with stocked.write() as conn:
        lend(conn)
        assets.note_service(conn, POLICY, "BED-1", T)
    reclock(stocked, longer, T, "watch")
    with stocked.write() as conn:
        before = judged(conn)
        judgements.refresh(conn, "BED-1")
        assert judged(conn) == before
