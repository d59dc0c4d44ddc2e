"""Delivery by evidence: heard where it is lent to, or used away from stores; as of that moment, and audited."""

import json

import pytest
import sqlalchemy as sa

from kitback.register import loans
from kitback.register.tables import audit, judgement, loan, use_day, whereabouts
from lending import DAY, HOUR, NOW, Service

pytestmark = pytest.mark.both_engines


def delivered(service: Service) -> tuple[int | None, str | None]:
    with service.register.read() as conn:
        row = conn.execute(sa.select(loan.c.from_s, loan.c.delivered_by)).one()
        return row.from_s, row.delivered_by


def moves(service: Service, place_id: str | None, place_type: str, at: int, seen: int) -> None:
    with service.register.write() as conn:
        conn.execute(sa.insert(whereabouts).values(asset_id="B", from_s=at, place_id=place_id, confidence=1))
    service.tell("B", place_id=place_id, place_type=place_type, place_from=at, place_seen=seen)


def use(service: Service, at: int) -> None:
    with service.register.write() as conn:
        row = {"asset_id": "B", "day": at // DAY, "in_use": 60, "events": 1, "seen": 60, "used_at": at}
        conn.execute(sa.insert(use_day), row)
    service.tell("B", used_at=at)


@pytest.fixture
def prescribed(service: Service) -> Service:
    service.prescribe("B", pathway="crisis_response", at=NOW)
    return service


def test_heard_where_it_is_lent_to_it_was_delivered_when_it_came_there(prescribed: Service) -> None:
    moves(prescribed, "home", "loan_address", NOW + 3 * HOUR, NOW + 5 * HOUR)
    prescribed.judge(NOW + 6 * HOUR)
    assert delivered(prescribed) == (NOW + 3 * HOUR, "tag")
    assert prescribed.open_flags("B") == {}, "in time, although it was told late"


def test_it_is_audited_as_the_tags_word(prescribed: Service) -> None:
    moves(prescribed, "home", "loan_address", NOW + 3 * HOUR, NOW + 3 * HOUR)
    prescribed.judge(NOW + 4 * HOUR)
    with prescribed.register.read() as conn:
        row = conn.execute(sa.select(audit).where(audit.c.what == "loan.deliver L-B")).one()
    assert (row.who, row.why, row.at_us) == ("tag", "heard where it is lent to", (NOW + 3 * HOUR) * 1_000_000)
    assert json.loads(row.after)["delivered_by"] == "tag"


def test_the_clocks_of_the_loan_run_from_then(prescribed: Service) -> None:
    moves(prescribed, "home", "loan_address", NOW + 3 * HOUR, NOW + 3 * HOUR)
    prescribed.judge(NOW + 4 * HOUR)
    with prescribed.register.read() as conn:
        assert conn.scalar(sa.select(judgement.c.due_s)) == NOW + 3 * HOUR + 72 * HOUR


def test_used_at_an_address_that_nobody_has_learned_it_was_delivered_at_the_first_use(prescribed: Service) -> None:
    moves(prescribed, None, "unknown", NOW + HOUR, NOW + 2 * HOUR)
    prescribed.judge(NOW + 2 * HOUR)
    assert delivered(prescribed) == (None, None), "it may still be in the van"
    use(prescribed, NOW + 3 * HOUR)
    prescribed.judge(NOW + 4 * HOUR)
    assert delivered(prescribed) == (NOW + 3 * HOUR, "tag")


@pytest.mark.parametrize(("place_id", "place_type"), [("store", "store"), (None, "vehicle")])
def test_tried_out_in_stores_or_shaken_in_the_van_is_no_delivery(
    prescribed: Service, place_id: str | None, place_type: str
) -> None:
    moves(prescribed, place_id, place_type, NOW + HOUR, NOW + 2 * HOUR)
    use(prescribed, NOW + 2 * HOUR)
    prescribed.judge(NOW + 3 * HOUR)
    assert delivered(prescribed) == (None, None)


def test_used_where_the_stores_are_not_learned_is_no_delivery(prescribed: Service) -> None:
    with prescribed.register.write() as conn:
        conn.execute(sa.delete(whereabouts))
    moves(prescribed, None, "unknown", NOW + HOUR, NOW + 2 * HOUR)
    use(prescribed, NOW + 2 * HOUR)
    prescribed.judge(NOW + 3 * HOUR)
    assert delivered(prescribed) == (None, None)


def test_lent_on_where_it_stands_it_was_delivered_with_the_prescription(prescribed: Service) -> None:
    moves(prescribed, "home", "loan_address", NOW - DAY, NOW - HOUR)
    prescribed.judge(NOW + HOUR)
    assert delivered(prescribed) == (None, None), "not heard there since"
    prescribed.tell("B", place_seen=NOW + HOUR)
    prescribed.judge(NOW + HOUR)
    assert delivered(prescribed) == (NOW, "tag")


def test_what_staff_noted_stays(prescribed: Service) -> None:
    with prescribed.register.write() as conn:
        loans.deliver(conn, prescribed.policy, "L-B", NOW + HOUR, who="Ann")
    moves(prescribed, "home", "loan_address", NOW + 3 * HOUR, NOW + 3 * HOUR)
    prescribed.judge(NOW + 4 * HOUR)
    assert delivered(prescribed) == (NOW + HOUR, "staff")


def test_a_time_to_come_is_no_evidence(prescribed: Service) -> None:
    moves(prescribed, "home", "loan_address", NOW + 3 * HOUR, NOW + 3 * HOUR)
    prescribed.judge(NOW + 3 * HOUR - 1)
    assert delivered(prescribed) == (None, None)
