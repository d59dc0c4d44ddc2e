"""What comes back is worth something, and costs something: the policy's credit and its cost of a trip home."""

from pathlib import Path

import pytest

from kitback.policy import PolicyError, load

_OWN = """
[kind.bed]
value_pence = 50000
credit_pct = 70
cleaning_pence = 1200
[collection]
van_pence = 2500
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(_OWN)
    return path


def test_the_credit_is_a_share_of_the_pieces_own_value(file: Path) -> None:
    assert load(file).credit_pence("bed", 60_000) == 42_000


def test_a_piece_whose_value_nobody_noted_is_credited_by_its_kinds(file: Path) -> None:
    assert load(file).credit_pence("bed", None) == 35_000


def test_what_is_worth_nothing_is_credited_with_nothing(file: Path) -> None:
    assert load(file).credit_pence("bed", 0) == 0


def test_a_part_of_a_penny_is_not_credited(file: Path) -> None:
    assert load(file).credit_pence("bed", 99) == 69


def test_what_a_van_fetched_costs_the_van_and_the_cleaning(file: Path) -> None:
    assert load(file).homecoming_cost_pence("bed", "van") == 3_700


@pytest.mark.parametrize("how", ["drop_off", "found"])
def test_what_came_without_a_van_costs_its_cleaning(file: Path, how: str) -> None:
    assert load(file).homecoming_cost_pence("bed", how) == 1_200


def test_a_kind_the_policy_does_not_know_has_no_credit_and_no_cost_but_an_error() -> None:
    with pytest.raises(PolicyError, match='kind "commode" is not in the policy'):
        load().credit_pence("commode", 10_000)
    with pytest.raises(PolicyError, match='kind "commode" is not in the policy'):
        load().homecoming_cost_pence("commode", "van")


def test_more_than_all_of_it_is_never_given_back(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[kind.bed]\ncredit_pct = 101\n")
    with pytest.raises(PolicyError, match="101 will not do; give a whole number from 0 to 100"):
        load(path)
