"""The ready-now board: what can be lent this hour, where it stands, and what comes back soon."""

import msgspec
import pytest
import sqlalchemy as sa

from kitback.collect import Board, NoSuch, board
from kitback.collect.coming import Stage
from kitback.collect.ready import OfKind
from kitback.collect.shelves import HeldBack, Ready, Why
from kitback.register import feeds, loans, places, recalls
from kitback.register.tables import asset, collection, loan
from lending import DAY, HOUR, NOW, Service
from stocking import MELTON, bring_home, hear, second_store, stock


def shown(service: Service, now_s: int = NOW, **wanted: object) -> Board:
    with service.register.read() as conn:
        return board(conn, service.policy, now_s, **wanted)  # type: ignore[arg-type] # what a case gives by name


def of_kind(service: Service, kind: str = "bed", now_s: int = NOW, **wanted: object) -> OfKind:
    (found,) = shown(service, now_s, kind=kind, **wanted).kinds
    return found


def ready(service: Service, kind: str = "bed", now_s: int = NOW) -> list[Ready]:
    return [item for each in of_kind(service, kind, now_s).stores for item in each.items]


def held_back(service: Service, kind: str = "bed", now_s: int = NOW) -> list[HeldBack]:
    return [item for each in of_kind(service, kind, now_s).stores for item in each.not_ready]


def ids(found: list[Ready] | list[HeldBack]) -> list[str]:
    return [each.asset_id for each in found]


def test_an_empty_board_has_every_kind_and_every_store(service: Service) -> None:
    found = shown(service)
    assert [each.kind for each in found.kinds] == ["bed", "hoist", "mattress"]
    assert {store.name for each in found.kinds for store in each.stores} == {"Leicester store"}
    assert all(each.ready == each.held_back == 0 for each in found.kinds)


@pytest.mark.both_engines
def test_what_is_available_and_in_date_is_ready_in_its_store(service: Service) -> None:
    second_store(service)
    stock(service, "BED-1")
    stock(service, "BED-2", store_id="north")
    stock(service, "HST-1", "hoist")
    found = shown(service)
    assert [(each.kind, each.ready) for each in found.kinds] == [("bed", 2), ("hoist", 1), ("mattress", 0)]
    assert [(each.store_id, ids(each.items)) for each in found.kinds[0].stores] == [
        ("store", ["BED-1"]),
        ("north", ["BED-2"]),
    ]
    assert msgspec.to_builtins(found.kinds[1].stores[0].items) == [
        {
            "asset_id": "HST-1",
            "model": "Model 7",
            "commissioner": None,
            "service_due": "2026-08-04T11:00:00Z",
            "exam_due": "2026-02-04T12:00:00Z",
            "elsewhere": False,
            "tag_says": "It has no tag.",
        }
    ]


@pytest.mark.parametrize("state", ["prescribed", "on_loan", "returned", "decontaminated", "in_repair", "scrapped"])
def test_what_is_not_available_is_not_on_the_shelves(service: Service, state: str) -> None:
    stock(service, "BED-1")
    with service.register.write() as conn:
        conn.execute(sa.update(asset), {"state": state})
    assert ready(service) == []
    assert held_back(service) == []


# --- in date


@pytest.mark.parametrize(
    ("facts", "why", "words"),
    [
        ({"exam_due_s": None}, Why.EXAM_UNKNOWN, "No thorough examination is known, so it is not in date."),
        ({"exam_due_s": NOW}, Why.EXAM_OVERDUE, "Its thorough examination was due on 12 November."),
        ({"service_due_s": NOW}, Why.SERVICE_OVERDUE, "Its service was due on 12 November."),
        ({"service_due_s": NOW, "exam_due_s": NOW}, Why.EXAM_OVERDUE, "Its thorough examination was due"),
        ({"service_due_s": NOW, "exam_due_s": None}, Why.EXAM_UNKNOWN, "No thorough examination is known"),
    ],
)
@pytest.mark.both_engines
def test_what_is_not_in_date_is_held_back_and_says_what_to_do(
    service: Service, facts: dict[str, int | None], why: Why, words: str
) -> None:
    stock(service, "HST-1", "hoist", **facts)
    assert ready(service, "hoist") == []
    (item,) = held_back(service, "hoist")
    assert item.why is why
    assert words in item.sentence
    assert f"kitback assets {'serviced' if why is Why.SERVICE_OVERDUE else 'examined'} HST-1" in item.sentence
    assert of_kind(service, "hoist").held_back == 1


@pytest.mark.parametrize("column", ["service_due_s", "exam_due_s"])
def test_it_is_in_date_up_to_the_second_at_which_it_is_due(service: Service, column: str) -> None:
    stock(service, "HST-1", "hoist", **{column: NOW})
    assert ids(ready(service, "hoist", NOW - 1)) == ["HST-1"]
    assert ids(ready(service, "hoist", NOW)) == []


def test_a_service_that_nobody_entered_holds_nothing_back_and_is_shown_as_not_known(service: Service) -> None:
    stock(service, "BED-1", service_due_s=None)
    (item,) = ready(service)
    assert item.service_due is None


def test_a_kind_that_has_no_examination_needs_none(service: Service) -> None:
    stock(service, "MAT-1", "mattress")
    assert ids(ready(service, "mattress")) == ["MAT-1"]


def test_what_a_safety_notice_calls_back_is_held_back_before_all_else(service: Service) -> None:
    stock(service, "HST-1", "hoist", exam_due_s=NOW)
    with service.register.write() as conn:
        recalls.recall_asset(conn, "N-1", "HST-1", "Sling bar", NOW - DAY)
    (item,) = held_back(service, "hoist")
    assert item.why is Why.RECALLED
    assert "A safety notice calls it back since 11 November. Make it safe first" in item.sentence
    with service.register.write() as conn:
        recalls.make_safe(conn, "N-1", "HST-1", NOW)
    assert held_back(service, "hoist")[0].why is Why.EXAM_OVERDUE


# --- what its tag says


@pytest.mark.both_engines
def test_what_its_tag_hears_in_another_store_is_offered_last_and_says_so(service: Service) -> None:
    second_store(service)
    stock(service, "BED-1")
    stock(service, "BED-2")
    hear(service, "BED-1", "north", "store")
    hear(service, "BED-2", "store", "store")
    found = of_kind(service)
    assert (found.ready, found.elsewhere, found.stores[0].elsewhere) == (2, 1, 1)
    (agrees, elsewhere) = found.stores[0].items
    assert (agrees.asset_id, agrees.elsewhere) == ("BED-2", False)
    assert agrees.tag_says == "Its tag agrees, since 11 November."
    assert (elsewhere.asset_id, elsewhere.elsewhere) == ("BED-1", True)
    assert elsewhere.tag_says == (
        "Not here, says its tag: at Loughborough store since 11 November. Look before you promise it."
    )


@pytest.mark.parametrize(
    ("place_id", "place_type", "at"), [("home", "loan_address", "Home in Oadby"), ("van", "vehicle", "Van 3")]
)
def test_what_its_tag_hears_at_a_home_or_in_a_van_is_elsewhere(
    service: Service, place_id: str, place_type: str, at: str
) -> None:
    with service.register.write() as conn:
        places.add_place(conn, "van", None, "vehicle", "Van 3", NOW - DAY)
    stock(service, "BED-1")
    hear(service, "BED-1", place_id, place_type)
    (item,) = ready(service)
    assert item.elsewhere
    assert f"at {at} since" in item.tag_says


@pytest.mark.both_engines
@pytest.mark.parametrize("surveyed", [None, "store", "shelf"])
def test_an_unknown_place_is_elsewhere_if_the_store_would_be_known(service: Service, surveyed: str | None) -> None:
    with service.register.write() as conn:
        places.add_place(conn, "hall", "store", "zone", "Hall", NOW - DAY)
        places.add_place(conn, "shelf", "hall", "zone", "Shelf", NOW - DAY)
        places.add_anchor(conn, "00", surveyed or "home", NOW - DAY)
    stock(service, "BED-1")
    hear(service, "BED-1", None, "unknown")
    (item,) = ready(service)
    assert item.elsewhere is (surveyed is not None)
    assert item.tag_says.startswith(
        "Not here, says its tag: at a place Kitback does not know since 11 November."
        if surveyed
        else "Its tag knows no landmark where it is, since 11 November."
    )


@pytest.mark.both_engines
def test_a_store_on_the_grounds_of_a_hospital_is_where_its_tags_hear_the_hospital(service: Service) -> None:
    with service.register.write() as conn:
        places.add_place(conn, "llr", None, "service", "LLR", NOW - DAY)
        places.add_place(conn, "lri", "llr", "hospital", "Leicester Royal Infirmary", NOW - DAY)
        places.add_place(conn, "satellite", "lri", "store", "Satellite store", NOW - DAY)
    stock(service, "BED-1", store_id="satellite")
    stock(service, "BED-2", store_id="satellite")
    hear(service, "BED-1", "lri", "hospital")
    hear(service, "BED-2", "llr", "service")
    assert [(item.asset_id, item.elsewhere) for item in ready(service)] == [("BED-1", False), ("BED-2", True)]


def test_a_tag_that_fell_silent_says_when_it_was_last_heard(service: Service) -> None:
    stock(service, "BED-1")
    hear(service, "BED-1", "store", "store", heard_at=NOW - 36 * HOUR)
    assert ready(service)[0].tag_says == "Its tag agrees, since 11 November. It was last heard on 10 November."
    assert "last heard" not in ready(service, now_s=NOW - 1)[0].tag_says


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"heard_at": None}, "Its tag was never heard."),
        ({"place_id": None, "place_type": None}, "Its tag has not said where it is."),
    ],
)
def test_a_tag_that_says_nothing_contradicts_nothing(service: Service, facts: dict[str, None], words: str) -> None:
    stock(service, "BED-1")
    hear(service, "BED-1", "store", "store")
    service.tell("BED-1", **facts)
    (item,) = ready(service)
    assert (item.tag_says, item.elsewhere) == (words, False)


def test_what_is_in_no_store_stands_last_and_says_where_its_tag_is(service: Service) -> None:
    stock(service, "BED-1", store_id=None)
    hear(service, "BED-1", "store", "store")
    last = of_kind(service).stores[-1]
    assert (last.store_id, last.name, last.ready, last.elsewhere) == (None, "No store entered", 1, 0)
    assert last.items[0].tag_says == (
        "Its tag says: at Leicester store since 11 November. Enter its store: kitback assets put BED-1."
    )


# --- order and bounds


@pytest.mark.both_engines
def test_what_stays_in_date_longest_is_offered_first(service: Service) -> None:
    stock(service, "HST-1", "hoist", exam_due_s=NOW + DAY)
    stock(service, "HST-2", "hoist", exam_due_s=NOW + 9 * DAY, service_due_s=None)
    stock(service, "HST-3", "hoist", exam_due_s=NOW + 9 * DAY, service_due_s=NOW + DAY)
    assert ids(ready(service, "hoist")) == ["HST-3", "HST-2", "HST-1"]


@pytest.mark.both_engines
def test_a_long_shelf_is_cut_short_and_counted_whole(service: Service) -> None:
    for n in range(4):
        stock(service, f"HST-{n}", "hoist")
        stock(service, f"HST-X{n}", "hoist", exam_due_s=None)
    hear(service, "HST-0", "home", "loan_address")
    found = of_kind(service, "hoist", limit=2)
    (store,) = found.stores
    assert (store.ready, store.elsewhere, store.held_back) == (4, 1, 4)
    assert (len(store.items), len(store.not_ready)) == (2, 2)
    assert (found.ready, found.elsewhere, found.held_back) == (4, 1, 4)


@pytest.mark.both_engines
@pytest.mark.parametrize("near", ["hospital", "loughborough HOSPITAL", "ward"])
def test_the_nearest_store_comes_first_and_one_without_a_point_last(service: Service, near: str) -> None:
    second_store(service)
    with service.register.write() as conn:
        places.add_place(conn, "annexe", None, "store", "Annexe", NOW)
        places.add_place(conn, "melton", None, "store", "Melton store", NOW, point=MELTON)
    found = shown(service, near=near)
    assert [(each.name, each.km) for each in found.kinds[0].stores] == [
        ("Loughborough store", 0.0),
        ("Leicester store", 16.5),
        ("Melton store", 22.2),
        ("Annexe", None),
    ]
    assert found.near is not None


def test_without_a_place_stores_stand_by_their_names(service: Service) -> None:
    second_store(service)
    with service.register.write() as conn:
        places.add_place(conn, "annexe", None, "store", "Annexe", NOW)
    found = shown(service)
    assert found.near is None
    assert [(each.name, each.km) for each in found.kinds[0].stores] == [
        ("Annexe", None),
        ("Leicester store", None),
        ("Loughborough store", None),
    ]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"near": "Narnia"}, 'there is no place "Narnia": give its id'),
        ({"near": "home"}, "not kept: give the hospital, or a store near it"),
        ({"near": "lri"}, "enter it with `kitback places point lri`"),
        ({"near": "The Elms"}, "2 places are called"),
        ({"kind": "beds"}, 'did you mean "bed"'),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_remedy(
    service: Service, wanted: dict[str, str], words: str
) -> None:
    with service.register.write() as conn:
        places.add_place(conn, "lri", None, "hospital", "Leicester Royal Infirmary", NOW)
        for each in ("elms-1", "elms-2"):
            places.add_place(conn, each, None, "care_home", "The Elms", NOW)
    with pytest.raises(NoSuch, match=words):
        shown(service, **wanted)


def test_an_id_is_meant_before_a_name(service: Service) -> None:
    second_store(service)
    with service.register.write() as conn:
        places.add_place(conn, "x", None, "hospital", "NORTH", NOW, point=MELTON)
    found = shown(service, near="north")
    assert found.near is not None
    assert found.near.place_id == "north"


# --- on its way back


@pytest.mark.both_engines
def test_what_comes_back_soon_is_shown_by_how_near_the_shelf_it_is(service: Service) -> None:
    for n, status in enumerate(["requested", "booked", "collected", "decontaminated", "in_repair"]):
        service.lend(f"B-{n}")
        at = {f"{status}_s": NOW - n * DAY} if status in ("collected", "decontaminated") else {}
        at |= {"inspected_s": NOW - DAY} if status == "in_repair" else {}
        at |= {"collect_by_s": NOW // DAY * DAY + 6 * DAY - 1} if status == "requested" else {}
        bring_home(service, f"B-{n}", status, **at)
    service.lend("B-5", pathway="home_first", days=40)
    service.lend("B-6", pathway="home_first", days=30)
    service.lend("B-7", pathway="home_first", days=43)
    found = of_kind(service)
    assert [(each.stage, each.title, each.count) for each in found.coming] == [
        (Stage.INSPECT, "To be inspected and tested", 1),
        (Stage.DECONTAMINATE, "To be decontaminated", 1),
        (Stage.REPAIR, "In repair", 1),
        (Stage.BOOKED, "Collection booked", 1),
        (Stage.REQUESTED, "Collection asked for", 1),
        (Stage.DUE_SOON, "Loan due back soon", 1),
    ]
    assert [(each.asset_id, each.where, each.sentence) for each in found.next] == [
        ("B-3", "Leicester store", "To be inspected and tested, since 9 November."),
        ("B-2", "Leicester store", "To be decontaminated, since 10 November."),
        ("B-4", "Leicester store", "In repair, since 11 November."),
        ("B-1", "Home in Oadby", "Collection booked for 11:00 on 13 November."),
        ("B-0", "Home in Oadby", "Collection asked for, to be collected by 17 November."),
        ("B-5", "Home in Oadby", "Loan due back on 14 November, if it is not needed longer."),
    ]
    assert [(each.loan_ref, each.at) for each in found.next][3] == ("L-B-1", "2025-11-13T11:00:00Z")


def test_a_loan_that_is_overdue_is_not_promised_and_one_that_is_due_later_neither(service: Service) -> None:
    service.lend("B", pathway="home_first", days=10)
    due_s, soon_s = NOW + 3 * DAY, NOW
    service.tell("B", due_s=due_s, due_soon_s=soon_s)
    assert [len(of_kind(service, now_s=now).next) for now in (soon_s - 1, soon_s, due_s - 1, due_s)] == [0, 1, 1, 0]


@pytest.mark.both_engines
def test_a_loan_that_a_silent_feed_tells_of_is_promised_to_nobody_until_it_is_heard(service: Service) -> None:
    service.lend("B", pathway="home_first", days=40)
    service.lend("C", pathway="home_first", days=40)
    with service.register.write() as conn:
        feeds.hear(conn, "acme", NOW - 30 * DAY, NOW - 30 * DAY)
    service.tell("B", fed_by="acme")
    assert [each.asset_id for each in of_kind(service).next] == ["C"]
    with service.register.write() as conn:
        feeds.hear(conn, "acme", NOW, NOW)
    assert [each.asset_id for each in of_kind(service).next] == ["B", "C"]


def test_a_collection_without_a_day_and_with_failed_visits_says_so(service: Service) -> None:
    service.lend("B", pathway="end_of_life")
    bring_home(service, "B", "requested", failed_visits=2)
    (item,) = of_kind(service).next
    assert item.sentence == "Collection asked for, no day is set. Visits that failed: 2."


def test_a_collection_that_is_over_brings_nothing_back(service: Service) -> None:
    service.lend("B")
    bring_home(service, "B", "requested")
    with service.register.write() as conn:
        conn.execute(sa.update(collection), {"status": "cancelled", "ended_s": NOW})
    assert of_kind(service).next == []


def test_what_came_home_before_is_counted_once(service: Service) -> None:
    service.lend("B")
    bring_home(service, "B", "available", ended_s=NOW - 9 * DAY)
    bring_home(service, "B", "collected", collected_s=NOW - DAY)
    assert [each.count for each in of_kind(service).coming] == [1]
    assert [each.sentence for each in of_kind(service).next] == ["To be decontaminated, since 11 November."]


def test_what_is_called_back_does_not_come_back_to_the_shelf(service: Service) -> None:
    service.lend("B", pathway="home_first", days=40)
    with service.register.write() as conn:
        recalls.recall_asset(conn, "N-1", "B", "Rails", NOW)
    assert of_kind(service).next == []


@pytest.mark.both_engines
def test_many_that_come_back_are_cut_short_the_soonest_first_and_counted_whole(service: Service) -> None:
    for n in range(3):
        service.lend(f"B-{n}", pathway="home_first", days=38 + n)
    found = of_kind(service, limit=2)
    assert [each.asset_id for each in found.next] == ["B-2", "B-1"]
    assert [each.count for each in found.coming] == [3]


def test_what_is_prescribed_is_nobody_elses(service: Service) -> None:
    stock(service, "BED-1")
    with service.register.write() as conn:
        loans.prescribe(conn, service.policy, "L-1", "BED-1", "home_first", "home", "home", NOW)
        assert conn.scalar(sa.select(sa.func.count()).select_from(loan)) == 1
    assert ready(service) == []
    assert of_kind(service).next == []
