"""The policy: the trade's defaults, and what a service changes."""

import json
import math
import re
from pathlib import Path

import pytest

from kitback.policy import Difference, Period, PolicyError, load

LENT = 1_759_309_200
"""1 October 2025, 10:00 in London."""
DAY = 86400
FIRMWARE = Path(__file__).parents[2] / "firmware"


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


def test_what_is_published_names_its_source() -> None:
    assert {key for key, entry in load().entries.items() if entry.origin == "P" and not entry.note} == set()


def test_tags_report_as_often_as_the_defaults_say() -> None:
    for name, kind in load().kind.items():
        source = (FIRMWARE / "tag" / "use" / f"{name}.py").read_text(encoding="utf-8")
        product = re.findall("REPORT_S = ([0-9 *]+)", source)[0].split("*")
        assert kind.reports_every.seconds == math.prod(int(factor) for factor in product)


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


def test_every_mistake_of_a_file_is_named_with_line_key_and_remedy_when_it_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[kind.bed]\nidle_home = "6 weeks"\n\n[kind.bde]\nidle_home = "7 d"\n')
    with pytest.raises(PolicyError) as error:
        load(file)
    assert str(error.value).splitlines() == [
        f'{file}:2: kind.bed.idle_home: "6 weeks" is not a length of time; write it as "72 h", "42 d" or "6 months"',
        f'{file}:4: kind.bde: no such kind; did you mean "bed"?',
    ]


def test_a_policy_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.toml: No such file"):
        load(tmp_path / "gone.toml")


def test_a_service_chooses_another_delivery_speed_for_a_pathway(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[pathway.home_first]\ndelivery_speed = "1"\n[delivery_speed.1]\nwithin = "3 h"\n')
    assert load(file).clocks("home_first", "home", None, LENT, None).deliver_by_s == LENT + 3 * 3600
    assert load().clocks("home_first", "home", None, LENT, None).deliver_by_s == LENT + DAY


@pytest.mark.parametrize(
    ("pathway", "setting", "speed", "complaint"),
    [
        ("holiday", "home", None, 'pathway "holiday" is not in the policy'),
        ("home_first", "hotel", None, 'setting "hotel" is not known; there are home, care_home, school, hospital'),
        ("home_first", "home", "4", 'delivery speed "4" is not in the policy; it has 1, 2, 3, discharge'),
    ],
)
def test_what_the_policy_does_not_know_has_no_clocks_but_an_error(
    pathway: str, setting: str, speed: str | None, complaint: str
) -> None:
    with pytest.raises(PolicyError, match=re.escape(complaint)):
        load().clocks(pathway, setting, speed, LENT, LENT)


def test_a_kind_the_policy_does_not_know_has_no_service_but_an_error() -> None:
    with pytest.raises(PolicyError, match='kind "commode" is not in the policy; it has bed, hoist, mattress'):
        load().serviced("commode", LENT)


def test_a_policy_that_says_the_same_has_the_same_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[pathway.home_first]\nloan_period = "42 d"\n')
    assert load(file).fingerprint == load().fingerprint
    assert load(file).differences(load().values) == []


def test_one_other_value_is_another_fingerprint_and_the_one_difference(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[watch]\ndue_soon = "10 d"\n')
    assert load(file).fingerprint != load().fingerprint
    assert load(file).differences(load().values) == [Difference("watch.due_soon", "7 d", "10 d")]


def test_a_line_that_came_or_went_with_a_release_is_a_difference() -> None:
    old = dict(load().values)
    del old["watch.due_soon"]
    old["kind.bed.safety_check"] = False
    assert load().differences(old) == [
        Difference("watch.due_soon", None, "7 d"),
        Difference("kind.bed.safety_check", False, None),
    ]


def test_values_can_be_kept_as_json_and_compared_after() -> None:
    assert load().differences(json.loads(json.dumps(load().values))) == []
