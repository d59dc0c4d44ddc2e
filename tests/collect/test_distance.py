"""How far it is: great circles, by what is known of them."""

from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitback.collect.distance import kilometres
from kitback.register.places import Point

points = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
HALF_ROUND = pi * 6371.0088


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        (Point(0, 0), Point(0, 180), HALF_ROUND),
        (Point(90, 0), Point(-90, 77), HALF_ROUND),
        (Point(0, 0), Point(0, 90), HALF_ROUND / 2),
        (Point(52, 179.5), Point(52, -179.5), 68.46),
        (Point(51.5074, -0.1278), Point(48.8566, 2.3522), 343.6),  # London to Paris
        (Point(52.63, -1.13), Point(52.67, -0.73), 27.36),  # Leicester to Oakham
    ],
)
def test_distances_that_are_known(a: Point, b: Point, km: float) -> None:
    assert kilometres(a, b) == pytest.approx(km, rel=2e-3)


@given(points, points)
def test_there_is_as_far_as_back_and_never_further_than_half_round(a: Point, b: Point) -> None:
    assert kilometres(a, b) == pytest.approx(kilometres(b, a), abs=1e-6)
    assert 0 <= kilometres(a, b) <= HALF_ROUND + 1e-6


@given(points)
def test_from_a_place_to_itself_it_is_nothing(a: Point) -> None:
    assert kilometres(a, a) == 0


@given(points, points, points)
def test_no_way_round_is_shorter(a: Point, b: Point, c: Point) -> None:
    assert kilometres(a, c) <= kilometres(a, b) + kilometres(b, c) + 1e-6
