"""What one fix says."""

from kitback.locate.reading import UNKNOWN, Place, read

STORE, HOME = Place("store", "store"), Place("home", "loan_address")


def test_the_place_whose_anchors_are_heard_best_is_read() -> None:
    reading = read([("a", -40), ("b", -70), ("c", -75)], {"a": HOME, "b": STORE, "c": STORE})
    assert reading.place == HOME
    assert reading.confidence == 60 / 115


def test_anchors_that_nobody_knows_have_no_say() -> None:
    assert read([("x", -30), ("y", -30), ("a", -90)], {"a": HOME}).place == HOME


def test_only_strangers_heard_is_an_unknown_place() -> None:
    assert read([("x", -30)], {}) == UNKNOWN


def test_the_weakest_anchor_still_counts() -> None:
    assert read([("a", -120)], {"a": HOME}).place == HOME
