"""The rules of order and duplicates, without a register."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitback.intake.order import JUMP, in_order, judge, number_all, too_far
from kitback.register.tag_states import Range


def test_a_batch_that_follows_applies_whole() -> None:
    verdict = judge(10, [], 1, 10, [11, 12, 13])
    assert (verdict.high, verdict.taken, verdict.duplicates, verdict.gaps) == (13, (0, 1, 2), 0, ())


def test_a_batch_sent_again_is_all_duplicates() -> None:
    verdict = judge(13, [], 1, 10, [11, 12, 13])
    assert (verdict.high, verdict.taken, verdict.duplicates) == (13, (), 3)


def test_an_early_batch_changes_nothing() -> None:
    verdict = judge(10, [Range(3, 4)], 1, 12, [13, 14])
    assert verdict.early
    assert (verdict.high, verdict.taken, verdict.gaps) == (10, (), (Range(3, 4),))


def test_what_the_tag_no_longer_holds_is_written_off() -> None:
    verdict = judge(10, [], 21, 20, [21, 22])
    assert (verdict.high, verdict.taken, verdict.gaps) == (22, (0, 1), (Range(11, 20),))


def test_an_empty_report_writes_off_too() -> None:
    verdict = judge(10, [], 21, 10, [])
    assert (verdict.early, verdict.high, verdict.gaps) == (False, 20, (Range(11, 20),))


def test_holes_in_a_batch_are_lost() -> None:
    verdict = judge(10, [], 1, 10, [11, 14, 15])
    assert (verdict.high, verdict.gaps) == (15, (Range(12, 13),))


def test_a_hole_that_reaches_below_high_loses_only_what_is_above() -> None:
    verdict = judge(10, [], 1, 5, [6, 12])
    assert (verdict.taken, verdict.duplicates, verdict.gaps) == ((1,), 1, (Range(11, 11),))


def test_what_was_written_off_applies_after_all() -> None:
    verdict = judge(20, [Range(11, 15)], 1, 12, [13, 14])
    assert (verdict.high, verdict.taken, verdict.found, verdict.duplicates) == (20, (0, 1), 2, 0)
    assert verdict.gaps == (Range(11, 12), Range(15, 15))


def test_numbers_that_run_away_are_not_believed() -> None:
    assert not too_far(10, 1, 10 + JUMP)
    assert too_far(10, 1, 11 + JUMP)
    assert too_far(10, 12 + JUMP, 12 + JUMP)


@pytest.mark.parametrize(
    ("oldest", "newest", "after", "seqs"),
    [(5, 3, 0, []), (1, 9, 10, []), (1, 9, 3, [3]), (1, 9, 3, [4, 4]), (1, 9, 3, [5, 4]), (1, 9, 3, [10])],
)
def test_a_report_that_contradicts_itself_is_known(oldest: int, newest: int, after: int, seqs: list[int]) -> None:
    assert not in_order(oldest, newest, after, seqs)


def test_a_damaged_record_is_numbered_by_where_it_stands() -> None:
    nothing = [None] * 4
    assert number_all(5, 9, [6, None, None, 9], nothing) == [6, 7, 8, 9]
    assert number_all(5, 9, [6, None, None, 8], nothing) == [6, 7, None, 8]
    assert number_all(5, 7, [6, None, None], nothing[:3]) == [6, 7, None]


def test_a_damaged_number_counts_only_where_its_neighbours_bear_it_out() -> None:
    assert number_all(5, 20, [6, None, 9], [None, 8, None]) == [6, 8, 9]
    assert number_all(5, 20, [6, None, 9], [None, 12, None]) == [6, 7, 9]
    # At the end of a batch it could write off what is still to come.
    assert number_all(5, 20, [6, None], [None, 19]) == [6, 7]


@given(st.integers(1, 30), st.integers(0, 2**32), st.integers(1, 6))
def test_whatever_the_order_of_batches_every_record_counts_once(newest: int, seed: int, size: int) -> None:
    """Batches lost, repeated and shuffled; then the tag sends from `high`, as the protocol has it."""
    chance = random.Random(seed)
    high, lost, counted = 0, list[Range](), list[int]()

    def send(after: int, oldest: int = 1) -> None:
        nonlocal high, lost
        seqs = list(range(after + 1, min(after + size, newest) + 1))
        verdict = judge(high, lost, oldest, after, seqs)
        counted.extend(seqs[position] for position in verdict.taken)
        written_off = sum(each.size for each in verdict.gaps)
        assert len(counted) + written_off == verdict.high
        assert verdict.high >= high
        high, lost = verdict.high, list(verdict.gaps)

    for _ in range(20):
        after = chance.randrange(newest + 1)
        # Now and then the tag believes for a while that it has lost its oldest records.
        send(after, oldest=chance.choice([1, 1, after + 1]))
    while lost:
        send(lost[0].first - 1)
    while high < newest:
        send(high)
    assert sorted(counted) == list(range(1, newest + 1))
