"""How flags are matched with those that ought to have been raised."""

from typing import Any

import pytest

from kitback.simulate.agreement import Agreement, Raised, Score, agreement
from kitback.simulate.oracle.expected import Expected, Window
from simulate.worlds import END, at, loan, world


def wanted(**changes: Any) -> Expected:
    """An idle flag that must be raised within six hours of day 16, and stand to the end."""
    fields: dict[str, Any] = {
        "asset_id": "BED-1",
        "rule": "idle",
        "since": Window(at(9) - 60, at(9) + 60),
        "earliest_s": at(16),
        "latest_s": at(16.25),
        "over": Window(END, END),
        "true": "unused since day 9",
    }
    return Expected(**{**fields, **changes})


def flag(raised_s: int = at(16.1), since_s: int = at(9), closed_s: int | None = None, rule: str = "idle") -> Raised:
    return Raised(asset_id="BED-1", rule=rule, since_s=since_s, raised_s=raised_s, closed_s=closed_s)


def compared(expected: list[Expected], raised: list[Raised]) -> Agreement:
    return agreement(world(loan()), expected, raised)


def idle(expected: list[Expected], raised: list[Raised]) -> Score:
    return compared(expected, raised).scores["idle"]


EITHER_WAY = {"latest_s": None, "over": Window(at(16), at(17)), "either_way": "used again about then"}


def test_a_flag_in_its_time_is_right() -> None:
    assert idle([wanted()], [flag()]) == Score(rule="idle", raised=1, right=1)
    assert compared([wanted()], [flag()]).disagreements == []


@pytest.mark.parametrize("raised_s", [at(16), at(16.25)])
def test_so_is_one_at_either_end_of_it(raised_s: int) -> None:
    assert idle([wanted()], [flag(raised_s)]).right == 1


@pytest.mark.parametrize("raised_s", [at(16) - 1, at(16.25) + 1])
def test_one_outside_of_it_is_wrong_and_the_right_one_missed(raised_s: int) -> None:
    assert idle([wanted()], [flag(raised_s)]) == Score(rule="idle", raised=1, wrong=1, missed=1)


def test_so_is_one_that_says_since_another_time() -> None:
    assert idle([wanted()], [flag(since_s=at(8))]) == Score(rule="idle", raised=1, wrong=1, missed=1)


def test_one_that_nobody_expected_is_wrong() -> None:
    found = compared([], [flag()])
    assert found.scores["idle"] == Score(rule="idle", raised=1, wrong=1)
    assert "nothing of the kind is true" in found.disagreements[0].line


def test_one_that_was_not_raised_is_missed_and_says_what_was_true() -> None:
    found = compared([wanted()], [])
    assert found.scores["idle"] == Score(rule="idle", missed=1)
    assert "unused since day 9" in found.disagreements[0].line
    assert "BED-1 (bed, long_term, home; needed)" in found.disagreements[0].line


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        ([flag(at(16) - 1)], "; due 2026-01-21"),
        ([flag(since_s=at(8))], "; since 2026-01-14"),
        ([flag(at(16.1)), flag(at(16.2))], "; raised again"),
    ],
)
def test_what_is_wrong_says_why(raised: list[Raised], why: str) -> None:
    wrong = next(each for each in compared([wanted()], raised).disagreements if each.what == "wrong")
    assert why in wrong.line


def test_one_raised_twice_is_right_once() -> None:
    assert idle([wanted()], [flag(at(16.1)), flag(at(16.2))]) == Score(rule="idle", raised=2, right=1, wrong=1)


def test_either_way_counts_as_neither() -> None:
    assert idle([wanted(**EITHER_WAY)], []) == Score(rule="idle", left_out=1)
    assert idle([wanted(**EITHER_WAY)], [flag(closed_s=at(17))]) == Score(rule="idle", raised=1, either_way=1)


@pytest.mark.parametrize(("closed_s", "ended_wrong"), [(at(29), 1), (at(30), 0), (at(31), 0), (at(32), 1), (None, 1)])
def test_a_flag_that_ended_too_early_or_too_late_is_right_and_told_of(closed_s: int | None, ended_wrong: int) -> None:
    score = idle([wanted(over=Window(at(30), at(31)))], [flag(closed_s=closed_s)])
    assert (score.right, score.ended_wrong) == (1, ended_wrong)


def test_one_that_may_stand_on_need_not_be_closed() -> None:
    assert idle([wanted(over=Window(at(30), END))], [flag()]).ended_wrong == 0


def test_a_flag_that_stood_on_through_a_short_end_is_not_missed_again() -> None:
    first = wanted(over=Window(at(17), at(30)))
    again = wanted(earliest_s=at(17), latest_s=at(18), since=Window(at(17), at(17)))
    assert idle([first, again], [flag(closed_s=at(30))]) == Score(rule="idle", raised=1, right=1)


def test_rules_do_not_answer_for_each_other() -> None:
    found = compared([wanted()], [flag(rule="never_used")])
    assert (found.scores["idle"].missed, found.scores["never_used"].wrong) == (1, 1)


def test_a_rule_that_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError, match="mislaid"):
        compared([], [flag(rule="mislaid")])


def test_precision_and_recall() -> None:
    score = Score(rule="idle", raised=6, right=3, wrong=1, missed=2, either_way=2)
    assert (score.precision, score.recall) == (0.75, 0.6)
    assert (Score(rule="idle").precision, Score(rule="idle").recall) == (None, None)
