"""The clocks of the systems around the loan: each flag is there at its second, and not one before."""

import pytest

from kitback.register import loans
from lending import DAY, HOUR, NOW, Service
from london import london


def delivered(service: Service, pathway: str, at: int, setting: str = "home") -> None:
    service.prescribe("B", pathway=pathway, at=at - HOUR, setting=setting)
    with service.register.write() as conn:
        loans.deliver(conn, service.policy, "L-B", at)


def raised_at(service: Service, rule: str, at: int) -> bool:
    """Whether a flag of a rule is there at that second, and was not one before."""
    service.judge(at - 1)
    before = service.open_flags("B")
    service.judge(at)
    return rule not in before and service.since("B", rule) == at


@pytest.mark.parametrize(
    ("pathway", "from_s", "due_s"),
    [
        ("home_first", london(2025, 10, 1, 10), london(2025, 11, 12, 10)),
        ("urgent_community_response", london(2025, 10, 20, 10), london(2025, 11, 3, 10)),
        ("crisis_response", london(2025, 12, 24, 22), london(2025, 12, 27, 22)),
        ("reablement", london(2026, 3, 1, 21), london(2026, 4, 12, 21)),
        ("hospital_discharge", london(2025, 11, 1, 9), london(2025, 12, 13, 9)),
        ("short_term_wheelchair", london(2025, 8, 31, 9), london(2026, 2, 28, 9)),
    ],
    ids=[
        "Home First, 42 days",
        "UCR, 14 days",
        "ICRS, 72 hours through nights and bank holidays",
        "reablement, 42 days over a change of the clocks",
        "hospital discharge, 42 days",
        "wheelchair, 6 months to a month that lacks the day",
    ],
)
def test_a_loan_is_overdue_at_its_second(service: Service, pathway: str, from_s: int, due_s: int) -> None:
    delivered(service, pathway, from_s)
    assert raised_at(service, "overdue", due_s)


@pytest.mark.parametrize(
    ("pathway", "setting", "from_s", "review_s"),
    [
        ("long_term", "home", london(2025, 9, 1, 10), london(2025, 12, 1, 10)),
        ("long_term", "school", london(2025, 9, 1, 10), london(2025, 12, 1, 10)),
        ("home_first", "home", london(2025, 10, 1, 10), london(2025, 11, 5, 10)),
        ("urgent_community_response", "home", london(2025, 10, 20, 10), london(2025, 10, 30, 10)),
        ("end_of_life", "home", london(2025, 10, 1, 10), london(2025, 10, 29, 10)),
        ("care_home", "care_home", london(2025, 8, 31, 10), london(2026, 2, 28, 10)),
    ],
    ids=[
        "the 91-day mark",
        "the 91-day mark at school",
        "Home First, day 35",
        "UCR, day 10",
        "end of life, day 28",
        "care home, 6 months",
    ],
)
def test_a_review_is_due_at_its_second(
    service: Service, pathway: str, setting: str, from_s: int, review_s: int
) -> None:
    delivered(service, pathway, from_s, setting)
    assert raised_at(service, "review_due", review_s)
    sentence = service.open_flags("B")["review_due"]
    assert ("clinician" in sentence) == (pathway == "end_of_life")


@pytest.mark.parametrize(
    ("pathway", "speed", "prescribed_s", "by_s"),
    [
        ("urgent_community_response", None, london(2025, 11, 12, 22), london(2025, 11, 13, 2)),
        ("crisis_response", None, london(2025, 12, 25, 23), london(2025, 12, 26, 3)),
        ("home_first", None, london(2025, 11, 12, 10), london(2025, 11, 13, 10)),
        ("long_term", None, london(2026, 3, 27, 10), london(2026, 3, 30, 10)),
        ("hospital_discharge", "discharge", london(2025, 11, 12, 10), london(2025, 11, 12, 12)),
    ],
    ids=[
        "Delivery Speed 1, 4 hours through the night",
        "Delivery Speed 1 on a bank holiday",
        "Delivery Speed 2, 24 hours",
        "Delivery Speed 3, 3 days over a change of the clocks",
        "hospital discharge, 2 hours",
    ],
)
def test_a_delivery_is_late_at_its_second(
    service: Service, pathway: str, speed: str | None, prescribed_s: int, by_s: int
) -> None:
    service.prescribe("B", pathway=pathway, speed=speed, at=prescribed_s)
    service.judge(by_s - 1)
    assert service.since("B", "not_delivered") != by_s
    service.judge(by_s)
    assert service.since("B", "not_delivered") == by_s


@pytest.mark.parametrize("days", [1, 30, 400])
def test_an_open_loan_is_never_overdue(service: Service, days: int) -> None:
    service.lend("B", pathway="end_of_life", days=days)
    service.judge(NOW + DAY)
    assert not {"overdue", "due_soon"} & set(service.open_flags("B"))
