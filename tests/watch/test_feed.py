"""Where the provider's feed and a tag part, and what a feed that has fallen silent keeps from being asked."""

import pytest
import sqlalchemy as sa

from kitback.register import feeds, loans
from kitback.register.tables import judgement, loan
from lending import DAY, HOUR, NOW, Service

LENT = NOW - 30 * DAY


def fed(
    service: Service, asset_id: str = "BED-1", delivered_by: str = "feed", **facts: int | str | bool | None
) -> None:
    service.lend(asset_id, **facts)
    with service.register.write() as conn:
        conn.execute(sa.update(loan).values(fed_by="acme", delivered_by=delivered_by))
        conn.execute(sa.update(judgement).values(fed_by="acme"))


def told_to(service: Service, told_s: int) -> None:
    with service.register.write() as conn:
        feeds.hear(conn, "acme", told_s, told_s)


@pytest.fixture
def fresh(service: Service) -> Service:
    told_to(service, NOW - HOUR)
    return service


IN_STORES = {"place_id": "store", "place_type": "store", "place_from": LENT - DAY}


def test_told_as_delivered_but_heard_in_stores_all_along_is_put_right(fresh: Service) -> None:
    fed(fresh, **IN_STORES)
    fresh.judge()
    assert fresh.open_flags("BED-1") == {
        "not_moved": "The provider's feed says it was delivered on 13 October, but it is still in stores "
        "(heard there at 10:00 today). Check the shelf; deliver it, or put the loan right."
    }
    assert fresh.since("BED-1", "not_moved") == LENT


def test_told_as_delivered_but_heard_at_another_home_since_before_is_put_right(fresh: Service) -> None:
    fed(fresh, place_id="other", place_from=LENT - DAY)
    fresh.judge()
    assert "it has not moved from where it was before" in fresh.open_flags("BED-1")["not_moved"]


@pytest.mark.parametrize(
    "facts",
    [
        {"place_id": "home", "place_from": LENT - DAY},
        {"place_id": None, "place_type": "unknown", "place_from": LENT - DAY},
        {**IN_STORES, "place_seen": LENT + DAY - 1},
    ],
    ids=["it is there", "nobody knows where it is", "not heard for long enough since"],
)
def test_what_does_not_contradict_a_delivery_is_not_flagged(fresh: Service, facts: dict[str, int | str | None]) -> None:
    fed(fresh, **facts)
    fresh.judge()
    assert "not_moved" not in fresh.open_flags("BED-1")


@pytest.mark.both_engines
def test_what_staff_entered_as_delivered_they_saw_whoever_tells_of_the_loan(fresh: Service) -> None:
    fed(fresh, delivered_by="staff", **IN_STORES)
    fresh.judge()
    assert "not_moved" not in fresh.open_flags("BED-1")


def _returned(service: Service, seen_s: int, **facts: int | str | bool | None) -> None:
    fed(service, **facts)
    with service.register.write() as conn:
        loans.return_loan(conn, "L-BED-1", NOW - 3 * DAY, who="feed acme")
    service.tell("BED-1", place_seen=seen_s, place_from=LENT, whole=True, heard_at=NOW, complete_to=NOW)


def test_told_as_returned_but_heard_where_it_was_lent_to_is_put_right(fresh: Service) -> None:
    _returned(fresh, NOW - 2 * DAY)
    fresh.judge()
    assert fresh.open_flags("BED-1") == {
        "not_back": "The provider's feed says it came back on 9 November, but it is still where it was lent to "
        "(heard there at 11:00 on 10 November). Find out from the driver, and put the loan right."
    }
    assert fresh.since("BED-1", "not_back") == NOW - 3 * DAY


@pytest.mark.parametrize(
    ("seen_s", "facts"),
    [(NOW - 2 * DAY - 1, {}), (NOW, {"place_id": "other"}), (NOW, {"place_id": "store", "place_type": "store"})],
    ids=["not heard for long enough since", "heard elsewhere", "back in stores"],
)
def test_what_does_not_contradict_a_return_is_not_flagged(
    fresh: Service, seen_s: int, facts: dict[str, int | str | None]
) -> None:
    _returned(fresh, seen_s, **facts)
    fresh.judge()
    assert "not_back" not in fresh.open_flags("BED-1")


@pytest.mark.parametrize(
    ("rule", "facts"),
    [("overdue", {"due_s": NOW - DAY}), ("due_soon", {"due_soon_s": NOW - DAY, "due_s": NOW + 30 * DAY})],
)
def test_while_its_feed_is_stale_no_loan_is_called_overdue_or_due_soon(
    service: Service, rule: str, facts: dict[str, int]
) -> None:
    told_to(service, NOW - 36 * HOUR)
    fed(service, **facts)
    service.judge()
    assert service.open_flags("BED-1") == {}
    told_to(service, NOW)
    service.judge()
    assert set(service.open_flags("BED-1")) == {rule}


def test_a_stale_feed_closes_nothing_and_lets_other_rules_speak(service: Service) -> None:
    told_to(service, NOW - 36 * HOUR)
    fed(service, due_soon_s=NOW - DAY, due_s=NOW + DAY)
    told_to(service, NOW - 35 * HOUR)
    service.judge()
    assert set(service.open_flags("BED-1")) == {"due_soon"}
    service.tell("BED-1", review_s=NOW + DAY, complete_to=NOW + 2 * DAY, used_at=NOW + 2 * DAY, heard_at=NOW + 2 * DAY)
    service.judge(NOW + 2 * DAY)
    assert set(service.open_flags("BED-1")) == {"due_soon", "review_due"}, "overdue, if it could be asked"


def test_a_stale_feed_keeps_nothing_from_other_loans(service: Service) -> None:
    told_to(service, NOW - 36 * HOUR)
    service.lend("BED-2", due_s=NOW - DAY)
    service.judge()
    assert "overdue" in service.open_flags("BED-2")
