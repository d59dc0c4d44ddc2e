"""What one visit can do at an address, and how collections are listed."""

import pytest

from kitback.collect import NoSuch, collections, visits
from kitback.register import assets, loans
from kitback.register import collections as homecoming
from kitback.register import visits as steps
from lending import DAY, HOUR, NOW, Service


def due(service: Service, place_id: str = "home") -> visits.Proposal:
    with service.register.read() as conn:
        return visits.due_at(conn, service.policy, place_id, NOW)


def request(service: Service, *loan_refs: str, why: str | None = None) -> None:
    with service.register.write() as conn:
        for each in loan_refs:
            homecoming.request(conn, service.policy, each, NOW - HOUR, why=why)


def service_due(service: Service, asset_id: str, days_ago: int) -> None:
    with service.register.write() as conn:
        assets.note_service(conn, service.policy, asset_id, NOW - days_ago * DAY)


def errands(proposed: visits.Proposal) -> set[tuple[str, str]]:
    return {(each.asset_id, each.task) for each in proposed.errands}


def test_one_visit_collects_services_examines_and_checks(service: Service) -> None:
    service.lend("BED-1")
    service.lend("HST-1", "hoist")
    service.lend("MAT-1", "mattress", unpowered_from=NOW - HOUR)
    service_due(service, "HST-1", 350)
    with service.register.write() as conn:
        assets.note_examination(conn, service.policy, "HST-1", NOW - 170 * DAY)
    request(service, "L-BED-1")
    service.tell("MAT-1", unpowered_from=NOW - HOUR)
    service.judge()
    expected = {("BED-1", "collect"), ("HST-1", "service"), ("HST-1", "examine"), ("MAT-1", "safety_check")}
    assert errands(due(service)) == expected
    assert errands(due(service, "other")) == set()


def test_what_is_not_due_yet_is_not_proposed(service: Service) -> None:
    service.lend("BED-1")
    service_due(service, "BED-1", 300)
    assert errands(due(service)) == set()


def test_what_comes_home_is_serviced_there(service: Service) -> None:
    service.lend("BED-1")
    service_due(service, "BED-1", 400)
    request(service, "L-BED-1")
    assert errands(due(service)) == {("BED-1", "collect")}


def test_what_is_planned_is_not_proposed_again(service: Service) -> None:
    service.lend("BED-1")
    service.lend("BED-2")
    service_due(service, "BED-2", 400)
    request(service, "L-BED-1")
    with service.register.write() as conn:
        to_do = [("BED-1", "collect"), ("BED-2", "service")]
        steps.plan(conn, "home", NOW, NOW + HOUR, NOW, to_do=to_do)
    assert errands(due(service)) == set()


def test_a_clean_delivery_is_apart(service: Service) -> None:
    service.prescribe("BED-1", "long_term", NOW)
    found = due(service)
    assert (errands(found), [each.asset_id for each in found.deliveries]) == (set(), ["BED-1"])


def test_nothing_sends_anybody_to_a_home_at_the_end_of_life_but_an_agreed_collection(service: Service) -> None:
    service.lend("MAT-1", "mattress", "end_of_life", unpowered_from=NOW - HOUR)
    service_due(service, "MAT-1", 400)
    service.tell("MAT-1", unpowered_from=NOW - HOUR)
    service.judge()
    assert errands(due(service)) == set()
    request(service, "L-MAT-1", why="district nurse")
    assert errands(due(service)) == {("MAT-1", "collect")}


def test_what_was_asked_for_before_its_loan_was_at_the_end_of_life_waits_for_a_word(service: Service) -> None:
    service.lend("BED-1")
    request(service, "L-BED-1")
    with service.register.write() as conn:
        loans.change_pathway(conn, service.policy, "L-BED-1", "end_of_life", NOW)
    assert due(service).errands == []


def cheap(service: Service, asset_id: str, pence: int, pathway: str = "long_term") -> None:
    with service.register.write() as conn:
        assets.add_asset(conn, asset_id, "bed", "Bed", NOW - DAY, value_pence=pence)
        loans.lend(conn, service.policy, f"L-{asset_id}", asset_id, pathway, "home", "home", NOW - DAY)


def test_below_the_floor_a_home_is_asked_for_a_drop_off_and_gets_no_van(service: Service) -> None:
    cheap(service, "A", 1400)
    cheap(service, "B", 1500)
    request(service, "L-A", "L-B")
    assert (due(service).drop_off, due(service).worth_pence) == (True, 2900)


def test_what_is_together_worth_a_van_or_on_its_way_anyway_is_fetched(service: Service) -> None:
    cheap(service, "A", 1400)
    cheap(service, "B", 1600)
    request(service, "L-A", "L-B")
    assert due(service).drop_off is False
    cheap(service, "C", 1400)
    service.lend("BED-1")
    service_due(service, "BED-1", 400)
    request(service, "L-C")
    assert due(service).drop_off is False


def test_at_the_end_of_life_nobody_is_asked_to_drop_anything_off(service: Service) -> None:
    cheap(service, "A", 1400, "end_of_life")
    request(service, "L-A", why="district nurse")
    assert due(service).drop_off is False
    assert listed(service)[0].drop_off is False


def listed(service: Service, now_s: int = NOW, status: str | None = None) -> list[collections.Collection]:
    with service.register.read() as conn:
        return collections.listing(conn, service.policy, now_s, status=status)


def test_collections_are_listed_by_how_far_they_are_and_by_when_they_have_to_be_home(service: Service) -> None:
    for asset_id in ("A", "B", "C"):
        service.lend(asset_id)
    with service.register.write() as conn:
        homecoming.request(conn, service.policy, "L-B", NOW - 3 * DAY)
        homecoming.request(conn, service.policy, "L-A", NOW)
        loans.return_loan(conn, "L-C", NOW)
    assert [(each.loan_ref, each.status) for each in listed(service)] == [
        ("L-B", "requested"),
        ("L-A", "requested"),
        ("L-C", "collected"),
    ]
    assert [each.loan_ref for each in listed(service, status="collected")] == ["L-C"]
    with pytest.raises(NoSuch, match="collected"):
        listed(service, status="colected")


def test_a_collection_is_late_a_second_after_its_last_working_day(service: Service) -> None:
    service.lend("A")
    request(service, "L-A")
    by = listed(service)[0].collect_by_s or 0
    assert [listed(service, at)[0].late for at in (by, by + 1)] == [False, True]
    with service.register.write() as conn:
        loans.return_loan(conn, "L-A", by)
    assert listed(service, by + DAY)[0].late is False


def test_use_since_the_request_is_shown_to_whoever_plans_the_van(service: Service) -> None:
    service.lend("A")
    request(service, "L-A")
    service.tell("A", used_at=NOW - 2 * HOUR)
    assert listed(service)[0].used_s is None
    service.tell("A", used_at=NOW)
    assert listed(service)[0].used_s == NOW
