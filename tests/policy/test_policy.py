"""The policy: the trade's defaults, and what a service changes."""

from pathlib import Path

import pytest

from kitback.policy import Period, PolicyError, load

LENT = 1_759_309_200
"""1 October 2025, 10:00 in London."""
DAY = 86400


def test_defaults_hold_the_trades_pathways_and_kinds() -> None:
    policy = load()
    assert list(policy.pathway) == [
        "crisis_response",
        "urgent_community_response",
        "home_first",
        "reablement",
        "hospital_discharge",
        "end_of_life",
        "short_term_wheelchair",
        "long_term",
        "care_home",
    ]
    assert set(policy.kind) == {"bed", "hoist", "mattress"}


def test_every_default_says_where_it_comes_from() -> None:
    assert {key for key, entry in load().entries.items() if not entry.origin and key[-1] != "name"} == set()


def test_no_idle_threshold_claims_to_be_published() -> None:
    assert {entry.origin for key, entry in load().entries.items() if key[-1].startswith("idle")} == {"J"}


def test_a_loan_is_due_when_its_pathway_says() -> None:
    policy = load()
    assert policy.due("crisis_response", LENT) == LENT + 72 * 3600
    assert policy.due("home_first", LENT) == LENT + 42 * DAY + 3600, (
        "42 days later at 10:00, after the clocks went back"
    )
    assert policy.due("end_of_life", LENT) is None
    assert policy.due("long_term", LENT) is None


def test_a_loan_on_no_known_pathway_has_no_due_date_but_an_error() -> None:
    with pytest.raises(PolicyError, match='pathway "holiday" is not in the policy; it has crisis_response, '):
        load().due("holiday", LENT)


def test_only_the_end_of_life_is_the_clinicians_alone() -> None:
    assert [name for name, pathway in load().pathway.items() if pathway.clinician_only] == ["end_of_life"]


def test_care_homes_are_asked_sooner_and_everywhere_else_counts_as_home() -> None:
    mattress = load().kind["mattress"]
    assert mattress.idle("care_home") == Period(hours=48)
    assert mattress.idle("home") == mattress.idle("school") == Period(hours=72)


def test_a_service_changes_one_value_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[pathway.home_first]\nloan_period = "56 d"\n[kind.bed]\nlow_battery_mv = 3600\n')
    policy = load(file)
    assert policy.due("home_first", LENT) == LENT + 56 * DAY + 3600
    assert policy.kind["bed"].low_battery_mv == 3600
    assert policy.kind["bed"].idle_home == load().kind["bed"].idle_home
    assert policy.entries["pathway", "home_first", "loan_period"].origin == "own"
    assert policy.entries["pathway", "home_first", "review"].origin == "J"


def test_a_service_may_open_a_loan_period_or_close_it(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[pathway.home_first]\nloan_period = "open"\n[pathway.long_term]\nloan_period = "6 months"\n')
    policy = load(file)
    assert policy.due("home_first", LENT) is None
    assert policy.due("long_term", LENT) is not None


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('[pathway.home_first]\nloan_period = "6 weeks"', "pathway.home_first.loan_period", 'write it as "72 h"'),
        ("[pathway.home_first]\nloan_period = 42", "pathway.home_first.loan_period", 'write it as "72 h"'),
        ('[pathway.home_frst]\nloan_period = "42 d"', "pathway.home_frst", 'did you mean "home_first"?'),
        ("[kind.bde]\n", "kind.bde", 'did you mean "bed"?'),
        ('[kind.bed]\nidle = "4 d"', "kind.bed.idle", 'did you mean "idle_home"?'),
        ('[kind.bed]\nidle_home = "open"', "kind.bed.idle_home", "give a length of time"),
        ('[kind.bed]\nlow_battery_mv = "low"', "kind.bed.low_battery_mv", "give a whole number"),
        ("[kind.bed]\nlow_battery_mv = -1", "kind.bed.low_battery_mv", "give a whole number, not negative"),
        ("[pathway.long_term]\nclinician_only = 1", "pathway.long_term.clinician_only", "give true or false"),
        ("[kind.bed]\nidle_home = 1.5", "kind.bed.idle_home", "give one value"),
        ("[kind]\nbed = 3", "kind.bed", "write [kind.bed]"),
        ("[rules]\n", "rules", "there are delivery_speed, kind, pathway, watch"),
        ("[kind.bed\n", "", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_key_and_remedy(tmp_path: Path, text: str, key: str, remedy: str) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(text)
    with pytest.raises(PolicyError) as error:
        load(file)
    assert str(error.value).startswith(f"{file}: {key}")
    assert remedy in str(error.value)


def test_a_policy_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.toml: No such file"):
        load(tmp_path / "gone.toml")
