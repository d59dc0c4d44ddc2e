"""What counts for which month, one case at a time; times are London's."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from kitback.collect import kpi
from kitback.policy import LONDON, load

POLICY = load()
BED, HOIST = kpi.Asset("BED-1", "bed", "City"), kpi.Asset("HST-1", "hoist")


def london(month: int, day: int, hour: int = 10, minute: int = 0) -> int:
    return int(datetime(2026, month, day, hour, minute, tzinfo=LONDON).timestamp())


NOW = london(11, 30)
LOAN = kpi.Loan("L-1", "BED-1", "home_first", "County", london(10, 5), deliver_by_s=london(10, 6), from_s=london(10, 6))
TRIP = kpi.Collection("L-1", "BED-1", "available", collect_by_s=london(10, 12), how="van", collected_s=london(10, 9))
FLAG = kpi.Flag(1, "BED-1", "idle", london(10, 1), london(10, 9), "L-1")


def figures(
    month: str | None,
    *,
    loans: list[kpi.Loan] | None = None,
    trips: list[kpi.Collection] | None = None,
    flags: list[kpi.Flag] | None = None,
    tasks: list[kpi.Task] | None = None,
    assets: tuple[kpi.Asset, ...] = (BED, HOIST),
    at: int = NOW,
) -> dict[str, tuple[float | None, float, float | None]]:
    """Of each figure that is there at all: above and below the line, and its value."""
    known = [LOAN] if loans is None else loans
    records = kpi.Records(list(assets), known, trips or [], flags or [], tasks or [], kpi.Counts())
    groups = kpi.report(records, POLICY, at, kpi.Wanted(month=month))
    of_it = groups[0] if month else groups[-1]
    return {
        f"{each.name} {each.of}".strip(): (each.numerator, each.denominator, each.value)
        for each in of_it.figures
        if each.denominator
    }


def loan(**facts: Any) -> list[kpi.Loan]:
    return [replace(LOAN, **facts)]


def trip(**facts: Any) -> list[kpi.Collection]:
    return [replace(TRIP, **facts)]


def flag(**facts: Any) -> list[kpi.Flag]:
    return [replace(FLAG, **facts)]


# --- deliveries


def test_a_delivery_to_the_second_is_in_time() -> None:
    assert figures("2026-10")["delivery_on_time_pct"] == (1, 1, 100)


def test_a_second_later_it_is_late() -> None:
    assert figures("2026-10", loans=loan(from_s=LOAN.deliver_by_s + 1))["delivery_on_time_pct"] == (0, 1, 0)  # type: ignore[operator] # it was promised


def test_what_is_not_delivered_after_its_time_is_late() -> None:
    assert figures("2026-10", loans=loan(from_s=None))["delivery_on_time_pct"] == (0, 1, 0)


def test_what_is_still_to_come_does_not_count() -> None:
    late = london(10, 6) - 1
    assert "delivery_on_time_pct" not in figures("2026-10", loans=loan(from_s=None), at=late)


def test_what_was_cancelled_before_its_time_was_not_due() -> None:
    assert "delivery_on_time_pct" not in figures("2026-10", loans=loan(from_s=None, to_s=london(10, 6)))


def test_what_was_cancelled_after_its_time_was_late_already() -> None:
    gone = loan(from_s=None, to_s=london(10, 6) + 1)
    assert figures("2026-10", loans=gone)["delivery_on_time_pct"] == (0, 1, 0)


@pytest.mark.parametrize(("chosen", "speed"), [(None, "2"), ("1", "1"), ("discharge", "discharge")])
def test_a_delivery_has_its_own_speed_or_its_pathways(chosen: str | None, speed: str) -> None:
    found = figures("2026-10", loans=loan(speed=chosen))
    assert {name for name in found if name.startswith("delivery")} == {
        "delivery_on_time_pct",
        f"delivery_on_time_pct {speed}",
    }


def test_a_pathway_that_is_no_more_has_no_speed_but_counts_among_all() -> None:
    found = figures("2026-10", loans=loan(pathway="winter_scheme"))
    assert {name for name in found if name.startswith("delivery")} == {"delivery_on_time_pct"}


@pytest.mark.parametrize(("utc", "month"), [("2026-09-30T22:59:59", "2026-09"), ("2026-09-30T23:00:00", "2026-10")])
def test_a_month_begins_at_midnight_in_london(utc: str, month: str) -> None:
    at = int(datetime.fromisoformat(f"{utc}+00:00").timestamp())
    assert figures(month, loans=loan(from_s=at))["return_rate_pct"] == (0, 1, 0)


# --- issued and ordered


def test_what_came_back_in_another_month_counts_for_that_of_its_issue() -> None:
    back = loan(to_s=london(11, 20))
    assert figures("2026-10", loans=back)["return_rate_pct"] == (1, 1, 100)
    assert "return_rate_pct" not in figures("2026-11", loans=back)


def test_a_prescription_that_was_cancelled_was_ordered_and_not_issued() -> None:
    found = figures("2026-10", loans=loan(from_s=None, to_s=london(10, 5, 12)))
    assert "return_rate_pct" not in found
    assert found["stock_availability_pct"] == (1, 1, 100)


def test_a_special_was_not_met_from_stock() -> None:
    assert figures("2026-10", loans=loan(special=True))["stock_availability_pct"] == (0, 1, 0)


def test_what_nobody_prescribed_was_no_line_of_an_order() -> None:
    assert "stock_availability_pct" not in figures("2026-10", loans=loan(prescribed_s=None, deliver_by_s=None))


# --- collections


def test_a_collection_is_in_time_on_its_last_working_day() -> None:
    on_the_day = trip(collected_s=TRIP.collect_by_s)
    assert figures("2026-10", trips=on_the_day)["collection_on_time_pct"] == (1, 1, 100)


def test_after_it_is_late() -> None:
    late = trip(collected_s=london(10, 13))
    assert figures("2026-10", trips=late)["collection_on_time_pct"] == (0, 1, 0)


def test_what_nobody_has_fetched_after_its_last_day_is_late() -> None:
    out = trip(status="requested", how=None, collected_s=None)
    assert figures("2026-10", trips=out)["collection_on_time_pct"] == (0, 1, 0)
    assert "collection_on_time_pct" not in figures("2026-10", trips=out, at=london(10, 12) - 1)


def test_what_was_withdrawn_before_its_last_day_was_not_due() -> None:
    withdrawn = trip(status="cancelled", how=None, collected_s=None, ended_s=london(10, 8))
    assert "collection_on_time_pct" not in figures("2026-10", trips=withdrawn)


def test_collections_for_which_a_visit_failed_stand_apart() -> None:
    found = figures("2026-10", trips=trip(failed_visits=2))
    assert "collection_on_time_pct" not in found
    assert found["collection_on_time_pct failed_visit"] == (1, 1, 100)
    assert found["failed_visits"] == (2, 1, 2)


def test_what_nobody_asked_for_is_reused_and_due_on_no_day() -> None:
    found = figures("2026-10", trips=trip(collect_by_s=None, how="drop_off", ended_s=london(10, 9, 12)))
    assert "collection_on_time_pct" not in found
    assert found["reuse_rate_pct"] == (1, 1, 100)


@pytest.mark.parametrize("status", ["collected", "decontaminated", "in_repair", "scrapped"])
def test_what_is_not_available_again_is_not_reused(status: str) -> None:
    ended = london(10, 20) if status == "scrapped" else None
    assert figures("2026-10", trips=trip(status=status, ended_s=ended))["reuse_rate_pct"] == (0, 1, 0)


def test_turnaround_is_counted_in_days_of_the_calendar_also_when_the_clocks_go_back() -> None:
    night = trip(collected_s=london(10, 24, 23, 59), ended_s=london(10, 26, 0, 1))
    assert figures("2026-10", trips=night)["turnaround_days_median"] == (None, 1, 2)


@pytest.mark.parametrize(("days", "middle"), [([3], 3), ([1, 9], 5), ([1, 2, 9], 2), ([0, 1, 2, 4], 1.5)])
def test_a_median_is_the_middle_or_between_the_two_in_the_middle(days: list[int], middle: float) -> None:
    trips = [replace(TRIP, loan_ref=f"L-{each}", ended_s=london(10, 9 + each)) for each in days]
    assert figures("2026-10", trips=trips)["turnaround_days_median"] == (None, len(days), middle)


def test_what_was_scrapped_has_cost_and_no_credit() -> None:
    found = figures("2026-10", trips=trip(status="scrapped", ended_s=london(10, 10), cost_pence=7000))
    assert found["cost_avoided_gbp"] == (-70, 1, -70)
    assert "value_returned_gbp" not in found


def test_carbon_of_reuse_is_less_the_journey_of_what_a_van_fetched() -> None:
    fetched = figures("2026-10", trips=trip(ended_s=london(10, 10)))["carbon_avoided_kg"]
    brought = figures("2026-10", trips=trip(ended_s=london(10, 10), how="drop_off"))["carbon_avoided_kg"]
    assert (fetched, brought) == ((473.5, 1, 473.5), (478.5, 1, 478.5))


# --- journeys


def test_jobs_at_one_visit_are_one_journey_of_which_all_but_one_are_saved() -> None:
    at = london(10, 20)
    tasks = [kpi.Task(1, "BED-1", "collect", "done", at), kpi.Task(1, "HST-1", "service", "done", at)]
    assert figures("2026-10", tasks=tasks)["journeys_saved"] == (1, 2, 1)
    assert figures("2026-10", tasks=tasks)["journeys_saved_carbon_kg"] == (5, 1, 5)


def test_two_visits_save_nothing() -> None:
    at = london(10, 20)
    tasks = [kpi.Task(1, "BED-1", "service", "done", at), kpi.Task(2, "HST-1", "service", "done", at)]
    assert figures("2026-10", tasks=tasks)["journeys_saved"] == (0, 2, 0)


# --- flags


@pytest.mark.parametrize("outcome", ["not_needed", "as_said", "moved"])
def test_what_staff_confirmed_makes_flags_precise(outcome: str) -> None:
    assert figures("2026-10", flags=flag(outcome=outcome))["flag_precision_pct"] == (1, 1, 100)


@pytest.mark.parametrize("outcome", ["still_in_use", "still_needed", "wrong_flag"])
def test_what_they_denied_does_not(outcome: str) -> None:
    assert figures("2026-10", flags=flag(outcome=outcome))["flag_precision_pct"] == (0, 1, 0)


@pytest.mark.parametrize("outcome", [None, "could_not_reach", "ended"])
def test_the_rest_says_nothing_of_it(outcome: str | None) -> None:
    assert "flag_precision_pct" not in figures("2026-10", flags=flag(outcome=outcome))


# --- of now


def test_a_loan_is_overdue_from_its_day_on() -> None:
    due = loan(due_s=NOW, review_s=NOW)
    assert figures(None, loans=due)["loans_overdue"] == (1, 1, 1)
    assert figures(None, loans=due)["loans_overdue_review"] == (1, 1, 1)
    assert figures(None, loans=due, at=NOW - 1)["loans_overdue"] == (0, 1, 0)


def test_what_came_back_is_overdue_no_more() -> None:
    assert "loans_overdue" not in figures(None, loans=loan(due_s=london(11, 1), to_s=london(11, 20)))


def test_what_is_not_delivered_is_not_due_back() -> None:
    assert "loans_overdue" not in figures(None, loans=loan(from_s=None, due_s=None))


def test_idle_days_are_those_of_open_flags_since_what_they_say_began() -> None:
    flags = [*flag(since=london(11, 20)), *flag(flag_id=2, since=london(11, 1), closed_at=london(11, 2))]
    assert figures(None, flags=flags)["idle_days_median"] == (None, 1, 10)


@pytest.mark.parametrize(("due", "in_date"), [(NOW + 1, 1), (NOW, 0), (None, 0)])
def test_only_what_has_a_day_to_come_is_in_date(due: int | None, in_date: int) -> None:
    assets = (BED, replace(HOIST, exam_due_s=due))
    assert figures(None, assets=assets)["thorough_exam_in_date_pct"] == (in_date, 1, 100 * in_date)


def test_what_was_scrapped_is_not_in_service() -> None:
    assets = (BED, replace(HOIST, scrapped_s=london(10, 10)))
    assert "thorough_exam_in_date_pct" not in figures(None, assets=assets)


# --- whose it is


def test_a_loans_commissioner_comes_before_the_owner() -> None:
    records = kpi.Records([BED, HOIST], loan() + loan(loan_ref="L-2", commissioner=None), [], [], [], kpi.Counts())
    groups = kpi.report(records, POLICY, NOW, kpi.Wanted(month="2026-10", by=("commissioner",)))
    assert [each.of["commissioner"] for each in groups if each.month] == ["City", "County"]


def test_what_is_on_no_loan_has_no_pathway() -> None:
    records = kpi.Records([HOIST], [], [], [], [], kpi.Counts())
    (now,) = kpi.report(records, POLICY, NOW, kpi.Wanted(by=("commissioner", "kind", "pathway")))
    assert now.of == {"commissioner": "", "kind": "hoist", "pathway": ""}


def test_what_is_left_of_erased_loans_is_added() -> None:
    erased = kpi.Counts({("2026-10", "City", "bed", "home_first", "issued"): 4})
    records = kpi.Records([BED], [LOAN], [], [], [], erased)
    (month, _) = kpi.report(records, POLICY, NOW, kpi.Wanted(month="2026-10"))
    assert next(each.denominator for each in month.figures if each.name == "return_rate_pct") == 5
