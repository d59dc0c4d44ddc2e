"""What is counted of a run."""

from typing import Any

import msgspec

from kitback.simulate.figures import as_json, figures
from kitback.simulate.gateway import Flag
from kitback.simulate.population import draw
from kitback.simulate.run import Ran
from kitback.simulate.truth import Truth
from simulate_parts import DAY

WORLD = draw(1, 100, seed=1)
FREE = WORLD.from_s + 40 * DAY


def truth(number: int, **facts: Any) -> Truth:
    of = {"asset_id": f"BED-{number}", "cause": "recovered", "cause_s": FREE, "free_from_s": FREE, "home_s": None}
    delivered = {"delivered_s": WORLD.from_s + DAY}
    return msgspec.structs.replace(WORLD.loans[0], **(of | delivered | facts))


def flag(number: int, after_days: float, rule: str = "idle", lasts_days: float | None = None) -> Flag:
    at = FREE + int(after_days * DAY)
    closed = None if lasts_days is None else at + int(lasts_days * DAY)
    return Flag(asset_id=f"BED-{number}", loan_ref="L", rule=rule, since=at, raised_at=at, closed_at=closed)


def ran(loans: list[Truth], flags: list[Flag]) -> Ran:
    world = msgspec.structs.replace(WORLD, loans=tuple(loans))
    return Ran(world=world, flags=flags, refused=[], reports=0, judged_every_s=3600)


def test_a_loan_that_should_come_home_is_found_so_many_days_later():
    found = figures(ran([truth(1)], [flag(1, 7)])).useful
    assert (found.loans, found.flagged, found.days.median) == (1, 1, 7)


def test_the_first_flag_counts():
    assert figures(ran([truth(1)], [flag(1, 9, "overdue"), flag(1, 7)])).useful.days.median == 7


def test_a_flag_that_was_open_already_counts_from_the_first_day():
    assert figures(ran([truth(1)], [flag(1, -3, "overdue")])).useful.days.median == 0


def test_a_flag_that_was_closed_by_then_is_none():
    found = figures(ran([truth(1)], [flag(1, -3, "overdue", lasts_days=2)])).useful
    assert (found.flagged, found.out_unflagged) == (0, 1)


def test_a_flag_that_came_after_it_was_home_is_none():
    found = figures(ran([truth(1, home_s=FREE + 2 * DAY)], [flag(1, 3)])).useful
    assert (found.flagged, found.back_unflagged) == (0, 1)


def test_a_flag_that_does_not_lead_home_is_none():
    assert figures(ran([truth(1)], [flag(1, 3, "battery_low")])).useful.flagged == 0


def test_quartiles_are_days_that_were_seen():
    loans, flags = [truth(number) for number in range(4)], [flag(number, number) for number in range(4)]
    days = figures(ran(loans, flags)).useful.days
    assert (days.first, days.median, days.third) == (1, 2, 3)


def test_each_cause_is_found_by_itself():
    loans = [truth(1), truth(2, cause="died")]
    by_cause = figures(ran(loans, [flag(1, 1)])).useful_by_cause
    assert {cause: found.flagged for cause, found in by_cause.items()} == {"recovered": 1, "died": 0}


def test_others_are_those_that_were_delivered_and_needed():
    loans = [
        truth(1, free_from_s=None),
        truth(2, free_from_s=None),
        truth(3, free_from_s=None, delivered_s=None),
        truth(4),
    ]
    counted = figures(ran(loans, [flag(1, 1), flag(1, 2, "overdue"), flag(3, 1), flag(4, 1)]))
    assert counted.others == 2
    assert (counted.others_flagged["any"], counted.others_flagged["overdue"]) == (1, 1)


def test_a_cause_that_did_not_come_to_be_is_counted_as_needed():
    assert figures(ran([truth(1, cause_s=WORLD.to_s, free_from_s=None)], [])).causes == {"needed": 1}


def test_the_json_says_that_it_is_virtual_and_has_every_flag_with_times_in_utc():
    told = ran([truth(1)], [flag(1, 7)])
    written = as_json(told, figures(told))
    assert written["virtual"] is True
    assert written["flags"][0]["raised_at"] == "2026-02-21T00:00:00Z"
    assert written["causes"][0]["cause"] == "recovered"
