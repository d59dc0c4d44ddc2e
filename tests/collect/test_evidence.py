"""Evidence as staff read it."""

import pytest

from kitback.collect.evidence import FACTS, basis
from kitback.watch import RULES
from lending import NOW


def words(fact: str, value: object) -> str:
    ((_, said),) = basis({"seen": {fact: value}, "compared_with": None}, NOW)
    return said


def test_every_fact_of_a_rule_has_a_name() -> None:
    assert {fact for rule in RULES for fact in rule.seen} <= set(FACTS)


@pytest.mark.parametrize(
    ("fact", "value", "said"),
    [
        ("used_at", "2025-11-10T09:00:00Z", "09:00 on 10 November"),
        ("battery_mv", 3312, "3.3 V"),
        ("used_by_paid_carers", True, "yes"),
        ("used_by_paid_carers", False, "no"),
        ("place_type", "care_home", "care home"),
        ("recall_ref", "NatPSA/2023/010", "NatPSA/2023/010"),
    ],
)
def test_a_fact_is_said_in_the_words_of_its_kind(fact: str, value: object, said: str) -> None:
    assert words(fact, value) == said


def test_what_nobody_knows_is_not_said() -> None:
    assert list(basis({"seen": {"used_at": None}, "compared_with": None}, NOW)) == []


@pytest.mark.parametrize(
    ("entry", "value", "origin", "said"),
    [
        ("kind.bed.idle_home", "7 d", "J", "7 days (Kitback's judgement)"),
        ("pathway.home_first.delivery_speed", "2", "P", "delivery speed 2 (published)"),
        ("pathway.end_of_life.loan_period", "open", "own", "loan period open (your service's policy)"),
        ("watch.steady_use_days", 2, "J", "steady use days 2 (Kitback's judgement)"),
        ("kind.bed.low_battery_mv", 3500, "J", "3.5 V (Kitback's judgement)"),
    ],
)
def test_what_it_was_compared_with_says_where_that_comes_from(
    entry: str, value: object, origin: str, said: str
) -> None:
    compared = {"entry": entry, "value": value, "origin": origin}
    assert list(basis({"seen": {}, "compared_with": compared}, NOW)) == [("Compared with", said)]
