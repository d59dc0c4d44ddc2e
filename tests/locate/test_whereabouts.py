"""When a reading moves an asset."""

from hypothesis import given
from hypothesis import strategies as st

from kitback.locate.whereabouts import UNKNOWN, Whereabouts, follow


def walk(*fixes: tuple[str, int]) -> Whereabouts | None:
    now: Whereabouts | None = None
    for place, at in fixes:
        now = follow(now, place, at)
    return now


def test_the_first_place_is_believed_at_once() -> None:
    assert walk(("home", 10)) == Whereabouts("home", 10, 10)


def test_one_reading_does_not_move_an_asset() -> None:
    assert walk(("home", 10), ("store", 20)) == Whereabouts("home", 10, 10, "store", 20)
    assert walk(("home", 10), ("store", 20), ("home", 30)) == Whereabouts("home", 10, 30)


def test_two_running_do_and_it_is_there_since_the_first() -> None:
    assert walk(("home", 10), ("store", 20), ("store", 30)) == Whereabouts("store", 20, 30)


def test_two_different_rivals_move_nothing() -> None:
    assert walk(("home", 10), ("store", 20), ("van", 30)) == Whereabouts("home", 10, 10, "van", 30)


def test_unknown_is_a_place() -> None:
    assert walk(("home", 10), (UNKNOWN, 20), (UNKNOWN, 30)) == Whereabouts(UNKNOWN, 20, 30)


def test_a_fix_from_long_ago_moves_nothing() -> None:
    believed = walk(("home", 10), ("home", 50))
    assert believed is not None
    assert follow(believed, "store", 20) == believed


@given(st.lists(st.sampled_from(["home", "store", UNKNOWN]), min_size=2))
def test_a_place_is_never_left_without_two_readings_of_the_next(places: list[str]) -> None:
    now: Whereabouts | None = None
    for at, place in enumerate(places):
        before, now = now, follow(now, place, at)
        if before and now.place != before.place:
            assert places[at - 1] == place == now.place
            assert now.since == at - 1
