"""The systems around a loan, a test for each clock that they run by, as the defaults have them."""

from datetime import datetime

import pytest

from kitback.policy import LONDON, SETTINGS, Clocks, load
from london import london

POLICY = load()
DAY = 86400
MORNING = int(datetime(2025, 11, 12, 10, 30, tzinfo=LONDON).timestamp())
"""Wednesday 12 November 2025, far from any change of the clocks."""


def clocks(
    pathway: str,
    prescribed_s: int | None = None,
    delivered_s: int | None = None,
    setting: str = "home",
    speed: str | None = None,
) -> Clocks:
    return POLICY.clocks(pathway, setting, speed, prescribed_s, delivered_s)


# --- delivery speeds


@pytest.mark.parametrize(
    "pathway", ["crisis_response", "urgent_community_response", "hospital_discharge", "end_of_life"]
)
def test_delivery_speed_1_delivers_within_4_hours_and_warns_an_hour_before(pathway: str) -> None:
    told = clocks(pathway, prescribed_s=MORNING)
    assert told.deliver_by_s == london(2025, 11, 12, 14, 30)
    assert told.deliver_risk_s == london(2025, 11, 12, 13, 30)


def test_delivery_speed_1_runs_through_the_night_and_christmas() -> None:
    assert clocks("crisis_response", london(2025, 12, 24, 23)).deliver_by_s == london(2025, 12, 25, 3)


@pytest.mark.parametrize("pathway", ["home_first", "reablement"])
def test_delivery_speed_2_delivers_within_24_hours_and_warns_four_before(pathway: str) -> None:
    told = clocks(pathway, prescribed_s=MORNING)
    assert told.deliver_by_s == london(2025, 11, 13, 10, 30)
    assert told.deliver_risk_s == london(2025, 11, 13, 6, 30)


def test_delivery_speed_2_is_24_hours_that_pass_when_the_clocks_go_back() -> None:
    assert clocks("home_first", london(2025, 10, 25, 12)).deliver_by_s == london(2025, 10, 26, 11)


@pytest.mark.parametrize("pathway", ["short_term_wheelchair", "long_term", "care_home"])
def test_delivery_speed_3_delivers_within_3_days_and_warns_a_day_before(pathway: str) -> None:
    told = clocks(pathway, prescribed_s=MORNING)
    assert told.deliver_by_s == london(2025, 11, 15, 10, 30), "a Saturday: days, not working days"
    assert told.deliver_risk_s == london(2025, 11, 14, 10, 30)


def test_delivery_speed_3_ends_at_the_same_time_of_day_when_the_clocks_go_forward() -> None:
    assert clocks("long_term", london(2026, 3, 27, 12)).deliver_by_s == london(2026, 3, 30, 12)


def test_hospital_discharge_has_2_hours_at_best_only_when_chosen_for_the_loan() -> None:
    assert clocks("hospital_discharge", MORNING).deliver_by_s == MORNING + 4 * 3600
    told = clocks("hospital_discharge", MORNING, speed="discharge")
    assert (told.deliver_risk_s, told.deliver_by_s) == (MORNING + 3600, MORNING + 2 * 3600)


def test_without_a_prescription_no_delivery_is_awaited() -> None:
    told = clocks("crisis_response", delivered_s=MORNING)
    assert (told.deliver_by_s, told.deliver_risk_s, told.team_response_s) == (None, None, None)


def test_before_the_delivery_nothing_is_due_back_or_for_review() -> None:
    told = clocks("home_first", prescribed_s=MORNING)
    assert (told.due_s, told.due_soon_s, told.review_s) == (None, None, None)


# --- the teams


def test_urgent_community_response_comes_within_2_hours() -> None:
    assert clocks("urgent_community_response", london(2025, 11, 12, 23, 30)).team_response_s == london(
        2025, 11, 13, 1, 30
    )


def test_urgent_community_response_begins_home_first_within_2_days() -> None:
    assert clocks("home_first", MORNING).team_response_s == london(2025, 11, 14, 10, 30)


def test_home_first_lends_for_42_days_with_a_review_at_35_and_says_when_a_week_is_left() -> None:
    told = clocks("home_first", delivered_s=MORNING)
    assert told.due_s == london(2025, 12, 24, 10, 30)
    assert told.review_s == london(2025, 12, 17, 10, 30)
    assert told.due_soon_s == london(2025, 12, 17, 10, 30)


def test_crisis_response_lends_for_72_hours_through_nights_and_a_bank_holiday() -> None:
    good_friday_at_night = london(2026, 4, 3, 23)
    told = clocks("crisis_response", good_friday_at_night, good_friday_at_night)
    assert told.team_response_s == good_friday_at_night + 2 * 3600
    assert told.due_s == told.review_s == london(2026, 4, 6, 23), "Easter Monday"


def test_crisis_response_is_due_soon_for_half_of_its_72_hours_and_no_longer() -> None:
    told = clocks("crisis_response", delivered_s=MORNING)
    assert told.due_soon_s == MORNING + 36 * 3600


@pytest.mark.parametrize(
    ("referred", "there_by"),
    [
        ((2025, 11, 12, 10, 30), (2025, 11, 13, 10, 30)),
        ((2025, 11, 12, 8, 0), (2025, 11, 13, 8, 0)),
        ((2025, 11, 12, 21, 59), (2025, 11, 13, 21, 59)),
        ((2025, 11, 12, 22, 0), (2025, 11, 14, 8, 0)),
        ((2025, 11, 12, 23, 0), (2025, 11, 14, 8, 0)),
        ((2025, 11, 13, 3, 0), (2025, 11, 14, 8, 0)),
        ((2025, 12, 24, 23, 0), (2025, 12, 26, 8, 0)),
    ],
    ids=["in hours", "as they open", "just before they close", "as they close", "at 23:00", "at night", "at Christmas"],
)
def test_reablement_works_8_to_22_every_day_and_a_referral_at_night_counts_from_the_morning(
    referred: tuple[int, ...], there_by: tuple[int, ...]
) -> None:
    assert clocks("reablement", london(*referred)).team_response_s == london(*there_by)


def test_reablements_hours_hold_no_delivery_up() -> None:
    at_night = london(2025, 11, 12, 23)
    assert clocks("reablement", at_night).deliver_by_s == at_night + DAY


# --- end of life, school, 91 days


def test_end_of_life_has_no_end_and_nothing_automated() -> None:
    pathway = POLICY.pathway["end_of_life"]
    told = clocks("end_of_life", MORNING, MORNING)
    assert (told.due_s, told.due_soon_s) == (None, None)
    assert pathway.clinician_only
    assert POLICY.collect_by("end_of_life", MORNING) is None, "on notification, not by a clock"


def test_end_of_life_is_reviewed_by_the_clinician_every_28_days() -> None:
    first = london(2025, 12, 10, 10, 30)
    assert POLICY.next_review("end_of_life", MORNING, None) == first
    assert POLICY.next_review("end_of_life", MORNING, first) == london(2026, 1, 7, 10, 30)


@pytest.mark.parametrize("pathway", list(POLICY.pathway))
def test_a_school_has_the_same_clocks_as_a_home(pathway: str) -> None:
    assert clocks(pathway, MORNING, MORNING, "school") == clocks(pathway, MORNING, MORNING, "home")


def test_a_school_is_asked_after_as_long_as_a_home() -> None:
    assert "school" in SETTINGS
    assert all(kind.idle("school") == kind.idle_home for kind in POLICY.kind.values())


def test_the_91_day_mark_is_a_review_of_every_long_term_loan() -> None:
    assert clocks("long_term", delivered_s=MORNING).review_s == london(2026, 2, 11, 10, 30)


def test_a_review_long_before_the_91_day_mark_leaves_the_mark_standing() -> None:
    mark = london(2026, 2, 11, 10, 30)
    assert POLICY.next_review("long_term", MORNING, mark - 8 * DAY) == mark
    assert POLICY.next_review("long_term", MORNING, mark - 7 * DAY) == london(2027, 2, 4, 10, 30)


def test_after_the_91_day_mark_a_long_term_loan_is_reviewed_every_12_months() -> None:
    assert POLICY.next_review("long_term", MORNING, london(2026, 2, 13, 9)) == london(2027, 2, 13, 9)


def test_a_review_of_a_loan_that_ends_is_its_only_one() -> None:
    assert POLICY.next_review("home_first", MORNING, london(2025, 12, 16, 9)) is None


def test_a_care_home_is_reviewed_every_6_months() -> None:
    first = london(2026, 5, 12, 10, 30)
    assert POLICY.next_review("care_home", MORNING, None) == first
    assert POLICY.next_review("care_home", MORNING, first) == london(2026, 11, 12, 10, 30)


def test_a_short_term_wheelchair_comes_back_after_6_months_with_a_review_in_week_12() -> None:
    told = clocks("short_term_wheelchair", delivered_s=MORNING)
    assert told.due_s == london(2026, 5, 12, 10, 30)
    assert told.review_s == london(2026, 2, 4, 10, 30)


# --- collection


def end_of(*day: int) -> int:
    return london(*day, 23, 59, 59)


def test_collection_within_5_working_days() -> None:
    assert POLICY.collect_by("home_first", MORNING) == end_of(2025, 11, 19)


def test_collection_within_5_working_days_over_easter() -> None:
    thursday = london(2026, 4, 2, 9)
    assert POLICY.collect_by("home_first", thursday) == end_of(2026, 4, 13), "neither Good Friday nor Easter Monday"


def test_collection_within_5_working_days_over_christmas_and_new_year() -> None:
    assert POLICY.collect_by("home_first", london(2025, 12, 22, 9)) == end_of(2025, 12, 31)
    assert POLICY.collect_by("home_first", london(2025, 12, 24, 9)) == end_of(2026, 1, 5)


def test_collection_asked_for_at_the_weekend_counts_from_monday() -> None:
    saturday, friday = london(2025, 11, 15, 12), london(2025, 11, 14, 12)
    assert POLICY.collect_by("home_first", saturday) == end_of(2025, 11, 21) == POLICY.collect_by("home_first", friday)


# --- upkeep


@pytest.mark.parametrize("kind", ["bed", "hoist", "mattress"])
def test_every_kind_is_serviced_every_year(kind: str) -> None:
    assert POLICY.serviced(kind, MORNING) == london(2026, 11, 12, 10, 30)


def test_a_hoist_is_thoroughly_examined_every_6_months_and_nothing_else_is() -> None:
    told = {kind: POLICY.examined(kind, MORNING) for kind in POLICY.kind}
    assert told == {"bed": None, "hoist": london(2026, 5, 12, 10, 30), "mattress": None}


def test_only_a_mattress_without_power_is_a_safety_check_and_within_4_hours() -> None:
    told = {name: kind.safety_check_within and kind.safety_check_within.words() for name, kind in POLICY.kind.items()}
    assert told == {"bed": None, "hoist": None, "mattress": "4 hours"}
