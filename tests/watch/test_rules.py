"""What each rule sees, does not see, and says."""

import json

import pytest
import sqlalchemy as sa

from kitback.register import listening, loans, recalls
from kitback.register.tables import flag, judgement, use_day, whereabouts
from kitback.watch import RULES, Judged, judge
from lending import DAY, HOUR, NOW, Service
from london import london

HEARD: dict[str, int | bool] = {"heard_at": NOW - HOUR, "complete_to": NOW - HOUR, "whole": True, "battery_mv": 4000}
"""Of a tag that a step of the register has read anew: these tests' tags have sent nothing."""


def test_all_is_well_raises_nothing(service: Service) -> None:
    for kind in ("bed", "hoist", "mattress"):
        service.lend(kind, kind)
    service.judge()
    assert [service.open_flags(kind) for kind in ("bed", "hoist", "mattress")] == [{}, {}, {}]


# --- idle


def test_idle_is_a_question_with_its_length_and_beginning(service: Service) -> None:
    service.lend("B", used_at=NOW - HOUR - 18 * DAY)
    service.judge()
    assert service.open_flags("B") == {
        "idle": "Not used for 18 days (since 25 October). Ask whether it is still needed."
    }
    assert service.since("B", "idle") == NOW - HOUR - 18 * DAY


@pytest.mark.parametrize(
    ("kind", "setting", "hours"),
    [
        ("bed", "home", 7 * 24),
        ("bed", "care_home", 5 * 24),
        ("bed", "hospital", 7 * 24),
        ("hoist", "home", 14 * 24),
        ("hoist", "care_home", 10 * 24),
        ("mattress", "home", 72),
        ("mattress", "school", 72),
        ("mattress", "care_home", 48),
    ],
)
def test_idle_begins_at_the_threshold_of_kind_and_setting(
    service: Service, kind: str, setting: str, hours: int
) -> None:
    told = NOW - HOUR
    service.lend("just", kind, setting=setting, used_at=told - hours * HOUR)
    service.lend("not yet", kind, setting=setting, used_at=told - hours * HOUR + 1)
    service.judge()
    assert "idle" in service.open_flags("just")
    assert service.open_flags("not yet") == {}


def test_silence_is_not_idleness(service: Service) -> None:
    """A hoist whose battery died in week three was in use until then, as far as anyone knows."""
    service.lend(
        "H", "hoist", used_at=NOW - 20 * DAY, heard_at=NOW - 19 * DAY, complete_to=NOW - 19 * DAY, battery_mv=3300
    )
    service.judge()
    assert service.open_flags("H") == {
        "silent": "Nothing heard from its tag for 19 days (since 12:00 on 24 October). Its battery was low before it "
        "fell silent. Whether it is used is not known. Have the tag looked at on the next visit.",
        "battery_low": "The battery of its tag is low (3.3 V). Have it changed on the next visit.",
    }


def test_half_of_an_upload_is_no_evidence(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY, whole=False)
    service.judge()
    assert service.open_flags("B") == {}


def test_old_news_is_dated(service: Service) -> None:
    told = NOW - 30 * HOUR
    service.lend("B", used_at=told - 9 * DAY, heard_at=NOW - 30 * HOUR, complete_to=told)
    service.judge()
    assert service.open_flags("B")["idle"].startswith(
        "Not used for 9 days (since 2 November), as far as its tag has told (to 11 November)."
    )


# --- never used


def test_never_used_overrules_idle_and_counts_from_the_loan(service: Service) -> None:
    service.lend("H", "hoist", days=30, used_at=None)
    service.judge()
    assert service.open_flags("H") == {
        "never_used": "Not used once since it was lent 29 days ago (on 13 October). Ask whether it is still needed."
    }
    assert service.since("H", "never_used") == NOW - 30 * DAY


def test_never_used_counts_from_the_fitting_when_the_tag_came_later(service: Service) -> None:
    service.lend("B", days=30, used_at=None, fitted_at=NOW - 8 * DAY)
    service.lend("C", days=30, used_at=None, fitted_at=NOW - 6 * DAY)
    service.judge()
    assert service.open_flags("B")["never_used"].startswith("Not used once since its tag was fitted 7 days ago")
    assert service.open_flags("C") == {}


# --- overdue


def test_overdue_and_in_use_is_a_review_and_never_a_collection(service: Service) -> None:
    service.lend("B", pathway="home_first", days=50)
    service.judge()
    assert service.open_flags("B") == {
        "overdue": "Due back 6 weeks after it was lent (on 4 November) but still in use. "
        "Review the loan or change it to long term. Do not collect."
    }


def test_overdue_and_idle_asks_whether_it_can_come_home(service: Service) -> None:
    service.lend("M", "mattress", pathway="crisis_response", days=20, used_at=NOW - HOUR - 4 * DAY)
    service.judge()
    assert set(service.open_flags("M")) == {"overdue", "idle"}
    assert service.open_flags("M")["overdue"] == (
        "Due back 72 hours after it was lent (on 26 October) and not used for 4 days. Ask whether it can come home."
    )


def test_overdue_and_silent_claims_nothing_about_use(service: Service) -> None:
    service.lend("B", pathway="home_first", days=50, heard_at=NOW - 40 * HOUR)
    service.judge()
    assert set(service.open_flags("B")) == {"overdue", "silent"}
    assert "its tag tells nothing of its use" in service.open_flags("B")["overdue"]


def test_a_date_that_was_agreed_is_said_as_a_date(service: Service) -> None:
    service.lend("B", pathway="home_first", days=50, due_s=NOW - DAY)
    service.judge()
    assert service.open_flags("B")["overdue"].startswith("Due back on 11 November but still in use.")


def test_a_loan_is_not_overdue_before_its_hour(service: Service) -> None:
    service.lend("B", due_s=NOW + 1)
    service.judge()
    assert service.open_flags("B") == {}
    service.judge(NOW + 1)
    assert set(service.open_flags("B")) == {"overdue"}


# --- silence


@pytest.mark.parametrize(("kind", "hours"), [("bed", 36), ("hoist", 72), ("mattress", 4)])
def test_silence_begins_at_the_threshold_of_its_kind(service: Service, kind: str, hours: int) -> None:
    service.lend("silent", kind, heard_at=NOW - hours * HOUR)
    service.lend("quiet", kind, heard_at=NOW - hours * HOUR + 1)
    service.judge()
    assert set(service.open_flags("silent")) == {"silent"}
    assert service.open_flags("quiet") == {}


def test_a_silent_mattress_is_a_safety_check(service: Service) -> None:
    service.lend("M", "mattress", heard_at=NOW - 5 * HOUR)
    service.judge()
    assert service.open_flags("M")["silent"] == (
        "Nothing heard from its tag for 5 hours (since 06:00 today). "
        "Safety check by 14:00 today: is it switched on and inflated?"
    )


def test_silence_while_the_gateway_was_away_says_nothing(service: Service) -> None:
    service.lend("M", "mattress", heard_at=NOW - 5 * HOUR)
    with service.register.write() as conn:
        listening.connected(conn, NOW - HOUR)
    service.judge()
    assert service.open_flags("M") == {}
    service.judge(NOW + 3 * HOUR)
    assert set(service.open_flags("M")) == {"silent"}


def test_a_gateway_that_does_not_listen_opens_no_silence(service: Service) -> None:
    service.lend("M", "mattress", heard_at=NOW - 5 * HOUR)
    nothing = dict.fromkeys(("heard_at", "complete_to", "whole", "battery_mv", "used_at", "place_id", "place_type"))
    service.lend("B", **nothing, place_from=None, place_seen=None)
    with service.register.write() as conn:
        listening.away(conn)
    service.judge()
    assert service.open_flags("M") == service.open_flags("B") == {}


def test_a_gateway_that_was_killed_opens_no_silence(service: Service) -> None:
    """It could not say that it is away."""
    service.lend("M", "mattress", heard_at=NOW - 5 * HOUR)
    service.judge(NOW - 4 * HOUR)  # with the gateway's last sign
    judge(service.register, service.policy, NOW)
    assert service.open_flags("M") == {}


def test_a_mattress_that_was_silent_in_the_store_is_no_safety_check_when_it_is_lent(service: Service) -> None:
    service.lend("M", "mattress", days=0, heard_at=NOW - 21 * DAY)
    service.judge()
    assert "silent" not in service.open_flags("M")


def test_overdue_and_in_use_is_not_asked_home_because_the_gateway_was_away(service: Service) -> None:
    service.lend("B", pathway="home_first", days=50, heard_at=NOW - 40 * HOUR, complete_to=NOW - 40 * HOUR)
    with service.register.write() as conn:
        listening.connected(conn, NOW - HOUR)
    service.judge()
    assert service.open_flags("B")["overdue"].endswith("Do not collect.")


def test_an_asset_first_heard_in_the_store_has_not_come_back(service: Service) -> None:
    service.lend("B", place_id="store", place_type="store", place_from=NOW - DAY)
    with service.register.write() as conn:
        conn.execute(sa.delete(whereabouts).where(whereabouts.c.asset_id == "B"))
    service.judge()
    assert service.open_flags("B") == {}


def test_overdue_does_not_open_beside_back_in_stores_while_half_an_upload_is_missing(service: Service) -> None:
    service.lend("B", pathway="home_first", days=41, place_id="store", place_type="store", place_from=NOW - DAY)
    service.judge()
    assert set(service.open_flags("B")) == {"seen_in_stores"}
    with service.register.write() as conn:
        conn.execute(sa.update(judgement).values(whole=False, heard_at=NOW + 2 * DAY))
    service.judge(NOW + 2 * DAY)
    assert set(service.open_flags("B")) == {"seen_in_stores"}


def test_a_silent_flag_stands_while_the_gateway_was_away(service: Service) -> None:
    service.lend("M", "mattress", heard_at=NOW - 5 * HOUR)
    service.judge()
    with service.register.write() as conn:
        listening.connected(conn, NOW + 2 * HOUR)
    service.judge(NOW + 2 * HOUR)
    assert set(service.open_flags("M")) == {"silent"}


def test_a_tag_never_heard_is_not_called_silent_idle_or_unused(service: Service) -> None:
    nothing = dict.fromkeys(("heard_at", "complete_to", "whole", "battery_mv", "used_at", "place_id", "place_type"))
    service.lend("B", **nothing, place_from=None, place_seen=None)
    service.judge()
    assert service.open_flags("B") == {
        "never_heard": "Its tag has not been heard once since it was fitted 30 days ago (on 13 October). Whether it is "
        "used is not known. Have the tag looked at on the next visit."
    }
    assert service.since("B", "never_heard") == NOW - 30 * DAY


def test_a_tag_fitted_today_has_time_to_be_heard(service: Service) -> None:
    service.lend("B", days=1, heard_at=None, complete_to=None, whole=None, used_at=None)
    service.judge()
    assert service.open_flags("B") == {}


# --- power


def test_an_unpowered_mattress_is_a_safety_check_at_once_even_in_half_an_upload(service: Service) -> None:
    service.lend("M", "mattress", unpowered_from=NOW - 2 * HOUR, whole=False)
    service.judge()
    assert service.open_flags("M") == {
        "unpowered": "No mains power for 2 hours (since 09:00 today) while someone was on it. "
        "Safety check by 13:00 today: is it switched on and inflated?"
    }


# --- whereabouts


def test_seen_in_stores_overrules_what_follows_from_it(service: Service) -> None:
    service.lend(
        "H",
        "hoist",
        pathway="home_first",
        days=50,
        used_at=NOW - 20 * DAY,
        place_id="store",
        place_type="store",
        place_from=NOW - 10 * DAY,
    )
    service.judge()
    assert service.open_flags("H") == {
        "seen_in_stores": "On loan, but back in stores since 2 November (10 days). Check the shelf and book it in."
    }


def test_a_loan_that_has_not_left_stores_yet_has_not_come_back(service: Service) -> None:
    service.lend("H", "hoist", days=1, place_id="store", place_type="store", place_from=NOW - 40 * DAY)
    service.judge()
    assert service.open_flags("H") == {}


def test_moved_to_an_unknown_place_and_still_used(service: Service) -> None:
    service.lend("B", place_id=None, place_type="unknown", place_from=NOW - 15 * DAY)
    service.judge()
    assert service.open_flags("B") == {
        "off_site": "Not where it was lent to since 28 October (15 days): at a place Kitback does not know, "
        "and still in use. Ask where it is now, and correct the loan."
    }


def test_moved_to_another_home(service: Service) -> None:
    service.lend("B", place_id="other", place_from=NOW - 15 * DAY)
    service.judge()
    assert "at another loan address" in service.open_flags("B")["off_site"]


def test_an_address_whose_anchors_nobody_learned_is_no_move(service: Service) -> None:
    service.lend("B", place_id=None, place_type="unknown", place_from=NOW - 29 * DAY)
    with service.register.write() as conn:
        conn.execute(sa.delete(whereabouts))
    service.judge()
    assert service.open_flags("B") == {}


def test_on_the_van_is_nowhere_to_ask_about(service: Service) -> None:
    service.lend("B", place_id=None, place_type="vehicle", place_from=NOW - DAY)
    service.judge()
    assert service.open_flags("B") == {}


# --- the clocks of a loan


def test_overdue_asks_for_the_review_that_is_due(service: Service) -> None:
    service.lend("B", due_s=NOW, review_s=NOW - DAY)
    service.judge(NOW - 1)
    assert set(service.open_flags("B")) == {"review_due"}
    service.judge(NOW)
    assert set(service.open_flags("B")) == {"overdue"}


def test_due_soon_gives_way_to_overdue(service: Service) -> None:
    service.lend("B", due_s=NOW + DAY, due_soon_s=NOW)
    service.judge()
    assert service.open_flags("B") == {
        "due_soon": "Due back on 13 November, and in use. Review the loan before then, or change it to long term."
    }
    service.judge(NOW + DAY)
    assert set(service.open_flags("B")) == {"overdue"}


def test_a_loan_is_not_due_soon_before_its_hour(service: Service) -> None:
    service.lend("B", due_s=NOW + DAY, due_soon_s=NOW + 1)
    service.judge()
    assert service.open_flags("B") == {}


def test_due_soon_and_not_used_asks_whether_it_can_come_home(service: Service) -> None:
    service.lend("B", due_s=NOW + DAY, due_soon_s=NOW - DAY, used_at=NOW - 20 * DAY)
    service.judge()
    assert service.open_flags("B")["due_soon"] == "Due back on 13 November. Ask whether it can come home then."


def test_a_review_is_due_at_its_hour_until_it_is_held(service: Service) -> None:
    service.lend("B", days=91, review_s=NOW)
    service.judge(NOW - 1)
    assert service.open_flags("B") == {}
    service.judge()
    assert service.open_flags("B") == {
        "review_due": "To be reviewed since 12 November, 91 days after it was lent. "
        "Review the loan, and note the review."
    }
    with service.register.write() as conn:
        loans.note_review(conn, service.policy, "L-B", NOW)
    service.tell("B", **HEARD, used_at=NOW - HOUR)
    service.judge(NOW + 60)
    assert service.open_flags("B") == {}


# --- delivery


def test_a_delivery_is_at_risk_and_then_late_in_one_flag(service: Service) -> None:
    service.prescribe("B", pathway="crisis_response", at=NOW)
    with service.register.read() as conn:
        risk, by = conn.execute(sa.select(judgement.c.deliver_risk_s, judgement.c.deliver_by_s)).one()
    assert by == NOW + 4 * HOUR
    service.judge(risk - 1)
    assert service.open_flags("B") == {}
    service.judge(risk)
    at_risk = "Not delivered yet, and it is to be there by 15:00 today."
    assert service.open_flags("B")["not_delivered"].startswith(at_risk)
    assert service.since("B", "not_delivered") == risk
    assert service.judge(by) == Judged(changed=1)
    assert service.open_flags("B")["not_delivered"].startswith(
        "Not delivered: it was to be there by 15:00 today, 0 minutes ago."
    )
    assert service.since("B", "not_delivered") == by


def test_a_delivery_closes_its_flag(service: Service) -> None:
    service.prescribe("B", pathway="crisis_response", at=NOW)
    service.judge(NOW + 5 * HOUR)
    with service.register.write() as conn:
        loans.deliver(conn, service.policy, "L-B", NOW + 5 * HOUR)
    service.judge(NOW + 5 * HOUR)
    assert "not_delivered" not in service.open_flags("B")


@pytest.mark.parametrize(
    ("pathway", "speed", "hours"),
    [
        ("long_term", "1", 4),
        ("home_first", "2", 24),
        ("crisis_response", None, 4),
        ("hospital_discharge", "discharge", 2),
        ("end_of_life", None, 4),
    ],
)
def test_a_late_delivery_is_told_at_the_second_its_speed_ends(
    service: Service, pathway: str, speed: str | None, hours: int
) -> None:
    service.prescribe("B", pathway=pathway, speed=speed, at=NOW)
    service.judge(NOW + hours * HOUR - 1)
    assert service.since("B", "not_delivered") != NOW + hours * HOUR
    service.judge(NOW + hours * HOUR)
    assert service.since("B", "not_delivered") == NOW + hours * HOUR


def test_delivery_speed_3_is_three_days_over_a_daylight_saving_change(service: Service) -> None:
    friday = london(2026, 3, 27, 10)
    service.prescribe("B", pathway="long_term", at=friday)
    monday = london(2026, 3, 30, 10)
    assert monday - friday == 71 * HOUR
    service.judge(monday - 1)
    assert service.since("B", "not_delivered") != monday
    service.judge(monday)
    assert service.since("B", "not_delivered") == monday


def test_while_nobody_listened_a_delivery_is_not_called_late(service: Service) -> None:
    """Its tag may wait with the news."""
    service.prescribe("B", pathway="crisis_response", at=NOW)
    with service.register.write() as conn:
        listening.connected(conn, NOW + 5 * HOUR)
    service.tell("B", heard_at=NOW + HOUR, complete_to=NOW + HOUR)
    service.judge(NOW + 5 * HOUR)
    assert service.open_flags("B") == {}
    service.tell("B", heard_at=NOW + 5 * HOUR, complete_to=NOW + 5 * HOUR)
    service.judge(NOW + 5 * HOUR + 60)
    assert set(service.open_flags("B")) == {"not_delivered"}


def test_a_delivery_at_risk_is_not_called_late_while_nobody_listens(service: Service) -> None:
    service.prescribe("B", pathway="crisis_response", at=NOW)
    service.judge(NOW + 4 * HOUR - 1)
    service.tell("B", complete_to=NOW + 3 * HOUR)
    with service.register.write() as conn:
        listening.away(conn)
    service.judge(NOW + 5 * HOUR)
    assert "whether it is cannot be known yet" in service.open_flags("B")["not_delivered"]


def test_without_a_tag_nobody_has_to_listen_for_a_delivery(service: Service) -> None:
    service.prescribe("B", pathway="crisis_response", at=NOW, tagged=False)
    with service.register.write() as conn:
        listening.away(conn)
    service.judge(NOW + 4 * HOUR)
    assert set(service.open_flags("B")) == {"not_delivered"}


# --- on no loan


def use_on(service: Service, asset_id: str, *ends: int) -> None:
    with service.register.write() as conn:
        conn.execute(
            sa.insert(use_day),
            [
                {"asset_id": asset_id, "day": end // DAY, "in_use": 60, "events": 1, "seen": 60, "used_at": end}
                for end in ends
            ],
        )


def give_back(service: Service, asset_id: str, at: int) -> None:
    with service.register.write() as conn:
        loans.return_loan(conn, f"L-{asset_id}", at)
    service.tell(asset_id, **HEARD)


def test_used_on_two_days_though_on_no_loan(service: Service) -> None:
    service.lend("B")
    give_back(service, "B", NOW - 5 * DAY)
    use_on(service, "B", NOW - 10 * DAY, NOW - 3 * DAY)
    service.tell("B", used_at=NOW - 3 * DAY)
    service.judge()
    assert service.open_flags("B") == {}, "one day's use is no evidence"
    use_on(service, "B", NOW - 2 * DAY)
    service.tell("B", used_at=NOW - 2 * DAY)
    service.judge()
    assert service.open_flags("B") == {
        "in_use_not_on_loan": "In use since 9 November, last on 10 November, though the register has it on no loan. "
        "Find out where it went, and put the loan right."
    }
    assert service.since("B", "in_use_not_on_loan") == NOW - 3 * DAY


def test_what_is_tried_out_in_stores_is_not_in_use(service: Service) -> None:
    service.lend("B")
    give_back(service, "B", NOW - 5 * DAY)
    use_on(service, "B", NOW - 3 * DAY, NOW - 2 * DAY)
    service.tell("B", used_at=NOW - 2 * DAY, place_id="store", place_type="store")
    service.judge()
    assert service.open_flags("B") == {}


# --- what keeps people safe


def test_a_recall_is_withdrawn_wherever_it_is(service: Service) -> None:
    service.lend("B")
    service.lend("C")
    give_back(service, "C", NOW - DAY)
    with service.register.write() as conn:
        recalls.recall_asset(conn, "NatPSA/2023/010", "B", "rails", NOW - DAY)
        recalls.recall_asset(conn, "NatPSA/2023/010", "C", "rails", NOW - DAY)
    for asset_id in ("B", "C"):
        service.tell(asset_id, **HEARD, used_at=NOW - HOUR if asset_id == "B" else None)
    service.judge()
    assert service.open_flags("B") == {
        "recall": "Called back by safety notice NatPSA/2023/010 since 11 November. Replace it, and take it out of use."
    }
    assert service.open_flags("C")["recall"].endswith("Do not lend it.")
    with service.register.write() as conn:
        recalls.make_safe(conn, "NatPSA/2023/010", "C", NOW)
    service.judge(NOW + 60)
    assert service.open_flags("C") == {}


@pytest.mark.parametrize(("rule", "column"), [("service_due", "service_due_s"), ("thorough_exam_due", "exam_due_s")])
def test_a_service_is_told_28_days_before_and_again_when_it_is_due(service: Service, rule: str, column: str) -> None:
    service.lend("H", "hoist", **{column: NOW + 28 * DAY})
    service.judge(NOW - 1)
    assert service.open_flags("H") == {}
    service.judge()
    assert "is due by 10 December" in service.open_flags("H")[rule]
    assert service.since("H", rule) == NOW
    service.tell("H", heard_at=NOW + 28 * DAY, complete_to=NOW + 28 * DAY, used_at=NOW + 28 * DAY)
    service.judge(NOW + 28 * DAY)
    assert "was due on 10 December" in service.open_flags("H")[rule]
    assert service.since("H", rule) == NOW + 28 * DAY, "so that whoever muted it hears of it again"


def test_loler_applies_once_paid_carers_use_it(service: Service) -> None:
    service.lend("H", "hoist", exam_due_s=NOW - DAY)
    service.judge()
    assert "LOLER does not apply while no paid carers use it" in service.open_flags("H")["thorough_exam_due"]
    with service.register.write() as conn:
        loans.note_carers(conn, "L-H", True, NOW)
    service.tell("H", exam_due_s=NOW - DAY)
    service.judge()
    assert (
        "LOLER applies, for paid carers use it, and should not before it is examined"
        in (service.open_flags("H")["thorough_exam_due"])
    )


def test_a_hoist_in_stores_is_examined_before_it_is_lent(service: Service) -> None:
    service.lend("H", "hoist")
    give_back(service, "H", NOW - DAY)
    service.tell("H", exam_due_s=NOW - DAY, used_at=None)
    service.judge()
    assert service.open_flags("H") == {
        "thorough_exam_due": "Its thorough examination was due on 11 November, 24 hours ago. "
        "Have it examined before it is lent."
    }


def test_a_safety_check_says_by_when_and_when_it_is_late(service: Service) -> None:
    service.lend("M", "mattress", unpowered_from=NOW - 4 * HOUR)
    service.judge(NOW - 1)
    assert "Safety check by 11:00 today: is it" in service.open_flags("M")["unpowered"]
    service.judge()
    assert "Safety check now (it was to be made by 11:00 today): is it" in service.open_flags("M")["unpowered"]


# --- the tag


def test_a_low_battery_is_low_though_its_tag_fell_silent(service: Service) -> None:
    service.lend("B", battery_mv=3499, heard_at=NOW - 36 * HOUR + 1)
    service.judge()
    assert service.open_flags("B") == {
        "battery_low": "The battery of its tag is low (3.5 V). Have it changed on the next visit."
    }
    assert service.judge(NOW + 1).closed == 0
    assert set(service.open_flags("B")) == {"silent", "battery_low"}
    assert "Its battery was low before it fell silent." in service.open_flags("B")["silent"]


def test_a_battery_at_its_threshold_is_not_low(service: Service) -> None:
    service.lend("B", battery_mv=3500)
    service.judge()
    assert service.open_flags("B") == {}


def test_a_low_battery_that_reads_a_little_more_is_low_until_it_was_changed(service: Service) -> None:
    service.lend("B", battery_mv=3499)
    service.judge()
    service.tell("B", battery_mv=3599)
    assert service.judge(NOW + 60).closed == 0
    assert service.since("B", "battery_low") == NOW - HOUR
    service.tell("B", battery_mv=3600)
    service.judge(NOW + 120)
    assert service.open_flags("B") == {}
    service.tell("B", battery_mv=3550)
    service.judge(NOW + 180)
    assert service.open_flags("B") == {}


def test_a_low_battery_began_when_it_was_first_told(service: Service) -> None:
    service.lend("B", battery_mv=3400)
    service.judge()
    service.tell("B", heard_at=NOW, battery_mv=3390)
    service.judge(NOW + 60)
    assert service.since("B", "battery_low") == NOW - HOUR


def test_a_low_battery_in_stores_is_changed_before_it_is_lent(service: Service) -> None:
    service.lend("B")
    give_back(service, "B", NOW - DAY)
    service.tell("B", battery_mv=3400, used_at=None)
    service.judge()
    assert service.open_flags("B") == {
        "battery_low": "The battery of its tag is low (3.4 V). Change it before it is lent."
    }


# --- all of them

WITHOUT_LOAN = {"battery_low", "service_due", "thorough_exam_due", "recall", "in_use_not_on_loan"}
UNDELIVERED = {"loan_from": None, "deliver_risk_s": NOW - HOUR, "deliver_by_s": NOW + HOUR, "place_id": "store"}
TROUBLES: dict[str, dict[str, int | str | bool | None]] = {
    "unpowered": {"unpowered_from": NOW - HOUR},
    "silent": {"heard_at": NOW - 10 * DAY},
    "recall": {"recalled_from": NOW - DAY},
    "not_delivered": {**UNDELIVERED, "prescribed_s": NOW - 2 * HOUR, "place_type": "store"},
    "thorough_exam_due": {"exam_due_s": NOW - DAY},
    "seen_in_stores": {"place_id": "store", "place_type": "store", "place_from": NOW - DAY},
    "not_moved": {"fed_by": "acme", "place_id": "store", "place_type": "store", "place_from": NOW - 40 * DAY},
    "overdue": {"due_s": NOW - DAY},
    "off_site": {"place_id": "other", "place_from": NOW - DAY},
    "never_used": {"used_at": None},
    "idle": {"used_at": NOW - 20 * DAY},
    "review_due": {"review_s": NOW - DAY},
    "due_soon": {"due_soon_s": NOW - DAY, "due_s": NOW + DAY},
    "service_due": {"service_due_s": NOW - DAY},
    "never_heard": {"heard_at": None, "complete_to": None, "whole": None, "used_at": None},
    "battery_low": {"battery_mv": 3000},
}


def test_every_rule_has_its_trouble_here() -> None:
    assert {*TROUBLES, "in_use_not_on_loan", "not_back"} == {rule.name for rule in RULES}, "those have no loan"


@pytest.mark.parametrize("rule", TROUBLES)
def test_at_the_end_of_life_nothing_prompts_contact_with_the_family(service: Service, rule: str) -> None:
    service.lend("M", "mattress", pathway="end_of_life", **TROUBLES[rule])
    service.judge()
    sentence = service.open_flags("M")[rule]
    assert "Ask" not in sentence
    assert "clinician" in sentence or rule in ("seen_in_stores", "not_moved")


@pytest.mark.parametrize("rule", sorted(set(TROUBLES) - WITHOUT_LOAN))
def test_what_is_asked_about_a_loan_is_not_asked_without_one(service: Service, rule: str) -> None:
    service.lend("M", "mattress", **TROUBLES[rule])
    facts = {column.name: None for column in judgement.c if column.name.startswith(("loan_", "due_", "deliver", "rev"))}
    service.tell("M", **facts)
    service.judge()
    assert service.open_flags("M") == {}


@pytest.mark.parametrize("rule", TROUBLES)
def test_no_sentence_names_a_loan_a_place_or_an_asset(service: Service, rule: str) -> None:
    service.lend("MAT-1", "mattress", **TROUBLES[rule])
    service.judge()
    sentence = service.open_flags("MAT-1")[rule]
    for secret in ("MAT-1", "L-MAT-1", "Oadby", "Wigston", "Leicester", "home "):
        assert secret not in sentence


@pytest.mark.parametrize("rule", TROUBLES)
def test_every_flag_rests_on_evidence_and_names_its_threshold_with_its_origin(service: Service, rule: str) -> None:
    service.lend("M", "mattress", **TROUBLES[rule])
    service.judge()
    with service.register.read() as conn:
        evidence = json.loads(conn.scalar(sa.select(flag.c.evidence).where(flag.c.rule == rule)) or "")
    (declared,) = [each for each in RULES if each.name == rule]
    assert set(evidence["seen"]) == set(declared.seen)
    if declared.against is not None:
        assert evidence["compared_with"]["origin"] in {"P", "J"}
