"""The trip home: what each step sets, and what refuses it."""

import pytest
import sqlalchemy as sa

from kitback.register import IllegalMove, Register, assets, collections, loans, places, shelves, visits
from kitback.register.tables import audit, collection, visit, visit_task
from moves import DAY, HOUR, POLICY, Move, T, judged, lend, lent, noted, owned, prescribe, return_ready

pytestmark = pytest.mark.both_engines
MONDAY = T + 16 * HOUR
"""16 June 2025, 08:00 in London."""

GONE = sa.select(visit.c.status, visit_task.c.status).join_from(visit, visit_task)


@pytest.fixture
def out(stocked: Register) -> Register:
    """A bed on loan, and a store to come home to."""
    with stocked.write() as conn:
        places.add_place(conn, "store", None, "store", "Store", T)
        places.add_place(conn, "depot", None, "store", "Depot", T)
        lend(conn)
    return stocked


def trip(conn: sa.Connection) -> sa.Row[tuple[object, ...]]:
    """The latest collection."""
    found = conn.execute(sa.select(collection).order_by(collection.c.collection_id.desc())).first()
    assert found
    return found


def request(conn: sa.Connection, at: int = MONDAY, **facts: str) -> None:
    collections.request(conn, POLICY, "LN-1", at, **facts)


def plan(conn: sa.Connection, at: int = MONDAY, task: str = "collect") -> int:
    return visits.plan(conn, "home", at + DAY, at + DAY + HOUR, at, to_do=[("BED-1", task)])


def back(conn: sa.Connection, at: int = MONDAY + DAY, **facts: str) -> None:
    loans.return_loan(conn, "LN-1", at, **facts)


def clean(conn: sa.Connection, at: int) -> None:
    collections.decontaminate(conn, POLICY, "BED-1", at)


def test_a_collection_is_due_at_the_end_of_the_fifth_working_day(out: Register) -> None:
    with out.write() as conn:
        request(conn, why="her son rang")
        mine = trip(conn)
    assert (mine.status, mine.requested_s, mine.failed_visits) == ("requested", MONDAY, 0)
    assert mine.collect_by_s == T + 7 * DAY + 32 * HOUR - 1  # Monday 23 June, the last second


def test_at_the_end_of_life_it_is_fetched_on_notification_only_and_without_a_clock(out: Register) -> None:
    with out.write() as conn:
        loans.change_pathway(conn, POLICY, "LN-1", "end_of_life", T)
        for silence in ({}, {"why": " "}):
            with pytest.raises(IllegalMove, match=r"on notification only; say .* who notified"):
                request(conn, **silence)
        request(conn, why="district nurse rang")
        assert trip(conn).collect_by_s is None


def test_a_failed_visit_is_counted_and_the_clock_runs_on(out: Register) -> None:
    with out.write() as conn:
        request(conn)
        by = trip(conn).collect_by_s
        number = plan(conn)
        assert (trip(conn).status, trip(conn).visit_id) == ("booked", number)
        collections.fail(conn, "LN-1", "nobody in", MONDAY + DAY)
        mine = trip(conn)
        task = conn.execute(sa.select(visit_task)).one()
        assert conn.scalar(sa.select(visit.c.status)) == "done"
    assert (mine.status, mine.visit_id, mine.failed_visits, mine.collect_by_s) == ("requested", None, 1, by)
    assert (task.status, task.reason) == ("failed", "nobody in")


def test_what_the_van_brings_ends_the_loan_and_its_visit(out: Register) -> None:
    with out.write() as conn:
        request(conn)
        number = plan(conn)
        visits.finish(conn, POLICY, number, MONDAY + DAY, store_id="store")
        mine = trip(conn)
        assert (mine.status, mine.how, mine.collected_s, mine.visit_id) == ("collected", "van", MONDAY + DAY, number)
        assert lent(conn).to_s == MONDAY + DAY
        assert (owned(conn).state, owned(conn).store_id) == ("returned", "store")
        assert conn.execute(GONE).one() == ("done", "done")


def test_what_comes_back_unasked_has_its_trip_all_the_same(out: Register) -> None:
    with out.write() as conn:
        back(conn, how="found")
        mine = trip(conn)
    assert (mine.status, mine.how, mine.requested_s, mine.collect_by_s) == ("collected", "found", None, None)


def test_what_is_dropped_off_leaves_the_visit_it_was_booked_on(out: Register) -> None:
    with out.write() as conn:
        request(conn)
        plan(conn)
        back(conn)
        assert (trip(conn).how, trip(conn).visit_id) == ("drop_off", None)
        assert conn.execute(GONE).one() == ("done", "failed")


def test_it_is_available_again_only_when_clean_inspected_and_tested(out: Register) -> None:
    with out.write() as conn:
        back(conn)
        at = MONDAY + DAY
        for state, step in (
            ("returned", lambda: clean(conn, at)),
            ("decontaminated", lambda: collections.inspect(conn, POLICY, "BED-1", at, "repair")),
            ("in_repair", lambda: collections.inspect(conn, POLICY, "BED-1", at, "pass")),
        ):
            assert owned(conn).state == state
            for move in (lend, prescribe):
                with pytest.raises(IllegalMove, match=r"came back as LN-1 at .* note"):
                    move(conn, "LN-2", at)
            step()
        assert owned(conn).state == "available"
        prescribe(conn, "LN-2", at)


def test_who_paid_is_credited_and_what_it_cost_is_noted_by_the_policy_of_the_day(out: Register) -> None:
    with out.write() as conn:
        return_ready(conn, "LN-1", MONDAY)
        mine = trip(conn)
    assert mine.credit_pence == POLICY.credit_pence("bed", None) > 0
    assert mine.cost_pence == POLICY.homecoming_cost_pence("bed", "drop_off") > 0


def test_what_is_scrapped_is_credited_to_nobody_lent_to_nobody_and_nothing_is_due_of_it(out: Register) -> None:
    with out.write() as conn:
        assets.note_service(conn, POLICY, "BED-1", T)
        back(conn)
        clean(conn, MONDAY + DAY)
        collections.inspect(conn, POLICY, "BED-1", MONDAY + DAY, "scrap")
        assert (trip(conn).status, trip(conn).credit_pence) == ("scrapped", None)
        assert (owned(conn).state, judged(conn).service_due_s) == ("scrapped", None)
        with pytest.raises(IllegalMove, match=r"was scrapped .* choose another one"):
            lend(conn, "LN-2", MONDAY + 2 * DAY)


def test_what_is_scrapped_dirty_has_cost_the_van_that_fetched_it(out: Register) -> None:
    with out.write() as conn:
        back(conn, how="van")
        collections.scrap(conn, POLICY, "BED-1", MONDAY + DAY)
        van = POLICY.homecoming_cost_pence("bed", "van") - POLICY.homecoming_cost_pence("bed", "found")
        assert (trip(conn).status, trip(conn).cost_pence) == ("scrapped", van)


def test_what_is_found_broken_on_the_shelf_can_be_scrapped(out: Register) -> None:
    with out.write() as conn:
        collections.scrap(conn, POLICY, "HST-1", T)
        assert owned(conn, "HST-1").state == "scrapped"


@pytest.mark.parametrize("step", [assets.note_service, assets.note_examination])
def test_nothing_that_came_back_is_serviced_before_it_is_decontaminated(out: Register, step: Move) -> None:
    with out.write() as conn:
        return_ready(conn, "LN-1", T + DAY)
        loans.lend(conn, POLICY, "LN-2", "HST-1", "long_term", "home", "home", T)
        loans.return_loan(conn, "LN-2", MONDAY)
        with pytest.raises(IllegalMove, match="record its decontamination first"):
            step(conn, POLICY, "HST-1", MONDAY + HOUR)
        collections.decontaminate(conn, POLICY, "HST-1", MONDAY + 2 * HOUR)
        with pytest.raises(IllegalMove, match="was not decontaminated by"):
            step(conn, POLICY, "HST-1", MONDAY + HOUR)
        step(conn, POLICY, "HST-1", MONDAY + 2 * HOUR)


def test_nor_taken_to_another_store(out: Register) -> None:
    with out.write() as conn:
        back(conn, store_id="store")
        with pytest.raises(IllegalMove, match="record that before it is taken"):
            shelves.put(conn, "BED-1", "depot", MONDAY + DAY)
        clean(conn, MONDAY + DAY)
        shelves.put(conn, "BED-1", "depot", MONDAY + DAY)
        assert owned(conn).store_id == "depot"


def test_what_is_delivered_is_in_no_store(out: Register) -> None:
    with out.write() as conn:
        shelves.put(conn, "HST-1", "store", T)
        loans.prescribe(conn, POLICY, "LN-2", "HST-1", "long_term", "home", "home", T)
        assert owned(conn, "HST-1").store_id == "store"
        loans.deliver(conn, POLICY, "LN-2", T + HOUR)
        assert owned(conn, "HST-1").store_id is None


def test_one_visit_combines_what_is_used_and_never_brings_what_is_clean(out: Register) -> None:
    with out.write() as conn:
        request(conn)
        loans.lend(conn, POLICY, "LN-2", "HST-1", "long_term", "home", "home", T)
        assets.add_asset(conn, "BED-2", "bed", "Bed", T)
        loans.prescribe(conn, POLICY, "LN-3", "BED-2", "long_term", "home", "home", T)
        used = [("BED-1", "collect"), ("HST-1", "service"), ("HST-1", "examine"), ("HST-1", "safety_check")]
        before = _everything(conn)
        for mixed in ([*used, ("BED-2", "deliver")], [("BED-2", "deliver"), *used]):
            with pytest.raises(IllegalMove, match="never share a van; plan another visit"):
                visits.plan(conn, "home", MONDAY, MONDAY + HOUR, MONDAY, to_do=mixed)
            assert _everything(conn) == before, "nothing half done"
        number = visits.plan(conn, "home", MONDAY, MONDAY + HOUR, MONDAY, to_do=used)
        visits.finish(conn, POLICY, number, MONDAY + HOUR, failed={"BED-1": "bed still made"})
        hoist = owned(conn, "HST-1")
        assert (hoist.serviced_s, hoist.examined_s) == (MONDAY + HOUR, MONDAY + HOUR)
        assert (trip(conn).status, trip(conn).failed_visits) == ("requested", 1)


def test_a_visit_delivers_nothing_that_is_lent_elsewhere_by_now(out: Register) -> None:
    with out.write() as conn:
        places.add_place(conn, "elsewhere", None, "loan_address", "Elsewhere", T)
        loans.prescribe(conn, POLICY, "LN-2", "HST-1", "long_term", "home", "home", T)
        number = visits.plan(conn, "home", T, T + HOUR, T, to_do=[("HST-1", "deliver")])
        loans.move(conn, POLICY, "LN-2", "home", "elsewhere", T)
        with pytest.raises(IllegalMove, match=r"lent to elsewhere now: say that its delivery to home failed"):
            visits.finish(conn, POLICY, number, T + HOUR)
        visits.finish(conn, POLICY, number, T + HOUR, failed={"HST-1": "moved"})
        assert lent(conn, "LN-2").from_s is None


def test_a_delivery_by_a_visit_starts_the_loan(out: Register) -> None:
    with out.write() as conn:
        loans.prescribe(conn, POLICY, "LN-2", "HST-1", "long_term", "home", "home", T)
        number = visits.plan(conn, "home", T, T + HOUR, T, to_do=[("HST-1", "deliver")])
        visits.finish(conn, POLICY, number, T + HOUR)
        assert lent(conn, "LN-2").from_s == T + HOUR


def test_a_visit_that_is_cancelled_is_no_failed_one(out: Register) -> None:
    with out.write() as conn:
        request(conn)
        visits.cancel(conn, plan(conn), MONDAY + HOUR)
        assert (trip(conn).status, trip(conn).visit_id, trip(conn).failed_visits) == ("requested", None, 0)
        assert conn.execute(GONE).one() == ("cancelled", "failed")


def _at_home(conn: sa.Connection) -> None:
    """Nothing was asked for."""


def _booked(conn: sa.Connection) -> None:
    request(conn)
    plan(conn)


def _dirty(conn: sa.Connection) -> None:
    back(conn)


def _ready(conn: sa.Connection) -> None:
    return_ready(conn, "LN-1", MONDAY + DAY)


LATER = MONDAY + 2 * DAY


@pytest.mark.parametrize(
    ("given", "move", "words"),
    [
        (_at_home, lambda c: collections.request(c, POLICY, "NONE", LATER), "there is no loan NONE"),
        (_at_home, lambda c: request(c, T - 1), "check the date"),
        (_at_home, lambda c: collections.cancel(c, "LN-1", LATER), "request its collection first"),
        (_at_home, lambda c: collections.book(c, "LN-1", 1, LATER), "request its collection first"),
        (_at_home, plan, "request its collection first"),
        (_at_home, lambda c: clean(c, LATER), "is on loan: return the loan first"),
        (_at_home, lambda c: collections.scrap(c, POLICY, "BED-1", LATER), "is on loan: return the loan first"),
        (_at_home, lambda c: shelves.put(c, "BED-1", "store", LATER), "return the loan first"),
        (_at_home, lambda c: back(c, how="by air"), "way home 'by air' is not known: give one of van"),
        (_at_home, lambda c: back(c, store_id="home"), "home .* is no store: give the id of a store"),
        (_at_home, lambda c: visits.plan(c, "home", LATER, LATER, T, to_do=[]), "check the times"),
        (_at_home, lambda c: visits.plan(c, "home", T, T + 1, LATER, to_do=[]), "check the times"),
        (_at_home, lambda c: visits.plan(c, "home", T, LATER, T, to_do=[]), "nothing to do"),
        (_at_home, lambda c: plan(c, task="sweep"), "task 'sweep' is not known"),
        (_at_home, lambda c: plan(c, task="deliver"), "was delivered already"),
        (
            _at_home,
            lambda c: visits.plan(c, "new-home", T, LATER, T, to_do=[("BED-1", "service")]),
            "lent to home: .* check the id",
        ),
        (_at_home, lambda c: visits.finish(c, POLICY, 7, LATER), "there is no visit 7"),
        (_booked, lambda c: request(c, LATER), "asked for at .* already: book it"),
        (_booked, lambda c: plan(c, LATER), "is booked on visit 1: note that it failed"),
        (_booked, lambda c: collections.fail(c, "LN-1", " ", LATER), "say it in words"),
        (_booked, lambda c: back(c, MONDAY - 1), "check the date, or cancel its collection first"),
        (
            _booked,
            lambda c: loans.move(c, POLICY, "LN-1", "home", "new-home", LATER),
            "to be fetched on visit 1 from where it is: cancel that visit",
        ),
        (_booked, lambda c: visits.finish(c, POLICY, 1, LATER, failed={"HST-1": "x"}), "nothing to do with HST-1"),
        (_dirty, lambda c: request(c, LATER), r"ended at .* nothing to collect"),
        (_dirty, lambda c: collections.inspect(c, POLICY, "BED-1", LATER, "pass"), "is not decontaminated yet"),
        (_dirty, lambda c: clean(c, MONDAY), "check the date"),
        (_dirty, lambda c: collections.inspect(c, POLICY, "BED-1", LATER, "fine"), "result 'fine' is not known"),
        (_ready, lambda c: clean(c, LATER), "is available: there is nothing to note"),
        (_ready, lambda c: lend(c, "LN-2", MONDAY + HOUR), "check the date"),
        (_ready, lambda c: collections.inspect(c, POLICY, "BED-1", LATER, "pass"), "is available: there is nothing"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy_and_changes_nothing(
    out: Register, given: Move, move: Move, words: str
) -> None:
    with out.write() as conn:
        given(conn)
        before = _everything(conn)
        with pytest.raises(IllegalMove, match=words):
            move(conn)
        assert _everything(conn) == before


def test_every_step_is_noted_with_who_why_and_what_it_changed(out: Register) -> None:
    with out.write() as conn:
        request(conn, who="ann", why="not needed")
        who, what, why, before, after = noted(conn)
        assert (who, what, why, before) == ("ann", "collection.request LN-1", "not needed", None)
        assert (after["status"], after["requested_s"]) == ("requested", MONDAY)
        collections.cancel(conn, "LN-1", MONDAY + HOUR, who="bob")
        assert noted(conn)[:2] == ("bob", "collection.cancel LN-1")
        assert noted(conn)[3:] == (
            {"status": "requested", "ended_s": None},
            {"status": "cancelled", "ended_s": MONDAY + HOUR},
        )


def _everything(conn: sa.Connection) -> list[object]:
    return [conn.execute(sa.select(table)).all() for table in (audit, collection, visit, visit_task)]
