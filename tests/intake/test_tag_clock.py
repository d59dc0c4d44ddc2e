"""Placing a drifting counter in time, without a register."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from kitback.intake import tag_clock
from kitback.intake.tag_clock import Point, Time, Window, add, estimate, rate

NOW = 2_000_000_000
LATER = 2**40
PPB = 10_000_000  # one percent


def test_between_pairs_a_record_is_interpolated() -> None:
    points = [Point(0, NOW), Point(1000, NOW + 1010)]
    assert place(500, points, 0, LATER) == Time(NOW + 505, "paired")


def test_after_the_last_pair_the_rate_of_the_pairs_holds() -> None:
    points = [Point(0, NOW), Point(100_000, NOW + 101_000)]
    assert place(200_000, points, 0, LATER) == Time(NOW + 202_000, "extrapolated")


def test_before_a_lone_pair_the_last_known_rate_holds() -> None:
    assert place(0, [Point(100_000, NOW)], PPB, LATER) == Time(NOW - 101_000, "extrapolated")


def test_nothing_is_placed_after_its_report_arrived() -> None:
    assert place(500, [Point(0, NOW)], 0, NOW + 100).unix == NOW + 100
    assert place(50, [Point(0, NOW), Point(100, NOW + 100)], 0, NOW + 10).unix == NOW + 10


def test_pairs_close_together_tell_no_rate() -> None:
    assert rate([Point(0, NOW), Point(tag_clock.RATE_BASE - 1, NOW + 3700)]) is None
    assert rate([Point(0, NOW), Point(100_000, NOW + 99_000)]) == -PPB


def test_a_pair_repeated_or_late_changes_nothing() -> None:
    points = (Point(0, NOW), Point(100, NOW + 100))
    assert add(points, Point(100, NOW + 100)) == points
    assert add(points, Point(50, NOW + 50)) == points


def test_pairs_close_together_are_thinned_but_the_latest_stays() -> None:
    points: tuple[Point, ...] = ()
    for counter in range(0, 10 * 86_400, 3600):
        points = add(points, Point(counter, NOW + counter))
    assert points[0] == Point(0, NOW)
    assert points[-1].counter == 10 * 86_400 - 3600
    assert len(points) <= 12


def test_a_pair_that_contradicts_the_earlier_ones_replaces_them() -> None:
    points = (Point(0, NOW), Point(86_400, NOW + 86_400))
    put_right = Point(90_000, NOW + 4_000_000)
    assert add(points, put_right) == (put_right,)


def test_a_clock_without_pairs_lies_amid_its_window() -> None:
    window = Window(opens=NOW, closes=NOW + 1000)
    assert estimate(0, 600, window) == Time(NOW + 200, "estimated")
    assert estimate(600, 600, window) == Time(NOW + 800, "estimated")


def test_a_clock_that_no_clock_came_before_ends_where_the_next_begins() -> None:
    assert estimate(600, 600, Window(None, NOW)) == Time(NOW, "estimated")


def test_a_clock_longer_than_its_window_is_squeezed_into_it() -> None:
    window = Window(opens=NOW, closes=NOW + 100)
    assert estimate(0, 1000, window).unix == NOW
    assert estimate(1000, 1000, window).unix == NOW + 100


clocks = st.builds(
    lambda gaps, drift: (gaps, drift),
    st.lists(st.integers(1, 5 * 86_400), min_size=1, max_size=20),
    st.integers(-PPB, PPB),
)


@given(clocks, st.integers(0, 100 * 86_400))
def test_a_steady_drift_is_followed_to_within_seconds(clock: tuple[list[int], int], counter: int) -> None:
    """Pairs are whole seconds of a clock that is up to a percent off; what lies within them is out by rounding only."""
    gaps, drift = clock
    points: tuple[Point, ...] = ()
    at = 0
    for gap in gaps:
        at += gap
        points = add(points, Point(at, _true(at, drift)))
    placed = place(counter, points, 0, LATER)
    if points[0].counter <= counter <= points[-1].counter:
        assert placed.quality == "paired"
        assert abs(placed.unix - _true(counter, drift)) <= 2


@given(clocks, st.lists(st.integers(0, 100 * 86_400), min_size=2, max_size=10))
def test_time_never_runs_backwards(clock: tuple[list[int], int], counters: list[int]) -> None:
    gaps, drift = clock
    points: tuple[Point, ...] = ()
    at = 0
    for gap in gaps:
        at += gap
        points = add(points, Point(at, _true(at, drift)))
    placed = [each.unix for each in tag_clock.place(sorted(counters), points, 0, LATER)]
    assert placed == sorted(placed)


@given(clocks, st.lists(st.integers(0, 100 * 86_400), max_size=10))
def test_moments_placed_together_lie_where_each_alone_would(clock: tuple[list[int], int], counters: list[int]) -> None:
    gaps, drift = clock
    points = tuple(Point(sum(gaps[:n]), _true(sum(gaps[:n]), drift)) for n in range(1, len(gaps) + 1))
    counters += [point.counter + step for point in points for step in (0, -1, 1)]  # where one rule follows another
    assert tag_clock.place(counters, points, PPB, LATER) == [place(each, points, PPB, LATER) for each in counters]


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.none() | st.integers(NOW - 10**6, NOW),
    st.integers(NOW, NOW + 10**6),
)
def test_an_estimate_stays_in_its_window(counter: int, length: int, opens: int | None, closes: int) -> None:
    placed = estimate(min(counter, length), length, Window(opens, closes)).unix
    assert placed <= closes
    assert opens is None or placed >= opens


def place(counter: int, points: Sequence[Point], rate_ppb: int, not_after: int) -> Time:
    [placed] = tag_clock.place([counter], points, rate_ppb, not_after)
    return placed


def _true(counter: int, drift: int) -> int:
    return NOW + counter + counter * drift // 10**9
