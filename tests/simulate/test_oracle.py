"""What the oracle expects of loans whose truth is written down by hand."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kitback.policy import Period, load
from kitback.simulate.oracle import Expected, expected
from kitback.simulate.oracle.london import later
from kitback.simulate.truth import PAUSE_S, RECORD_S, TICK_S, Away, Level, Span, Stay, Truth
from simulate.worlds import DAY, DELIVERED, END, HOUR, PRESCRIBED, START, at, loan, nights, span, tag, told, world

POLICY = load()
JUDGE_S = 600
KNOWN_S = 6 * HOUR * 1012 // 1000 + 2 * TICK_S
"""A bed tells regularly within this."""


def flags(truth: Truth, *away: Away, to_s: int = END) -> list[Expected]:
    return list(expected(world(truth, *away, to_s=to_s), POLICY, JUDGE_S))


def only(found: list[Expected], rule: str) -> Expected:
    assert [each.rule for each in found] == [rule]
    return found[0]


def must(found: list[Expected]) -> list[str]:
    return [each.rule for each in found if each.latest_s is not None]


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/London")).timestamp())


# ---- London's clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_", "period", "to"),
    [
        ("2026-03-28 10:00", "24 h", "2026-03-29 11:00"),
        ("2026-03-28 10:00", "1 d", "2026-03-29 10:00"),
        ("2026-10-24 10:00", "2 d", "2026-10-26 10:00"),
        ("2026-08-31 10:00", "6 months", "2027-02-28 10:00"),
        ("2026-08-31 10:00", "12 months", "2027-08-31 10:00"),
    ],
)
def test_hours_pass_and_days_and_months_keep_the_time_of_day(from_: str, period: str, to: str) -> None:
    assert later(moment(from_), Period.parse(period)) == moment(to)


def test_a_period_earlier_is_on_londons_clocks_too() -> None:
    assert later(moment("2026-03-30 10:00"), Period.parse("7 d"), -1) == moment("2026-03-23 10:00")


# ---- use -------------------------------------------------------------------------------------------------------------


def test_nothing_is_expected_of_a_loan_that_is_needed_and_used() -> None:
    assert flags(loan()) == []


def test_a_bed_at_home_is_idle_after_seven_days_without_use() -> None:
    flag = only(flags(loan(use=nights(0, 10))), "idle")
    last_used_s = at(9.4)
    assert last_used_s in flag.since
    assert flag.earliest_s == last_used_s + 7 * DAY - RECORD_S
    assert flag.latest_s is not None
    assert last_used_s + 7 * DAY < flag.latest_s <= last_used_s + 7 * DAY + KNOWN_S + JUDGE_S + 300
    assert flag.over.first_s == END


def test_since_when_is_as_exact_as_a_tag_can_tell() -> None:
    around_s = 150 + RECORD_S
    flag = only(flags(loan(use=nights(0, 10))), "idle")
    assert flag.since == (at(9.4) - around_s, at(9.4) + PAUSE_S + around_s)
    assert flag.latest_s == at(9.4) + 7 * DAY + 150 + RECORD_S + KNOWN_S + JUDGE_S


def test_a_care_homes_bed_is_idle_after_five() -> None:
    flag = only(flags(loan(use=nights(0, 10), setting="care_home")), "idle")
    assert flag.earliest_s == at(9.4) + 5 * DAY - RECORD_S


def test_before_a_counter_was_compared_twice_its_times_are_up_to_one_in_eighty_out() -> None:
    hoist = loan(kind="hoist", use=(span(0.9, 0.91),))
    late_s = only(flags(hoist), "idle").since.last_s - (at(0.91) + PAUSE_S + 150 + RECORD_S)
    assert 0.9 * DAY * 0.012 <= late_s <= 0.91 * DAY * 0.012
    hoist = loan(kind="hoist", use=(span(2.9, 2.91),))
    assert only(flags(hoist), "idle").since.last_s == at(2.91) + PAUSE_S + 150 + RECORD_S


def test_a_bed_in_a_school_counts_as_at_home() -> None:
    assert only(flags(loan(use=nights(0, 10), setting="school")), "idle").earliest_s == at(9.4) + 7 * DAY - RECORD_S


def test_a_bed_used_again_just_before_it_counts_is_not_idle() -> None:
    assert must(flags(loan(use=(span(0.1, 0.4), span(7.3, 7.5), *nights(8, 70))))) == []


def test_a_bed_used_again_just_after_may_be_idle_or_not() -> None:
    flag = only(flags(loan(use=(span(0.1, 0.4), span(7.45, 7.6), *nights(8, 70)))), "idle")
    assert (flag.latest_s, flag.either_way != "") == (None, True)


def test_one_stray_use_neither_ends_an_idle_flag_nor_begins_another() -> None:
    assert only(flags(loan(use=nights(0, 10), stray=(span(20, 20.01),))), "idle").over.first_s == END


def test_nor_do_several_between_which_it_was_idle_again() -> None:
    strays = (span(20, 20.01), span(30, 30.01), span(40, 40.01))
    flag = only(flags(loan(use=nights(0, 10), stray=strays)), "idle")
    assert flag.over.first_s == END
    assert at(40.01) in flag.since


def test_two_stray_uses_between_which_it_was_not_idle_end_it() -> None:
    ended, again = flags(loan(use=nights(0, 10), stray=(span(20, 20.01), span(23, 23.01))))
    assert ended.over.first_s == at(23)
    assert again.earliest_s == at(30.01) - RECORD_S


def test_idle_again_at_about_the_second_one_it_may_end_then_or_not() -> None:
    ended, again = flags(loan(use=nights(0, 10), stray=(span(20, 20.01), span(27.02, 27.03))))
    assert ended.over == (at(27.02), END)
    assert at(27.03) in ended.since
    assert again.earliest_s == at(34.03) - RECORD_S


def test_what_it_says_last_may_be_since_a_stray_use() -> None:
    flag = only(flags(loan(use=nights(0, 10), stray=(span(20, 20.01),))), "idle")
    assert at(9.4) in flag.since
    assert at(20.01) in flag.since
    assert at(21) not in flag.since


def test_a_stray_use_before_it_counts_puts_it_off() -> None:
    assert only(flags(loan(use=nights(0, 10), stray=(span(12, 12.01),))), "idle").earliest_s == at(19.01) - RECORD_S


def test_use_on_two_days_ends_an_idle_flag() -> None:
    flag = only(flags(loan(use=(*nights(0, 10), *nights(20, 70)))), "idle")
    assert flag.over.first_s == at(21.1)
    assert at(21.1) < flag.over.last_s < at(21.1) + KNOWN_S + JUDGE_S + 300


def test_one_use_across_midnight_may_end_an_idle_flag_and_need_not() -> None:
    night = span(20.6, 20.65)
    flag = only(flags(loan(use=nights(0, 10), stray=(night,))), "idle")
    assert night.from_s < flag.over.first_s < night.to_s
    assert flag.over.last_s == END


def test_nor_need_a_second_one_on_the_day_on_which_it_ended() -> None:
    night_and_nap = (span(20.6, 20.65), span(20.9, 20.95))
    flag = only(flags(loan(use=nights(0, 10), stray=night_and_nap)), "idle")
    assert flag.over.last_s == END


def test_a_use_that_goes_on_for_days_ends_an_idle_flag() -> None:
    flag = only(flags(loan(use=(*nights(0, 10), Span(at(20.1), END)))), "idle")
    assert at(21) > flag.over.first_s > at(20.1)
    assert at(22.1) < flag.over.last_s < at(22.1) + KNOWN_S + JUDGE_S + 300


def test_a_use_too_short_to_be_noted_for_sure_leaves_it_open() -> None:
    found = flags(loan(use=nights(0, 10), stray=(Span(at(15), at(15) + 100),)))
    assert [each.latest_s is None for each in found] == [True, True]


def test_what_is_not_used_from_the_first_day_is_never_used_and_not_idle() -> None:
    flag = only(flags(loan(use=(), cause="never_needed")), "never_used")
    assert (DELIVERED in flag.since, flag.earliest_s) == (True, DELIVERED + 7 * DAY - RECORD_S)


def test_a_sensor_that_sees_nothing_makes_it_never_used() -> None:
    assert only(flags(loan(tag=tag(blind=True))), "never_used").latest_s is not None


def test_one_stray_use_does_not_end_never_used() -> None:
    assert only(flags(loan(use=(), stray=(span(20, 20.01),))), "never_used").over.first_s == END


def test_idle_equipment_of_which_nobody_hears_is_silent_and_not_idle() -> None:
    awake = (Span(START, START + HOUR // 2), Span(DELIVERED, at(10)))
    assert must(flags(loan(use=nights(0, 10), tag=tag(awake=awake)))) == ["silent"]


def test_idle_shows_when_its_tag_is_heard_again() -> None:
    network = (Span(START, at(10)), Span(at(25), END))
    idle = next(each for each in flags(loan(use=nights(0, 10), tag=tag(network=network))) if each.rule == "idle")
    assert idle.earliest_s == at(25)
    assert idle.latest_s is not None


def test_a_time_without_power_proves_nothing() -> None:
    awake = (Span(START, START + HOUR // 2), Span(DELIVERED, at(12)), Span(at(15), END))
    idle = next(each for each in flags(loan(use=nights(0, 10), tag=tag(awake=awake))) if each.rule == "idle")
    assert idle.earliest_s == at(16.4) - RECORD_S
    assert idle.latest_s is not None
    assert idle.latest_s > at(22)


def test_a_gateway_that_is_away_puts_off_idle() -> None:
    found = flags(loan(use=nights(0, 10)), Away("gateway", at(16), at(17)))
    assert only(found, "idle").earliest_s == at(17)


# ---- holds -----------------------------------------------------------------------------------------------------------


def test_a_hold_keeps_a_loan_from_being_idle_for_fourteen_days_from_the_admission() -> None:
    hold = told("held", at(11), at(10))
    assert only(flags(loan(hold, use=nights(0, 10))), "idle").earliest_s == at(24) - RECORD_S


def test_days_in_hospital_do_not_count_for_a_service_user_who_is_home_again() -> None:
    stay = (told("held", at(10)), told("hold_ended", at(18), at(17.5)))
    assert only(flags(loan(*stay, use=nights(0, 10))), "idle").earliest_s == at(24.5) - RECORD_S
    assert flags(loan(*stay, use=(*nights(0, 10), *nights(19, 70)))) == []


def test_a_hold_does_not_end_a_flag_that_stands() -> None:
    assert only(flags(loan(told("held", at(20)), use=nights(0, 10))), "idle").over.first_s == END


# ---- in use and not on loan ------------------------------------------------------------------------------------------


def test_use_after_it_was_booked_back_is_in_use_and_not_on_loan() -> None:
    flag = only(flags(loan(told("returned", at(20)), cause="booked_back_too_soon")), "in_use_not_on_loan")
    assert at(20.1) in flag.since
    assert flag.earliest_s > at(20.4)
    assert flag.latest_s is not None
    assert at(21.4) < flag.latest_s < at(21.4) + PAUSE_S + KNOWN_S + JUDGE_S + 300


def test_one_days_use_after_it_was_booked_back_is_not() -> None:
    assert flags(loan(told("returned", at(20)), use=nights(0, 21))) == []


def test_nobody_can_know_of_it_before_it_was_booked_back() -> None:
    booked = told("returned", at(22.2), at(19.9))
    assert only(flags(loan(booked, cause="booked_back_too_soon")), "in_use_not_on_loan").earliest_s == at(22.2)


def test_one_that_came_back_is_not() -> None:
    assert flags(loan(told("returned", at(10)), use=nights(0, 10))) == []


def test_use_between_a_delivery_and_its_telling_is_the_loans_own() -> None:
    late = (told("prescribed", PRESCRIBED), told("delivered", at(1), DELIVERED))
    assert flags(loan(told=late)) == []


# ---- dates -----------------------------------------------------------------------------------------------------------


def test_a_loan_past_its_period_is_overdue_and_was_due_soon() -> None:
    found = {each.rule: each for each in flags(loan(told("reviewed", at(30)), pathway="home_first"))}
    assert set(found) == {"due_soon", "overdue"}
    assert (found["due_soon"].earliest_s, found["due_soon"].over.first_s) == (at(35), at(42))
    assert (found["overdue"].earliest_s, found["overdue"].latest_s) == (at(42), at(42) + JUDGE_S)
    assert found["overdue"].over.first_s == END


def test_a_review_gives_way_to_overdue_until_another_date_is_agreed() -> None:
    found = flags(loan(told("due_agreed", at(45), at(55)), pathway="home_first"))
    assert [(each.earliest_s, each.over.first_s) for each in found if each.rule == "review_due"] == [
        (at(35), at(42)),
        (at(45), at(55)),
    ]


def test_a_short_loan_is_due_soon_for_half_of_it() -> None:
    found = {each.rule: each for each in flags(loan(told("reviewed", at(1)), pathway="crisis_response"))}
    assert (found["due_soon"].earliest_s, found["overdue"].earliest_s) == (at(1.5), at(3))


def test_another_date_agreed_on_takes_the_place_of_the_first() -> None:
    agreed = told("due_agreed", at(45), at(55))
    found = flags(loan(told("reviewed", at(30)), agreed, pathway="home_first"))
    assert [(each.rule, each.earliest_s, each.over.first_s) for each in found] == [
        ("due_soon", at(35), at(42)),
        ("overdue", at(42), at(45)),
        ("due_soon", at(48), at(55)),
        ("overdue", at(55), END),
    ]


def test_a_return_ends_what_was_due_of_the_loan() -> None:
    found = flags(loan(told("returned", at(50)), use=nights(0, 50), pathway="home_first"))
    assert {each.rule: each.over for each in found if each.over.first_s > at(49)} == {
        "overdue": (at(50), at(50) + JUDGE_S),
    }


def test_an_open_loan_is_never_overdue() -> None:
    assert must(flags(loan(pathway="end_of_life"))) == ["review_due"]


def test_a_review_is_due_until_it_was_told_and_again_from_when_it_was() -> None:
    found = flags(loan(told("reviewed", at(30), at(29)), pathway="end_of_life"))
    assert [(each.rule, each.earliest_s, each.over.first_s) for each in found] == [
        ("review_due", at(28), at(30)),
        ("review_due", at(57), END),
    ]


def test_a_review_held_more_than_a_week_early_leaves_the_first_one_standing() -> None:
    early, in_time = told("reviewed", at(27)), told("reviewed", at(28.5))
    review = next(each for each in flags(loan(early, pathway="home_first")) if each.rule == "review_due")
    assert review.earliest_s == at(35)
    assert "review_due" not in [each.rule for each in flags(loan(in_time, pathway="home_first"))]


def test_the_91_day_mark_is_reviewed_across_the_change_of_clocks() -> None:
    found = flags(
        loan(
            use=nights(0, 120),
            tag=tag(awake=(Span(DELIVERED, at(120)),)),
            stays=(),
        ),
        to_s=at(100),
    )
    review = next(each for each in found if each.rule == "review_due")
    assert review.earliest_s == at(91) - HOUR


@pytest.mark.parametrize(
    ("pathway", "speed", "risk_s", "breach_s"),
    [
        ("crisis_response", None, 3 * HOUR, 4 * HOUR),
        ("home_first", None, 20 * HOUR, 24 * HOUR),
        ("long_term", None, 2 * DAY, 3 * DAY),
        ("hospital_discharge", "discharge", HOUR, 2 * HOUR),
    ],
)
def test_a_delivery_is_at_risk_before_it_is_late(pathway: str, speed: str | None, risk_s: int, breach_s: int) -> None:
    only_prescribed = (told("prescribed", PRESCRIBED),)
    flag = only(
        flags(loan(delivered_s=None, told=only_prescribed, pathway=pathway, speed=speed, use=())), "not_delivered"
    )
    assert flag.earliest_s == PRESCRIBED + risk_s
    assert flag.latest_s == flag.earliest_s + JUDGE_S
    assert breach_s > risk_s


def _told_late(days: float, **changes: Any) -> Truth:
    """A crisis bed that was there two hours after the prescription, an hour before it would have been at risk."""
    late = (told("prescribed", PRESCRIBED), told("delivered", at(days), DELIVERED))
    return loan(told=late, pathway="crisis_response", **changes)


def test_a_delivery_that_its_tag_told_of_needs_nobody_to_tell_of_it() -> None:
    assert "not_delivered" not in must(flags(_told_late(2)))
    late = loan(
        told=(told("prescribed", PRESCRIBED), told("delivered", at(5), DELIVERED)), pathway="short_term_wheelchair"
    )
    assert must(flags(late)) == []


def test_until_two_notes_agree_up_to_a_day_apart_it_may_be_at_risk_or_not() -> None:
    flag = next(each for each in flags(_told_late(5, place_id="known-home")) if each.rule == "not_delivered")
    assert flag.latest_s is None
    assert at(1) < flag.over.last_s < at(2.5), "one of three may have missed every radio"


def test_at_an_address_that_nobody_surveyed_its_tag_tells_of_it_by_its_use() -> None:
    awake_in_stores = tag(awake=(Span(START, START + 2 * HOUR), Span(DELIVERED, END)))
    used = _told_late(8, use=nights(4, 60), tag=awake_in_stores)
    flag = next(each for each in flags(used) if each.rule == "not_delivered")
    assert at(4.4) < flag.over.last_s < at(5)
    unused = _told_late(6, use=(), tag=awake_in_stores)
    flag = next(each for each in flags(unused) if each.rule == "not_delivered")
    assert flag.over.last_s == at(6) + JUDGE_S
    never_heard_in_stores = next(each for each in flags(_told_late(8)) if each.rule == "not_delivered")
    assert never_heard_in_stores.over.last_s == at(8) + JUDGE_S


def test_a_delivery_is_not_late_before_its_tag_could_have_told_of_it() -> None:
    risk_s = PRESCRIBED + 3 * HOUR
    only_prescribed = loan(delivered_s=None, told=(told("prescribed", PRESCRIBED),), pathway="crisis_response", use=())
    flag = only(flags(only_prescribed, Away("gateway", risk_s + 60, risk_s + HOUR)), "not_delivered")
    assert (flag.earliest_s, flag.latest_s) == (risk_s, risk_s + HOUR + 36 * HOUR + JUDGE_S)


def test_a_delivery_that_nobody_and_no_tag_told_of_is_at_risk_until_somebody_does() -> None:
    flag = next(each for each in flags(_told_late(2, tag=tag(awake=()))) if each.rule == "not_delivered")
    assert (flag.latest_s, flag.over.first_s) == (PRESCRIBED + 3 * HOUR + JUDGE_S, at(2))


@pytest.mark.parametrize(("told_days", "late_days"), [(9, 1), (0.1, 0)])
def test_until_staff_tell_its_tag_may_have_dated_the_delivery_by_its_use(told_days: float, late_days: int) -> None:
    overdue = next(each for each in flags(_told_late(told_days)) if each.rule == "overdue")
    assert late_days <= (overdue.since.last_s - at(3)) / DAY < late_days + 1


def test_a_service_is_on_the_worklist_four_weeks_before_it_is_due() -> None:
    flag = only(flags(loan(serviced_s=START - 330 * DAY)), "service_due")
    assert flag.earliest_s == START + 7 * DAY
    assert flag.over.first_s == END


def test_one_that_was_due_before_anybody_knew_of_the_asset_is_on_it_from_then() -> None:
    flag = only(flags(loan(serviced_s=START - 400 * DAY, tag=tag(fitted_s=START + HOUR))), "service_due")
    assert (flag.earliest_s, flag.latest_s) == (START, PRESCRIBED + JUDGE_S)


def test_a_service_ends_it() -> None:
    done = told("serviced", at(12), at(11))
    assert only(flags(loan(done, serviced_s=START - 330 * DAY)), "service_due").over.first_s == at(12)


def test_a_hoist_is_examined_every_six_months_whoever_uses_it() -> None:
    hoist = loan(kind="hoist", examined_s=moment("2025-08-20 12:00"), paid_carers=False)
    flag = only(flags(hoist), "thorough_exam_due")
    assert flag.earliest_s == moment("2026-01-23 12:00")


def test_nothing_is_due_of_a_bed_that_needs_no_examination_or_whose_last_is_unknown() -> None:
    assert flags(loan(examined_s=START - 900 * DAY)) == []
    assert flags(loan(kind="hoist", examined_s=None)) == []


def test_a_recall_stands_until_it_was_made_safe_also_after_the_return() -> None:
    steps = (told("recalled", at(20)), told("returned", at(22)), told("recall_ended", at(30)))
    flag = only(flags(loan(*steps, use=nights(0, 20))), "recall")
    assert (flag.earliest_s, flag.latest_s, flag.over) == (at(20), at(20) + JUDGE_S, (at(30), at(30) + JUDGE_S))


def test_the_gateway_judges_nothing_while_it_is_away_nor_need_it_while_the_broker_is() -> None:
    for away in (Away("gateway", at(42) - HOUR, at(42) + HOUR), Away("broker", at(42), at(42) + HOUR)):
        overdue = next(each for each in flags(loan(pathway="home_first"), away) if each.rule == "overdue")
        assert overdue.latest_s == at(42) + HOUR + 2 * JUDGE_S


def test_a_pass_that_fell_into_an_outage_is_made_up_for_after_it() -> None:
    away = Away("gateway", at(42) + JUDGE_S // 2, at(42) + HOUR)
    overdue = next(each for each in flags(loan(pathway="home_first"), away) if each.rule == "overdue")
    assert overdue.latest_s == at(42) + HOUR + 2 * JUDGE_S


def test_what_is_over_before_it_must_have_been_judged_may_be_left_out() -> None:
    steps = (told("recalled", at(20)), told("recall_ended", at(20) + JUDGE_S))
    assert only(flags(loan(*steps)), "recall").latest_s is None


# ---- whereabouts -----------------------------------------------------------------------------------------------------


def _moved(to: str, place_id: str = "home", **changes: Any) -> Truth:
    stays = (Stay(place_id, DELIVERED, at(20)), Stay("", at(20), at(20) + HOUR), Stay(to, at(20) + HOUR, END))
    return loan(place_id=place_id, stays=stays, **changes)


def test_a_loan_that_is_back_is_seen_in_stores_and_neither_idle_nor_overdue() -> None:
    flag = only(flags(_moved("stores", use=nights(0, 20), pathway="short_term_wheelchair")), "seen_in_stores")
    assert at(20) + HOUR in flag.since
    assert flag.earliest_s == at(20) + HOUR
    assert flag.latest_s is not None
    assert flag.latest_s < at(22.5)


def test_stores_end_a_loan_being_overdue() -> None:
    back = _moved("stores", told=(told("delivered", DELIVERED),), pathway="urgent_community_response")
    overdue = next(each for each in flags(back) if each.rule == "overdue")
    assert overdue.earliest_s == at(14)
    assert at(20) < overdue.over.first_s < overdue.over.last_s < at(23)


def test_what_is_back_in_stores_is_neither_due_soon_nor_to_be_reviewed() -> None:
    back = _moved("stores", use=nights(0, 20), told=(told("delivered", DELIVERED),), pathway="home_first")
    assert at(36) < END, "both would be so from day 35 on"
    assert {each.rule for each in flags(back) if each.latest_s is not None} == {"seen_in_stores"}


def test_one_that_was_booked_in_after_an_hour_may_be_seen_in_stores_or_not() -> None:
    back = (told("delivered", DELIVERED), told("returned", at(20) + 2 * HOUR))
    flag = only(flags(_moved("stores", told=back, use=nights(0, 20))), "seen_in_stores")
    assert flag.latest_s is None


def test_what_lies_in_stores_before_its_delivery_was_not_seen_there() -> None:
    assert flags(loan(stays=(Stay("stores", START, DELIVERED), Stay("home", DELIVERED, END)))) == []


def test_one_taken_to_a_place_that_is_known_or_away_from_one_is_off_site() -> None:
    assert only(flags(_moved("care-home")), "off_site").latest_s is not None
    assert only(flags(_moved("elsewhere", "known-home")), "off_site").latest_s is not None


def test_from_one_unknown_place_to_another_nothing_can_be_told() -> None:
    assert flags(_moved("elsewhere")) == []


def test_an_unknown_place_may_be_dated_from_when_it_was_left_for() -> None:
    flag = only(flags(_moved("elsewhere", "known-home")), "off_site")
    assert flag.since.first_s == flag.earliest_s - RECORD_S == at(20) - RECORD_S
    assert only(flags(_moved("care-home")), "off_site").since.first_s == at(20) + HOUR - RECORD_S


def test_what_was_not_heard_long_enough_where_it_was_lent_to_need_not_be_missed_there() -> None:
    stays = (Stay("known-home", DELIVERED, at(0.3)), Stay("", at(0.3), at(0.4)), Stay("elsewhere", at(0.4), END))
    assert only(flags(loan(place_id="known-home", stays=stays)), "off_site").latest_s is None


def test_a_hold_puts_off_off_site() -> None:
    flag = only(flags(_moved("care-home", told=(told("delivered", DELIVERED), told("held", at(19))))), "off_site")
    assert flag.earliest_s == at(33)


# ---- silence and power -----------------------------------------------------------------------------------------------


def _dead_from(days: float) -> Any:
    return tag(awake=(Span(START, START + HOUR // 2), Span(DELIVERED, at(days))))


def test_a_bed_not_heard_for_36_hours_is_silent() -> None:
    flag = only(flags(loan(tag=_dead_from(20))), "silent")
    assert at(20) in flag.since
    assert flag.since.first_s == at(20) - KNOWN_S
    assert flag.earliest_s == at(20) - KNOWN_S + 36 * HOUR
    assert flag.latest_s == at(20) + 36 * HOUR + JUDGE_S


def test_a_mattress_after_four() -> None:
    flag = only(flags(loan(kind="mattress", tag=_dead_from(20), use=(span(0, 20),))), "silent")
    assert flag.latest_s == at(20) + 4 * HOUR + JUDGE_S


def test_one_heard_again_in_time_is_not_silent() -> None:
    network = (Span(START, at(20)), Span(at(20.8), END))
    assert flags(loan(tag=tag(network=network))) == []


def test_one_heard_again_about_then_may_be_silent_or_not() -> None:
    network = (Span(START, at(20)), Span(at(21.4), END))
    assert only(flags(loan(tag=tag(network=network))), "silent").latest_s is None


def test_one_heard_again_later_was_silent_until_then() -> None:
    network = (Span(START, at(20)), Span(at(25), END))
    flag = only(flags(loan(tag=tag(network=network))), "silent")
    assert flag.latest_s is not None
    assert flag.over.first_s == at(25)


@pytest.mark.parametrize("who", ["broker", "gateway"])
def test_nobody_is_silent_because_nobody_listened(who: Any) -> None:
    assert flags(loan(kind="mattress", use=(span(0, 60),)), Away(who, at(20), at(24))) == []


def test_a_tag_that_fell_silent_while_nobody_listened_gets_its_time_afterwards() -> None:
    flag = only(flags(loan(tag=_dead_from(20)), Away("broker", at(19), at(23))), "silent")
    assert flag.earliest_s == at(23)
    assert flag.latest_s == at(23) + 36 * HOUR + JUDGE_S


def test_what_waited_at_the_broker_is_heard_with_the_first_tick_after_the_outage() -> None:
    flag = only(flags(loan(tag=_dead_from(20)), Away("gateway", at(18), at(20) - 60)), "silent")
    assert flag.since.last_s == at(20) - 60 + TICK_S


def test_a_moment_in_which_it_may_have_been_heard_may_be_the_last() -> None:
    awake = (Span(START, START + HOUR // 2), Span(DELIVERED, END))
    network = (Span(START, at(20)), Span(at(20.1), at(20.2)))
    flag = only(flags(loan(tag=tag(awake=awake, network=network))), "silent")
    assert at(20) in flag.since
    assert at(20.2) in flag.since


def test_an_outage_that_was_over_before_it_fell_silent_gives_it_no_more_time() -> None:
    flag = only(flags(loan(tag=_dead_from(20)), Away("broker", at(18), at(19))), "silent")
    assert flag.latest_s == at(20) + 36 * HOUR + JUDGE_S


def test_a_silence_is_counted_from_the_delivery_at_the_soonest() -> None:
    heard_in_stores = tag(awake=(Span(START, START + HOUR // 2),))
    found = flags(loan(tag=heard_in_stores, delivered_s=at(1), told=(told("delivered", at(1)),), use=()))
    flag = only(found, "silent")
    assert (flag.earliest_s, flag.latest_s) == (at(1) + 36 * HOUR, at(1) + 36 * HOUR + JUDGE_S)
    assert START + HOUR // 2 in flag.since
    assert at(1) in flag.since


def test_a_tag_never_heard_since_it_was_fitted_is_not_silent() -> None:
    flag = only(flags(loan(tag=tag(awake=()))), "never_heard")
    assert flag.since == (START, START)
    assert flag.earliest_s == DELIVERED + 36 * HOUR


def test_a_battery_is_low_below_the_policys_mark_as_well_as_a_tag_can_read_it() -> None:
    falling = (Level(START, 4000), Level(START + 50 * DAY, 3000))
    flag = only(flags(loan(tag=tag(battery=falling))), "battery_low")
    assert flag.earliest_s == START + int(50 * DAY * 0.475)
    assert flag.latest_s is not None
    assert START + 50 * DAY * 0.525 < flag.latest_s <= START + 50 * DAY * 0.525 + KNOWN_S + JUDGE_S


def test_a_battery_that_stays_about_there_may_be_low_or_not() -> None:
    assert only(flags(loan(tag=tag(battery=(Level(START, 4000), Level(at(20), 3500))))), "battery_low").latest_s is None


def test_a_mattress_without_mains_is_unpowered_at_once() -> None:
    flag = only(flags(loan(kind="mattress", use=(span(0, 60),), unpowered=(span(20, 20.5),))), "unpowered")
    assert (flag.earliest_s, flag.latest_s) == (at(20), at(20) + 150 + 2 * TICK_S + JUDGE_S)
    assert flag.over == (at(20.5), at(20.5) + 150 + 2 * TICK_S + JUDGE_S)
    assert flag.since == (at(20) - RECORD_S, at(20) + 150 + RECORD_S)


def test_one_that_was_over_before_it_was_told_may_be_left_out() -> None:
    brief = loan(kind="mattress", use=(span(0, 60),), unpowered=(span(20, 20.01),))
    assert only(flags(brief), "unpowered").latest_s is None
