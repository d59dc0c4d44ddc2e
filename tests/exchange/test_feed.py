"""What a feed tells becomes loans, once; what cannot be waits, with the remedy; what staff said stays as it is."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from feeding import DAY, HOME, HOUR, NOW, POLICY, Outcome, T, furnish, lent, register_rows, rows, say
from kitback.collect import kpi
from kitback.exchange.feed import Said, Taking, troubles
from kitback.register import Register, collections, counters, feeds, loans, overview
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


def test_a_return_that_was_none_is_taken_back_with_the_trip_home_it_began(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T, returned=T + DAY)
    say(furnished, "1", SAID + 1, returned=None)
    assert lent(furnished, "acme-1")["to_s"] is None
    with furnished.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(collection)) == 0
    assert register_rows(furnished)["asset"][0]["state"] == "on_loan"


def test_a_return_is_not_taken_back_once_staff_have_cleaned_what_came(furnished: Register) -> None:
    say(furnished, "1", SAID, **HOME, delivered=T, returned=T + DAY)
    with furnished.write() as conn:
        collections.decontaminate(conn, POLICY, "BED-1", T + 2 * DAY, who="ann")
        collections.inspect(conn, POLICY, "BED-1", T + 2 * DAY, "scrap", who="ann")
    assert say(furnished, "1", SAID + 1, returned=None).outcome is Outcome.WAITING
    assert lent(furnished, "acme-1")["to_s"] == T + DAY


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
