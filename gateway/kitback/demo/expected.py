"""What the stories should raise, worked out from their physics and their paperwork, before any rule looks.

docs/stories.md prints this table; a test holds the two together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kitback.demo.loans import LENT
from kitback.policy import Policy
from kitback.virtual.stories import DAY, ELSEWHERE, HOUR, MINUTE, STORE
from kitback.virtual.world import World

Moment = Callable[[World, Policy], int]
"""When something happened, in Unix seconds of true time."""


@dataclass(frozen=True)
class Expected:
    """One flag that a story should raise."""

    story: str
    rule: str
    moment: str
    """Since when, in plain words."""
    since: Moment
    tolerance_s: int
    """How far the flag's `since` may be from the true moment, and why it may be off at all."""
    because: str


def last(key: str, value: int | str) -> Moment:
    """When `key` last took on `value`."""
    return lambda world, _: max(event.at for event in world.events if (event.key, event.value) == (key, value))


def fitted(world: World, _: Policy) -> int:
    return world.start_s


def due(story: str) -> Moment:
    """When the story's loan was due back."""

    def moment(world: World, policy: Policy) -> int:
        lent = LENT[story]
        at = policy.due(lent.pathway, lent.lent_at(world.start_s))
        if at is None:
            raise ValueError(f"a loan on {lent.pathway} has no end: {story} cannot be overdue")
        return at

    return moment


_DEBOUNCE = "two looks must agree that use has ended, and the oscillator drifts"
_EXACT = "from the register"

EXPECTED: Final = (
    Expected("bed-unused-since-day-12", "idle", "last got out of", last("occupied", 0), 5 * MINUTE, _DEBOUNCE),
    Expected("hoist-never-used", "never_used", "lent", fitted, 0, _EXACT),
    Expected("mattress-idle-two-weeks", "idle", "pump switched off", last("motor", 0), 5 * MINUTE, _DEBOUNCE),
    Expected(
        "home-first-bed-past-six-weeks",
        "overdue",
        "42 days after it was lent",
        due("home-first-bed-past-six-weeks"),
        0,
        _EXACT,
    ),
    Expected(
        "crisis-mattress-past-72-hours",
        "overdue",
        "72 hours after it was lent",
        due("crisis-mattress-past-72-hours"),
        0,
        _EXACT,
    ),
    Expected("crisis-mattress-past-72-hours", "idle", "pump switched off", last("motor", 0), 5 * MINUTE, _DEBOUNCE),
    Expected(
        "hoist-back-in-stores",
        "seen_in_stores",
        "arrived at the store",
        last("at", STORE),
        HOUR,
        "it listens for anchors once it has stood still for a while",
    ),
    Expected(
        "bed-moved-and-used",
        "off_site",
        "arrived elsewhere",
        last("at", ELSEWHERE),
        2 * HOUR,
        "its tag got power an hour after it arrived",
    ),
    Expected(
        "hoist-battery-died",
        "silent",
        "battery empty",
        last("power", 0),
        DAY,
        "it reports once a day, so its last word is up to a day older",
    ),
    Expected(
        "hoist-battery-died",
        "battery_low",
        "battery fell to 3.5 V",
        last("battery_mv", 3500),
        2 * DAY,
        "it reports once a day, and its flag may begin with its last word, 40 hours later at most",
    ),
    Expected("mattress-unplugged", "unpowered", "plug pulled", last("mains", 0), 5 * MINUTE, "it looks twice a minute"),
    Expected("tag-never-heard", "never_heard", "tag fitted", fitted, 0, _EXACT),
)
