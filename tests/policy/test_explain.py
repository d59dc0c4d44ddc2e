"""A loan's clocks explained: when each falls, the sum in words, and the lines of the policy it rests on."""

from pathlib import Path

import pytest
from msgspec import structs

from kitback.policy import Facts, Policy, Reckoned, explain, load, moment
from london import london

NOW = london(2026, 10, 5, 10)
LOAN = Facts(
    kind="bed",
    pathway="home_first",
    setting="home",
    speed=None,
    prescribed_s=london(2026, 9, 30, 23),
    delivered_s=london(2026, 10, 1, 11),
    due_own_s=None,
    reviewed_s=None,
    serviced_s=london(2026, 8, 31, 10),
    examined_s=None,
)


def explained(policy: Policy | None = None, now_s: int = NOW, **other: str | int | None) -> dict[str, Reckoned]:
    told = explain(policy or load(), structs.replace(LOAN, **other), now_s)
    return {each.clock: each for each in told}


def test_every_clock_of_a_loan_is_explained_in_the_order_of_its_life() -> None:
    assert list(explained()) == [
        "team_response",
        "deliver_risk",
        "deliver_by",
        "review",
        "due_soon",
        "due",
        "collect_by",
        "service_due",
        "exam_due",
        "idle",
        "silent",
        "safety_check",
    ]


@pytest.mark.parametrize("pathway", list(load().pathway))
@pytest.mark.parametrize("kind", list(load().kind))
def test_the_moments_told_are_the_policys_own(pathway: str, kind: str) -> None:
    policy = load()
    told = explained(pathway=pathway, kind=kind, examined_s=LOAN.serviced_s)
    clocks = policy.clocks(pathway, "home", None, LOAN.prescribed_s, LOAN.delivered_s)
    for clock in ("team_response", "deliver_risk", "deliver_by", "review", "due"):
        assert told[clock].at_s == getattr(clocks, f"{clock}_s"), clock
    assert (told["due_soon"].at_s if "due_soon" in told else None) == clocks.due_soon_s
    assert told["service_due"].at_s == policy.serviced(kind, LOAN.serviced_s or 0)
    assert told["exam_due"].at_s == policy.examined(kind, LOAN.serviced_s or 0)


def test_a_moment_is_said_as_people_say_it() -> None:
    assert moment(london(2026, 11, 12, 9, 5)) == "09:05 on Thursday 12 November 2026"


def test_each_clock_names_the_lines_it_rests_on_with_their_origin() -> None:
    rests_on = explained()["deliver_by"].rests_on
    assert list(rests_on) == ["pathway.home_first.delivery_speed", "delivery_speed.2.within"]
    assert rests_on["delivery_speed.2.within"].value == "24 h"
    assert rests_on["delivery_speed.2.within"].source == "published: LLR equipment service"


def test_a_line_of_the_services_own_file_is_said_to_be_its_own(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[pathway.home_first]\nloan_period = "56 d"\n')
    due = explained(load(file))["due"]
    assert due.at_s == london(2026, 11, 26, 11)
    assert due.rests_on["pathway.home_first.loan_period"].source == "your policy file"


def test_the_sum_says_what_the_clocks_going_back_does_to_days() -> None:
    assert explained()["due"].words == (
        "6 weeks after it was delivered (11:00 on Thursday 1 October 2026), to the same time of day. "
        "The clocks go back in between, so 1009 hours pass."
    )


def test_the_sum_says_what_the_clocks_going_forward_does_to_hours() -> None:
    told = explained(pathway="crisis_response", delivered_s=london(2026, 3, 27, 11), prescribed_s=None)
    assert told["due"].words == (
        "72 hours after it was delivered (11:00 on Friday 27 March 2026), day and night. "
        "The clocks go forward in between, so 11:00 becomes 12:00."
    )


def test_a_referral_while_the_team_is_off_duty_is_said_to_count_from_the_morning() -> None:
    assert explained(pathway="reablement")["team_response"].words == (
        "It was prescribed at 23:00 on Wednesday 30 September 2026, while the team was off duty. "
        "1 day after it came on (08:00 on Thursday 1 October 2026), to the same time of day. "
        "The team is on duty 08:00 to 22:00, every day."
    )


def test_a_speed_chosen_for_the_loan_is_said_to_be() -> None:
    told = explained(pathway="hospital_discharge", speed="discharge")["deliver_by"]
    assert told.words.startswith("hospital discharge at best, chosen for this loan: 2 hours after it was prescribed")
    assert list(told.rests_on) == ["delivery_speed.discharge.within"]


def test_due_soon_never_takes_more_than_half_of_a_loan_and_says_so() -> None:
    assert explained(pathway="crisis_response")["due_soon"].words == (
        "7 days before it is due back would be more than half of the loan, so halfway."
    )


def test_a_day_agreed_for_the_loan_is_its_own_and_rests_on_no_line() -> None:
    agreed = london(2026, 12, 1, 12)
    told = explained(due_own_s=agreed)
    assert (told["due"].at_s, told["due"].words, told["due"].rests_on) == (agreed, "Agreed for this loan.", {})
    assert told["due_soon"].at_s == london(2026, 11, 24, 12)


def test_a_loan_without_end_says_so_and_is_never_due_soon() -> None:
    told = explained(pathway="long_term")
    assert told["due"].words == "A loan for long term has no end."
    assert "due_soon" not in told


def test_what_nobody_noted_is_said_and_has_no_moment() -> None:
    told = explained(prescribed_s=None, delivered_s=None, kind="hoist", serviced_s=None)
    assert {clock: each.words for clock, each in told.items() if each.at_s is None and each.clock != "collect_by"} == {
        "team_response": "Nobody noted when it was prescribed.",
        "deliver_by": "Nobody noted when it was prescribed.",
        "review": "It has not been delivered.",
        "due": "It has not been delivered.",
        "service_due": "Nobody noted when it was last serviced.",
        "exam_due": "Nobody noted when it was last thoroughly examined.",
        "idle": "At home: 2 weeks without use is worth a question.",
        "silent": "A tag that was not heard for 72 hours is silent.",
        "safety_check": "Silence or lost power is a question, not a safety check.",
    }


def test_a_review_that_came_too_early_is_said_not_to_count() -> None:
    told = explained(reviewed_s=london(2026, 10, 20, 9))["review"]
    assert told.at_s == london(2026, 11, 5, 11)
    assert "too early to count for the first review" in told.words
    assert "watch.due_soon" in told.rests_on


def test_a_review_that_was_the_only_one_says_that_no_other_follows() -> None:
    told = explained(reviewed_s=london(2026, 11, 2, 9))["review"]
    assert told.at_s is None
    assert told.words == "It was reviewed at 09:00 on Monday 2 November 2026; no other follows."


def test_a_review_that_is_held_again_and_again_counts_from_the_latest() -> None:
    told = explained(pathway="long_term", reviewed_s=london(2027, 1, 4, 9))["review"]
    assert told.at_s == london(2028, 1, 4, 9)
    assert told.words == "12 months after the review (09:00 on Monday 4 January 2027), to the same time of day."


def test_at_the_end_of_life_it_is_all_left_to_the_clinician_and_the_family() -> None:
    told = explained(pathway="end_of_life")
    assert told["collect_by"].words == "When the clinician or the family says so, at their pace."
    assert told["review"].words.endswith("It is the clinician's.")
    assert told["idle"].words == "At home: 7 days without use is a matter for the clinician: nothing automated asks."


def test_a_collection_names_every_day_that_does_not_count() -> None:
    told = explained(now_s=london(2026, 12, 23, 10))["collect_by"]
    assert told.at_s is None
    assert told.words == (
        "5 working days after somebody asks for the collection. Asked for now, by the end of Monday 4 January 2027, "
        "not counting Friday 25 December 2026 (Christmas Day); Saturday 26 December 2026 (Boxing Day); "
        "Sunday 27 December 2026; Monday 28 December 2026 (Boxing Day (observed)); "
        "Friday 1 January 2027 (New Year's Day); Saturday 2 January 2027; Sunday 3 January 2027."
    )


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("home", "At home: 7 days without use is worth a question."),
        ("care_home", "In a care home: 5 days without use is worth a question."),
        ("school", "In a school, as at home: 7 days without use is worth a question."),
    ],
)
def test_the_setting_decides_when_idleness_is_worth_a_question(setting: str, words: str) -> None:
    assert explained(setting=setting)["idle"].words == words


def test_a_mattress_has_its_safety_check() -> None:
    assert explained(kind="mattress")["safety_check"].words == (
        "Silence or lost power is a safety check, within 4 hours."
    )


def test_hours_of_duty_are_counted_as_such(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[pathway.reablement]\nteam_response = "4 h"\n')
    told = explained(load(file), pathway="reablement", prescribed_s=london(2026, 9, 30, 20))["team_response"]
    assert told.at_s == london(2026, 10, 1, 10)
    assert told.words == (
        "4 hours on duty after it was prescribed (20:00 on Wednesday 30 September 2026). "
        "The team is on duty 08:00 to 22:00, every day."
    )
