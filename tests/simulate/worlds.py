"""Worlds made by hand: one loan each, of which a test changes what it is about."""

from datetime import UTC, datetime
from typing import Any

from kitback.simulate.truth import Away, Level, Place, Span, Stay, Tag, Told, Truth, World

HOUR = 3600
DAY = 24 * HOUR
START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
"""A Monday; London's clocks go forward 83 days later."""

PRESCRIBED = START + 7 * HOUR
DELIVERED = START + 9 * HOUR
END = START + 60 * DAY


def at(days: float) -> int:
    """So many days after the delivery."""
    return DELIVERED + round(days * DAY)


def span(from_days: float, to_days: float) -> Span:
    return Span(at(from_days), at(to_days))


def nights(first: int, last: int) -> tuple[Span, ...]:
    """A bed in use for eight hours from noon after the delivery's time of day, on each of these days."""
    return tuple(span(each + 0.1, each + 0.4) for each in range(first, last))


HOME = "home"
PLACES = {
    each.place_id: each
    for each in (
        Place(place_id="stores", type="store", registered=True, surveyed=True, radios=("a0", "a1")),
        Place(place_id="care-home", type="care_home", registered=True, surveyed=True, radios=("b0", "b1")),
        Place(place_id=HOME, type="loan_address", registered=False, surveyed=False, radios=("c0",)),
        Place(place_id="elsewhere", type="loan_address", registered=False, surveyed=False, radios=("d0",)),
        Place(place_id="known-home", type="loan_address", registered=True, surveyed=True, radios=("e0",)),
    )
}


def tag(**changes: Any) -> Tag:
    """A tag fitted when the world began, and awake for half an hour then and since the delivery."""
    fields: dict[str, Any] = {
        "tag_id": "0123456789ab",
        "fitted_s": START,
        "drift_ppm": 0,
        "mains": (Span(DELIVERED, END),),
        "awake": (Span(START, START + HOUR // 2), Span(DELIVERED, END)),
        "network": (Span(START, END),),
        "battery": (Level(START, 4000),),
        "blind": False,
    }
    return Tag(**{**fields, **changes})


def told(step: Any, at_s: int, said_s: int | None = None) -> Told:
    return Told(at_s, step, at_s if said_s is None else said_s)


def loan(*more_told: Told, place_id: str = HOME, stays: tuple[Stay, ...] | None = None, **changes: Any) -> Truth:
    """A bed at home for long, needed and used to the end, of which staff told the delivery at once."""
    given = [told("prescribed", PRESCRIBED), told("delivered", DELIVERED), *more_told]
    fields: dict[str, Any] = {
        "asset_id": "BED-1",
        "kind": "bed",
        "serviced_s": None,
        "examined_s": None,
        "paid_carers": False,
        "loan_ref": "loan-1",
        "pathway": "long_term",
        "setting": "home",
        "speed": None,
        "place_id": place_id,
        "prescribed_s": PRESCRIBED,
        "delivered_s": DELIVERED,
        "cause": "needed",
        "cause_s": END,
        "over_s": None,
        "free_from_s": None,
        "home_s": None,
        "use": nights(0, 70),
        "stray": (),
        "unpowered": (),
        "stays": stays
        or (
            Stay("stores", START, DELIVERED - HOUR),
            Stay("", DELIVERED - HOUR, DELIVERED),
            Stay(place_id, DELIVERED, END),
        ),
        "tag": tag(),
        "told": tuple(sorted(given)),
    }
    return Truth(**{**fields, **changes})


def world(truth: Truth, *away: Away, to_s: int = END) -> World:
    return World(seed=1, from_s=START, to_s=to_s, places=PLACES, away=away, loans=(truth,))
