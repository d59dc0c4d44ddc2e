"""Flags and collections: one asks for the other, and what is on its way home is asked about no more."""

import pytest
import sqlalchemy as sa

from kitback.register import IllegalMove, collections
from kitback.register.tables import collection, flag
from kitback.watch.life import Outcome, Status, move
from lending import DAY, HOUR, NOW, Service

pytestmark = pytest.mark.both_engines


def status(service: Service, rule: str) -> str | None:
    with service.register.read() as conn:
        return conn.scalar(sa.select(flag.c.status).where(flag.c.rule == rule).order_by(flag.c.flag_id.desc()))


def trip(service: Service) -> str | None:
    with service.register.read() as conn:
        return conn.scalar(sa.select(collection.c.status).order_by(collection.c.collection_id.desc()))


def decide(service: Service, to: Status, at: int = NOW, outcome: Outcome | None = None, rule: str = "idle") -> None:
    with service.register.write() as conn:
        flag_id = conn.scalar(sa.select(flag.c.flag_id).where(flag.c.rule == rule, flag.c.closed_at.is_(None)))
        move(conn, flag_id or 0, to, at, "Ann", "so", policy=service.policy, outcome=outcome)


def request(service: Service, at: int = NOW) -> None:
    with service.register.write() as conn:
        collections.request(conn, service.policy, "L-B", at)


def idle(service: Service, **facts: str | int) -> None:
    service.lend("B", **({"used_at": NOW - 20 * DAY} | facts))
    service.judge()


def to_be_fetched(service: Service, rule: str = "idle") -> None:
    for to in (Status.CONTACTED, Status.CONFIRMED, Status.COLLECTION):
        decide(service, to, rule=rule)


def test_to_collect_a_flag_is_to_request_its_collection(service: Service) -> None:
    idle(service)
    decide(service, Status.CONTACTED)
    decide(service, Status.CONFIRMED)
    assert trip(service) is None
    decide(service, Status.COLLECTION)
    assert trip(service) == "requested"


def test_the_second_flag_of_a_loan_has_the_same_collection(service: Service) -> None:
    idle(service, pathway="home_first", days=50)
    assert set(service.open_flags("B")) == {"idle", "overdue"}
    to_be_fetched(service)
    to_be_fetched(service, "overdue")
    with service.register.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(collection)) == 1


def test_a_collection_that_is_called_off_brings_its_flag_back(service: Service) -> None:
    idle(service)
    to_be_fetched(service)
    service.judge(NOW + HOUR)
    assert status(service, "idle") == "collection"
    with service.register.write() as conn:
        collections.cancel(conn, "L-B", NOW + HOUR)
    service.judge(NOW + HOUR)
    assert status(service, "idle") == "open"


def test_a_flag_in_collection_that_is_over_closes_when_that_is_called_off(service: Service) -> None:
    idle(service)
    to_be_fetched(service)
    service.tell("B", used_at=None, loan_from=NOW)
    service.judge(NOW + HOUR)
    assert status(service, "idle") == "collection"
    with service.register.write() as conn:
        collections.cancel(conn, "L-B", NOW + HOUR)
    service.tell("B", used_at=None, loan_from=NOW)
    service.judge(NOW + HOUR)
    assert status(service, "idle") == "closed"


@pytest.mark.parametrize(
    ("to", "outcome"), [(Status.STILL_NEEDED, None), (Status.OPEN, None), (Status.CLOSED, Outcome.WRONG_FLAG)]
)
def test_what_is_needed_after_all_is_not_fetched(service: Service, to: Status, outcome: Outcome | None) -> None:
    idle(service)
    to_be_fetched(service)
    decide(service, to, outcome=outcome)
    assert trip(service) == "cancelled"


def test_a_flag_that_was_right_leaves_the_collection_when_it_is_closed(service: Service) -> None:
    idle(service)
    to_be_fetched(service)
    decide(service, Status.CLOSED, outcome=Outcome.NOT_NEEDED)
    assert trip(service) == "requested"


def test_what_staff_asked_to_be_fetched_without_a_flag_is_asked_about_no_more(service: Service) -> None:
    idle(service, pathway="home_first", days=50, review_s=NOW - DAY)
    request(service)
    service.tell("B", used_at=NOW - 20 * DAY, heard_at=NOW, complete_to=NOW, whole=True)
    service.judge(NOW + HOUR)
    assert service.open_flags("B") == {}
    service.judge(NOW + 2 * HOUR)
    assert service.open_flags("B") == {}


def test_but_it_is_asked_for_a_review_when_it_was_used_since(service: Service) -> None:
    idle(service, pathway="home_first", days=50)
    request(service)
    service.tell("B", used_at=NOW + DAY, heard_at=NOW + DAY, complete_to=NOW + DAY, whole=True)
    service.judge(NOW + DAY)
    assert "Do not collect" in service.open_flags("B")["overdue"]


def test_where_it_is_and_what_is_due_of_it_matters_on_the_way_home_too(service: Service) -> None:
    idle(service, service_due_s=NOW + DAY)
    request(service)
    service.tell("B", place_id="other", place_from=NOW, used_at=NOW - 20 * DAY, whole=True, service_due_s=NOW + DAY)
    service.judge(NOW + HOUR)
    assert {"off_site", "service_due"} <= set(service.open_flags("B"))


def test_at_the_end_of_life_a_flag_is_collected_on_a_clinicians_word_only(service: Service) -> None:
    idle(service, pathway="end_of_life")
    with pytest.raises(IllegalMove, match="on notification only"):
        request(service)
    to_be_fetched(service)
    assert trip(service) == "requested"
