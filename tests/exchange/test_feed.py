"""What a feed tells becomes loans, once; what cannot be waits, with the remedy; what staff said stays as it is."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from feeding import DAY, HOME, HOUR, NOW, POLICY, Outcome, T, furnish, lent, register_rows, rows, say
from kitback.collect import kpi, retention
from kitback.exchange.feed import Said, Taken, Taking, troubles
from kitback.register import Register, collections, counters, erasure, feeds, holds, loans, overview, shelves, visits
from kitback.register.tables import audit, collection, flag, loan, metadata

SAID = T + 20 * DAY


@pytest.fixture
def furnished(register: Register) -> Register:
    furnish(register)
    return register


def _everything(register: Register) -> dict[str, list[dict[str, Any]]]:
    with register.read() as conn:
        return rows(conn, *(table for table in metadata.sorted_tables if table.name != "counter"))


def _trouble(register: Register) -> str:
    with register.read() as conn:
        (only,) = troubles(conn)
    return only.trouble


def _noted(register: Register, ref: str) -> list[str]:
    with register.read() as conn:
        told = conn.scalars(sa.select(audit.c.what).where(audit.c.what.like(f"%{ref}")).order_by(audit.c.audit_id))
        return [each.split()[0] for each in told]


@pytest.mark.both_engines
def test_a_loan_is_told_from_prescription_to_available_again_through_the_registers_own_steps(
    furnished: Register,
) -> None:
    say(furnished, "1", SAID, **HOME, prescribed=T)
    say(furnished, "1", SAID + 1, delivered=T + HOUR)
    say(furnished, "1", SAID + 2, returned=T + DAY)
    say(furnished, "1", SAID + 3, decontaminated=T + 2 * DAY, available=T + 3 * DAY)
    row = lent(furnished, "acme-1")
    assert (row["prescribed_s"], row["from_s"], row["to_s"]) == (T, T + HOUR, T + DAY)
    assert (row["delivered_by"], row["fed_by"]) == ("feed", "acme")
    assert _noted(furnished, "acme-1") == [
        *("loan.enter", "loan.deliver", "collection.collect", "loan.end"),
        *("collection.decontaminate", "collection.inspect"),
    ]
    assert register_rows(furnished)["asset"][0]["state"] == "available"


@pytest.mark.both_engines
def test_the_same_again_changes_nothing_but_the_count_of_what_is_no_news(furnished: Register) -> None:
    told = [
        Said("1", SAID, {**HOME, "delivered": T}),
        Said("2", SAID, {**HOME, "asset": "BED-9", "delivered": T}),
        Said("3", SAID, {"returned": T}),
    ]
    for _ in range(2):
        taking = Taking(furnished, POLICY, "acme", NOW)
        list(taking.take(told))
        taking.end(SAID)
    before = _everything(furnished)
    with furnished.read() as conn:
        counted = counters.everything(conn)
    taking = Taking(furnished, POLICY, "acme", NOW + DAY)
    assert [each.outcome for each in taking.take(told)] == [Outcome.UNCHANGED] * 3
    taking.retry()
    taking.end(SAID)
    assert _everything(furnished) == before
    with furnished.read() as conn:
        assert counters.everything(conn) == counted | {"feed.unchanged": counted["feed.unchanged"] + 3}


def test_a_return_that_comes_before_its_delivery_waits_and_is_applied_with_it(furnished: Register) -> None:
    taken = say(furnished, "1", SAID, **HOME, returned=T + DAY)
    assert taken.outcome is Outcome.WAITING
    assert "neither its prescription nor its delivery is told" in _trouble(furnished)
    assert say(furnished, "1", SAID - DAY, delivered=T).outcome is Outcome.APPLIED
    assert lent(furnished, "acme-1")["to_s"] == T + DAY


def test_a_date_told_otherwise_later_is_corrected_with_its_clocks_and_noted(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    due = lent(furnished, "acme-1")["due_s"]
    say(furnished, "1", SAID + 1, delivered=T + DAY)
    row = lent(furnished, "acme-1")
    assert (row["from_s"], row["due_s"]) == (T + DAY, due + DAY)
    assert _noted(furnished, "acme-1") == ["loan.enter", "loan.correct"]
    with furnished.read() as conn:
        last = conn.execute(sa.select(audit).order_by(audit.c.audit_id.desc())).first()
    assert last is not None
    assert (last.who, json.loads(last.before)["from_s"], json.loads(last.after)["from_s"]) == ("feed acme", T, T + DAY)


def test_what_was_said_before_does_not_come_back(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T + DAY)
    assert say(furnished, "1", SAID - 1, delivered=T).outcome is Outcome.UNCHANGED
    assert lent(furnished, "acme-1")["from_s"] == T + DAY


def test_two_loans_whose_equipment_was_mixed_up_change_places(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    say(furnished, "2", SAID, **{**HOME, "asset": "BED-2"}, delivered=T)
    say(furnished, "1", SAID + 1, asset="BED-2")
    say(furnished, "2", SAID + 1, asset="BED-1")
    assert [lent(furnished, f"acme-{n}")["asset_id"] for n in (1, 2)] == ["BED-2", "BED-1"]


def test_what_is_told_of_equipment_that_is_out_waits_until_that_is_back_and_ready(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    say(furnished, "2", SAID, **HOME, delivered=T + 5 * DAY)
    assert "BED-1 is out as acme-1" in _trouble(furnished)
    say(furnished, "1", SAID, returned=T + 2 * DAY)
    assert "BED-1 came back as acme-1, and is not noted as available" in _trouble(furnished)
    say(furnished, "1", SAID, decontaminated=T + 3 * DAY, available=T + 4 * DAY)
    assert lent(furnished, "acme-2")["from_s"] == T + 5 * DAY


def test_what_staff_entered_by_hand_stays_and_the_feeds_other_word_is_a_trouble(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.write() as conn:
        loans.change_pathway(conn, POLICY, "acme-1", "long_term", T + DAY, who="ann")
    assert say(furnished, "1", SAID + 1, commissioner="Rutland").outcome is Outcome.APPLIED
    assert lent(furnished, "acme-1")["pathway"] == "long_term"
    assert say(furnished, "1", SAID + 2, pathway="reablement").outcome is Outcome.WAITING
    assert lent(furnished, "acme-1")["pathway"] == "long_term"
    assert "its pathway was noted here as long_term, the feed says reablement" in _trouble(furnished)
    say(furnished, "1", SAID + 3, pathway="long_term")
    with furnished.read() as conn:
        assert troubles(conn) == []


def test_a_loan_that_staff_returned_and_the_feed_still_has_out_is_a_trouble(furnished: Register) -> None:
    say(furnished, "1", T + DAY, **HOME, delivered=T)
    with furnished.write() as conn:
        loans.return_loan(conn, "acme-1", T + 2 * DAY, who="ann")
    assert say(furnished, "1", T + 10 * DAY, delivered=T).outcome is Outcome.WAITING
    assert "the feed still has it out" in _trouble(furnished)
    assert lent(furnished, "acme-1")["to_s"] == T + 2 * DAY


def test_a_return_told_hours_apart_from_what_staff_noted_is_the_same_return(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.write() as conn:
        loans.return_loan(conn, "acme-1", T + 2 * DAY, who="ann")
    assert say(furnished, "1", SAID + 1, returned=T + 2 * DAY + HOUR).outcome is not Outcome.WAITING
    assert lent(furnished, "acme-1")["to_s"] == T + 2 * DAY


def test_a_loan_that_staff_had_entered_becomes_the_feeds(furnished: Register) -> None:
    with furnished.write() as conn:
        loans.prescribe(conn, POLICY, "L-7", "BED-1", "home_first", "care_home", "home", T, who="ann")
    say(furnished, "1", SAID, **HOME, loan="L-7", prescribed=T, delivered=T + HOUR)
    row = lent(furnished, "L-7")
    assert (row["from_s"], row["fed_by"], row["setting"]) == (T + HOUR, "acme", "care_home")


def test_the_feed_puts_right_when_a_tag_was_heard_to_arrive(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, prescribed=T)
    with furnished.write() as conn:
        loans.deliver(conn, POLICY, "acme-1", T + 9 * HOUR, by="tag", who="tag")
    assert say(furnished, "1", SAID + 1, delivered=T + HOUR).outcome is Outcome.APPLIED
    assert (lent(furnished, "acme-1")["from_s"], lent(furnished, "acme-1")["delivered_by"]) == (T + HOUR, "feed")


def test_what_is_taken_back_is_withdrawn_and_the_audit_log_keeps_it(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    say(furnished, "1", SAID + 1, delivered=None)
    with furnished.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(loan)) == 0
        last = conn.execute(sa.select(audit).order_by(audit.c.audit_id.desc())).first()
    assert last is not None
    assert (last.what, json.loads(last.before)["from_s"], last.after) == ("loan.withdraw acme-1", T, None)


def test_what_somebody_has_acted_on_is_not_withdrawn_but_a_trouble(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    said = {"kind": "bed", "rule": "idle", "since": T, "raised_at": T, "sentence": "", "evidence": "{}"}
    with furnished.write() as conn:
        conn.execute(sa.insert(flag).values(asset_id="BED-1", loan_ref="acme-1", **said))
    assert say(furnished, "1", SAID + 1, delivered=None).outcome is Outcome.WAITING
    assert "return or cancel it by hand" in _trouble(furnished)
    assert lent(furnished, "acme-1")["from_s"] == T


@pytest.mark.parametrize("otherwise", [{"asset": "BED-2"}, {"delivered": None, "prescribed": T}])
def test_what_is_asked_to_be_fetched_stays_what_it_was_and_delivered(
    furnished: Register, otherwise: dict[str, Any]
) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.write() as conn:
        collections.request(conn, POLICY, "acme-1", T + DAY)
    assert say(furnished, "1", SAID + 1, **otherwise).outcome is Outcome.WAITING
    assert "return or cancel it instead" in _trouble(furnished)
    assert (lent(furnished, "acme-1")["asset_id"], lent(furnished, "acme-1")["from_s"]) == ("BED-1", T)


def test_a_loan_is_at_the_place_a_van_is_on_its_way_to(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.write() as conn:
        collections.request(conn, POLICY, "acme-1", T + DAY)
        visits.plan(conn, "home", T + 2 * DAY, T + 3 * DAY, T + DAY, to_do=[("BED-1", "collect")])
    say(furnished, "1", SAID + 1, commissioner="Rutland")
    assert lent(furnished, "acme-1")["commissioner"] == "Rutland"
    say(furnished, "1", SAID + 2, place="elsewhere")
    assert "is to be fetched on visit 1 from where it is" in _trouble(furnished)
    assert lent(furnished, "acme-1")["place_id"] == "home"


def test_nothing_came_home_before_it_was_asked_to_be_fetched(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.write() as conn:
        collections.request(conn, POLICY, "acme-1", T + 5 * DAY)
    say(furnished, "1", SAID + 1, returned=T + 6 * DAY)
    say(furnished, "1", SAID + 2, returned=T + DAY)
    assert "it cannot have come home at" in _trouble(furnished)
    assert lent(furnished, "acme-1")["to_s"] == T + 6 * DAY


def test_what_is_corrected_of_a_loan_leaves_the_money_of_its_trip_as_it_was_counted(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T, returned=T + DAY, decontaminated=T + 2 * DAY)
    with furnished.write() as conn:
        conn.execute(sa.update(collection), {"cost_pence": 1})  # as the policy was then
    say(furnished, "1", SAID + 1, commissioner="Rutland")
    say(furnished, "1", SAID + 2, returned=T + DAY + HOUR)
    with furnished.read() as conn:
        assert conn.execute(sa.select(collection.c.collected_s, collection.c.cost_pence)).one() == (T + DAY + HOUR, 1)


def test_of_what_was_scrapped_the_commissioner_can_still_be_put_right(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T, returned=T + DAY)
    with furnished.write() as conn:
        collections.scrap(conn, POLICY, "BED-1", T + 2 * DAY)
    assert say(furnished, "1", SAID + 1, commissioner="Rutland").outcome is Outcome.APPLIED


def test_a_return_told_with_a_correction_is_a_return_like_any_other(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.write() as conn:
        holds.begin(conn, POLICY, "acme-1", T + HOUR, reason="hospital")
        collections.request(conn, POLICY, "acme-1", T + DAY)
    say(furnished, "1", SAID + 1, commissioner="Rutland", returned=T + 2 * DAY)
    assert _noted(furnished, "acme-1")[-4:] == ["loan.correct", "collection.collect", "hold.end", "loan.end"]
    with furnished.read() as conn:
        assert troubles(conn) == []


@pytest.mark.parametrize(("returned", "how"), [(2 * DAY, "van"), (2 * DAY - HOUR, "van"), (DAY // 2, "drop_off")])
def test_what_comes_back_on_the_day_of_its_van_came_by_it(furnished: Register, returned: int, how: str) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.write() as conn:
        collections.request(conn, POLICY, "acme-1", T)
        visits.plan(conn, "home", T + 2 * DAY, T + 3 * DAY, T, to_do=[("BED-1", "collect")])
    say(furnished, "1", SAID + 1, returned=T + returned)
    with furnished.read() as conn:
        assert conn.scalar(sa.select(collection.c.how)) == how


def test_equipment_that_was_mixed_up_is_in_no_store_while_it_is_out(furnished: Register) -> None:
    with furnished.write() as conn:
        shelves.put(conn, "BED-2", "store", T)
    say(furnished, "1", SAID, **HOME, delivered=T)
    say(furnished, "1", SAID + 1, asset="BED-2")
    assert register_rows(furnished)["asset"][1]["store_id"] is None


def test_a_return_that_was_none_is_taken_back_with_the_trip_home_it_began(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T, returned=T + DAY)
    say(furnished, "1", SAID + 1, returned=None)
    assert lent(furnished, "acme-1")["to_s"] is None
    with furnished.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(collection)) == 0
    assert register_rows(furnished)["asset"][0]["state"] == "on_loan"


@pytest.mark.parametrize("result", ["pass", "scrap"])
@pytest.mark.parametrize(
    "otherwise",
    [{"returned": None}, {"returned": T + 5 * DAY}, {"asset": "BED-2"}, {"delivered": None, "prescribed": T}],
)
def test_what_staff_have_cleaned_came_back_then_and_was_nothing_else(
    furnished: Register, result: str, otherwise: dict[str, Any]
) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T, returned=T + DAY)
    with furnished.write() as conn:
        collections.decontaminate(conn, POLICY, "BED-1", T + 2 * DAY, who="ann")
        collections.inspect(conn, POLICY, "BED-1", T + 2 * DAY, result, who="ann")
        trips = rows(conn, collection)
    assert say(furnished, "1", SAID + 1, **otherwise).outcome is Outcome.WAITING
    row = lent(furnished, "acme-1")
    assert (row["asset_id"], row["from_s"], row["to_s"]) == ("BED-1", T, T + DAY)
    with furnished.read() as conn:
        assert rows(conn, collection) == trips


def test_an_unknown_asset_waits_and_is_tried_again(furnished: Register) -> None:
    say(furnished, "1", SAID, **{**HOME, "asset": "BED-9"}, delivered=T)
    assert "there is no asset BED-9: add it" in _trouble(furnished)
    from kitback.register import assets

    with furnished.write() as conn:
        assets.add_asset(conn, "BED-9", "bed", "Model 7", T - DAY)
    assert Taking(furnished, POLICY, "acme", NOW).retry() == 1
    assert lent(furnished, "acme-1")["from_s"] == T


def test_a_home_that_nobody_entered_is_entered_by_its_id_alone(furnished: Register) -> None:
    say(furnished, "1", SAID, **{**HOME, "place": "addr-77"}, delivered=T)
    places = {each["place_id"]: each for each in register_rows(furnished)["place"]}
    assert (places["addr-77"]["type"], places["addr-77"]["name"]) == ("loan_address", "addr-77")


def test_what_a_whole_file_lists_no_longer_is_asked_about_and_never_ended(furnished: Register) -> None:
    first = [Said(n, SAID, {**HOME, "asset": f"BED-{n}", "delivered": T}) for n in "12"]
    for made_s, told in ((SAID, first), (SAID + DAY, first[:1])):
        taking = Taking(furnished, POLICY, "acme", NOW)
        list(taking.take(told, made_s))
        missing = taking.miss(made_s)
    assert missing == 1
    assert "lists it no longer" in _trouble(furnished)
    assert lent(furnished, "acme-2")["to_s"] is None
    list(Taking(furnished, POLICY, "acme", NOW).take(first, SAID + 2 * DAY))
    with furnished.read() as conn:
        assert troubles(conn) == []


OVER: dict[str, Any] = {**HOME, "place": "addr-7", "delivered": T, "returned": T + DAY}
LONG_SINCE = T + 2 * 366 * DAY


def _tell(register: Register, now_s: int, **facts: Any) -> Taken:
    (taken,) = Taking(register, POLICY, "acme", now_s).take([Said("1", now_s, facts)], now_s)
    return taken


@pytest.mark.both_engines
def test_a_loan_that_was_erased_does_not_come_back_with_the_next_whole_file(furnished: Register) -> None:
    _tell(furnished, SAID, **OVER, decontaminated=T + DAY, available=T + DAY)
    with furnished.read() as conn:
        (ref,) = erasure.due(conn, POLICY, LONG_SINCE)
    retention.erase(furnished, POLICY, ref, LONG_SINCE)
    for _ in range(2):
        assert _tell(furnished, LONG_SINCE, **OVER, available=T + DAY).outcome is Outcome.PASSED_OVER
    with furnished.read() as conn:
        assert erasure.traces(conn, ["acme-1", "addr-7"]) == []
        assert counters.everything(conn)["feed.passed_over"] == 2
    assert [each["state"] for each in register_rows(furnished)["asset"]] == ["available"] * 3


@pytest.mark.parametrize(
    ("ended_s", "outcome"), [(-DAY, Outcome.PASSED_OVER), (DAY // 2, Outcome.PASSED_OVER), (2 * DAY, Outcome.APPLIED)]
)
def test_what_is_passed_over_is_what_would_be_erased_or_may_have_been(
    furnished: Register, ended_s: int, outcome: Outcome
) -> None:
    up = POLICY.retention.closed_loan.before(LONG_SINCE)
    assert _tell(furnished, LONG_SINCE, **OVER | {"returned": up + ended_s}).outcome is outcome


def test_what_runs_still_or_is_in_the_register_is_never_passed_over(furnished: Register) -> None:
    say(furnished, "1", SAID, **OVER)
    assert _tell(furnished, LONG_SINCE, **OVER, commissioner="Rutland").outcome is Outcome.APPLIED
    running = {**OVER, "asset": "BED-2", "returned": None}
    (taken,) = Taking(furnished, POLICY, "acme", LONG_SINCE).take([Said("2", LONG_SINCE, running)])
    assert taken.outcome is Outcome.APPLIED


def test_what_one_file_tells_twice_is_judged_by_both(furnished: Register) -> None:
    twice = [Said("1", LONG_SINCE - 1, {**OVER, "returned": None}), Said("1", LONG_SINCE, OVER)]
    taken = Taking(furnished, POLICY, "acme", LONG_SINCE).take(twice)
    assert Outcome.PASSED_OVER not in [each.outcome for each in taken]
    assert lent(furnished, "acme-1")["to_s"] == T + DAY


def test_what_waited_until_it_is_over_for_long_is_forgotten(furnished: Register) -> None:
    assert say(furnished, "1", SAID, **{**OVER, "asset": "BED-9"}).outcome is Outcome.WAITING
    assert _tell(furnished, LONG_SINCE, asset="BED-9").outcome is Outcome.PASSED_OVER
    assert register_rows(furnished)["feed_item"] == []


@pytest.mark.both_engines
def test_what_a_feed_told_and_is_no_loan_here_is_erased_in_its_time(furnished: Register) -> None:
    say(furnished, "1", SAID, **{**HOME, "asset": "BED-9", "place": "addr-8"}, delivered=T)
    say(furnished, "2", SAID, **{**HOME, "place": "addr-9"}, delivered=T)
    say(furnished, "2", SAID + 1, delivered=None, place="home")
    words = ["addr-8", "addr-9", "acme-2"]
    with furnished.write() as conn:
        assert erasure.forget_untaken(conn, POLICY, SAID + 300 * DAY) == ()
        assert {each.word for each in erasure.traces(conn, words)} == set(words)
        assert sorted(erasure.forget_untaken(conn, POLICY, LONG_SINCE)) == ["addr-8", "addr-9"]
        assert erasure.due(conn, POLICY, LONG_SINCE) == ["acme-2"], "withdrawn, and as long ago"
        erasure.forget(conn, "acme-2", LONG_SINCE, flag_steps=())
        assert erasure.traces(conn, words) == []
        assert kpi.replay(conn) == kpi.read(conn)


def test_a_try_changes_nothing(furnished: Register) -> None:
    before = _everything(furnished)
    taking = Taking(furnished, POLICY, "acme", NOW, dry_run=True)
    assert [each.outcome for each in taking.take([Said("1", SAID, {**HOME, "delivered": T})])] == [Outcome.APPLIED]
    taking.end(SAID)
    assert _everything(furnished) == before


def test_a_feed_is_stale_when_it_has_told_nothing_for_so_long_whatever_is_told_again(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    say(furnished, "1", SAID, **HOME, delivered=T)
    with furnished.read() as conn:
        late = SAID + 36 * HOUR
        assert feeds.stale(conn, POLICY.feed.stale_after, late - 1) == []
        assert [each.source for each in feeds.stale(conn, POLICY.feed.stale_after, late)] == ["acme"]


def test_the_audit_log_read_again_tells_what_the_tables_do_whatever_was_corrected(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, prescribed=T, delivered=T + HOUR, returned=T + DAY)
    say(furnished, "1", SAID + 1, returned=T + 2 * DAY, decontaminated=T + 3 * DAY, available=T + 3 * DAY)
    say(furnished, "2", SAID, **HOME, delivered=T + 5 * DAY, returned=T + 6 * DAY)
    say(furnished, "2", SAID + 1, returned=None)
    say(furnished, "3", SAID, **{**HOME, "asset": "BED-2"}, delivered=T)
    say(furnished, "3", SAID + 1, delivered=None)
    with furnished.read() as conn:
        assert kpi.replay(conn) == kpi.read(conn)


def test_a_loan_is_shown_with_what_the_feed_put_right(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T)
    say(furnished, "1", SAID + 1, delivered=T + DAY)
    with furnished.read() as conn:
        shown = overview.show_loan(conn, "acme-1")
    assert [each.what for each in shown.history] == ["loan.enter acme-1", "loan.correct acme-1"]
