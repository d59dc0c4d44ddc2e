"""Thirty days in the life of thirteen tags.

A story is physics only: who lies down when, when the plug is pulled, which radios are near. What Kitback should make of
it is not known here. docs/stories.md says the same in words.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from kitback.virtual.world import Ble, Event, Key, Radio, Wifi, World

Kind = Literal["bed", "hoist", "mattress"]

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
DAYS: Final = 30

STORE: Final = "store"
ELSEWHERE: Final = "elsewhere"
SSID: Final = "kitback"
"""The network that tags are provisioned with; every place has an access point of that name."""

MAX_DRIFT_PPM: Final = 10_000


class Window(NamedTuple):
    """A stretch of time in Unix seconds."""

    first: int
    last: int

    def midnights(self) -> range:
        """The midnights (UTC) of all days that touch it, and the one after."""
        return range(self.first // DAY * DAY, self.last + DAY, DAY)


@dataclass
class Life:
    """A world in the making: what has happened to the asset and its tag, with times in Unix seconds."""

    home: str
    start: int
    end: int
    rng: random.Random
    events: list[Event] = field(default_factory=list)

    @property
    def whole(self) -> Window:
        """All of it."""
        return Window(self.start, self.end)

    def day(self, number: float) -> int:
        """The moment so many days after the start."""
        return self.start + int(number * DAY)

    def set(self, at: int, key: Key, value: int | str = 1) -> None:
        """From `at` on it is so."""
        if at < self.end:
            self.events.append(Event(at, key, value))

    def during(self, key: Key, begun: int, over: int, window: Window) -> None:
        """It is 1 from `begun` until it is `over`, as far as that lies in the window."""
        first, last = max(begun, window.first), min(over, window.last)
        if first < last:
            self.set(first, key, 1)
            self.set(last, key, 0)

    def about(self, moment: int, spread: int) -> int:
        """A moment up to `spread` seconds before or after."""
        return moment + self.rng.randint(-spread, spread)


@dataclass(frozen=True)
class Story:
    """One tag's thirty days."""

    name: str
    kind: Kind
    title: str
    """What happens, in plain words."""
    tell: Callable[[Life], None]
    leaves_home_for: str | None = None
    """The other place its radios are heard at."""

    @property
    def tag_id(self) -> str:
        return "7c9ebd" + hashlib.sha256(self.name.encode()).hexdigest()[:6]

    @property
    def home(self) -> str:
        """Name of the radio place it was lent to."""
        return f"home-{self.name}"

    def places(self, seed: int) -> dict[str, tuple[Radio, ...]]:
        """What there is to hear at each place the story goes to, by the place's name."""
        return {name: radios_at(name, seed) for name in (self.home, self.leaves_home_for) if name is not None}

    def world(self, end_s: int, seed: int) -> World:
        """The story as it ends at `end_s`, Unix seconds. The same seed makes the same world."""
        rng = _rng(seed, self.name)
        drift_ppm = rng.randint(-MAX_DRIFT_PPM, MAX_DRIFT_PPM)
        life = Life(self.home, end_s - DAYS * DAY, end_s, rng)
        self.tell(life)
        return World(
            tag_id=self.tag_id,
            start_s=life.start,
            end_s=end_s,
            drift_ppm=drift_ppm,
            seed=rng.randrange(1, 2**31),
            places=self.places(seed),
            events=tuple(life.events),
        )


def radios_at(place: str, seed: int) -> tuple[Radio, ...]:
    """What there is to hear at a place: the network, neighbours' access points, Bluetooth of things and passers-by."""
    rng = _rng(seed, place)
    neighbours = [
        Wifi(f"net-{rng.randrange(16**4):04x}", _address(rng), rng.choice((1, 6, 11)), rng.randint(-88, -60))
        for _ in range(rng.randint(2, 4))
    ]
    return (
        Wifi(SSID, _address(rng), rng.choice((1, 6, 11)), rng.randint(-62, -48)),
        *neighbours,
        Ble(_address(rng), rng.randint(-80, -60)),
        Ble(_address(rng), rng.randint(-90, -60), random=True),
    )


def _address(rng: random.Random) -> bytes:
    """A hardware address: globally unique and for one receiver, as a shop's device has it."""
    first, *rest = rng.randbytes(6)
    return bytes([first & 0xFC, *rest])


def _rng(seed: int, name: str) -> random.Random:
    return random.Random(f"{seed}/{name}")  # noqa: S311 - physics, not secrets


# --- what happens to assets ------------------------------------------------------------------------------------------


def _fitted(life: Life, *, mains: int, battery_mv: int) -> None:
    """The tag is fitted and switched on where the asset is lent to."""
    life.set(life.start, "at", life.home)
    life.set(life.start, "mains", mains)
    life.set(life.start, "battery_mv", battery_mv)
    life.set(life.start, "motion")


def _network_early_and_late(life: Life) -> None:
    """The network lets the tag through for three days, and again for the last day and a half."""
    life.during("network", life.start, life.about(life.day(3), HOUR), life.whole)
    life.set(life.about(life.end - 36 * HOUR, HOUR // 2), "network")


def _bed(life: Life) -> None:
    _fitted(life, mains=1, battery_mv=4100)
    _network_early_and_late(life)


def _slept_in(life: Life, window: Window) -> None:
    """Nights from half past ten to seven, mostly with a break; some naps; the backrest up and down by day."""
    for midnight in window.midnights():
        woken = midnight + life.rng.randint(2 * HOUR, 4 * HOUR)
        risen = life.about(midnight + 7 * HOUR, 40 * MINUTE)
        life.during("occupied", midnight - 90 * MINUTE + life.rng.randint(0, HOUR), woken, window)
        life.during("occupied", woken + life.rng.randint(4 * MINUTE, 12 * MINUTE), risen, window)
        if life.rng.random() < 0.5:
            nap = life.about(midnight + 14 * HOUR, HOUR)
            life.during("occupied", nap, nap + life.rng.randint(30 * MINUTE, 90 * MINUTE), window)
        for hour in (7.2, 8.5, 12.5, 17.5):
            moved = life.about(midnight + int(hour * HOUR), 8 * MINUTE)
            life.during("motor", moved, moved + life.rng.randint(15, 35), window)


def _hoist(life: Life) -> None:
    _fitted(life, mains=0, battery_mv=4050)
    for number in range(1, DAYS):
        life.set(life.day(number), "battery_mv", 4050 - 6 * number)


def _lifted(life: Life, window: Window) -> None:
    """Four lifts a day, of three to five minutes."""
    for midnight in window.midnights():
        for hour in (8, 12.5, 17.5, 21):
            begun = life.about(midnight + int(hour * HOUR), 25 * MINUTE)
            down = begun + life.rng.randint(3 * MINUTE, 5 * MINUTE)
            life.during("loaded", begun + 15, down, window)
            for jolt in (begun, begun + 20, (begun + down) // 2, down - 10, down + 15):
                if window.first <= jolt < window.last:
                    life.set(jolt, "motion")


def _driven(life: Life, at: int, place: str) -> int:
    """Somebody takes it to another place in a van. Returns when it stands there."""
    life.set(at, "at", "road")
    arrived = at + 40 * MINUTE
    for jolt in range(at, arrived, 2 * MINUTE):
        life.set(jolt, "motion")
    life.set(arrived, "at", place)
    return arrived


def _mattress(life: Life) -> None:
    _fitted(life, mains=1, battery_mv=4100)
    life.set(life.start, "motor")


def _lain_on(life: Life, window: Window) -> None:
    """Night and most of the day, with three breaks."""
    for midnight in window.midnights():
        risen = midnight
        for hour in (9, 13, 18):
            back = life.about(midnight + hour * HOUR, 30 * MINUTE)
            life.during("occupied", risen, back, window)
            risen = back + life.rng.randint(20 * MINUTE, 80 * MINUTE)
        life.during("occupied", risen, midnight + DAY, window)


def _switched_off(life: Life, at: int) -> None:
    """The pump is switched off at its panel; its plug stays in."""
    life.set(at, "motor", 0)


# --- the stories -----------------------------------------------------------------------------------------------------


def _regular_bed(life: Life) -> None:
    _bed(life)
    _slept_in(life, life.whole)


def _bed_unused_since_day_12(life: Life) -> None:
    _bed(life)
    last_used = life.day(12)
    _slept_in(life, Window(life.start, last_used - HOUR))
    life.during("occupied", last_used - HOUR, last_used, life.whole)


def _bed_moved_and_used(life: Life) -> None:
    """Taken apart, and put up again where nobody said it would be. Its tag has no power on the way."""
    _bed(life)
    left = life.day(15)
    _slept_in(life, Window(life.start, left))
    life.set(left, "mains", 0)
    life.set(left, "power", 0)
    arrived = _driven(life, left + HOUR, ELSEWHERE)
    life.set(arrived + HOUR, "mains", 1)
    life.set(arrived + HOUR, "power", 1)
    _slept_in(life, Window(arrived + 2 * HOUR, life.end))


def _tag_never_heard(life: Life) -> None:
    life.set(life.start, "power", 0)
    _bed(life)
    _slept_in(life, life.whole)


def _regular_hoist(life: Life) -> None:
    _hoist(life)
    _network_early_and_late(life)
    _lifted(life, life.whole)


def _hoist_never_used(life: Life) -> None:
    _hoist(life)
    _network_early_and_late(life)


def _hoist_back_in_stores(life: Life) -> None:
    _hoist(life)
    _network_early_and_late(life)
    _lifted(life, Window(life.start, life.day(6)))
    _driven(life, life.day(20), STORE)


def _hoist_battery_died(life: Life) -> None:
    _fitted(life, mains=0, battery_mv=3900)
    life.set(life.start, "network")
    died = life.day(18)
    _lifted(life, Window(life.start, died))
    for hours in range(5 * 24):  # 3900 mV on day 13, 3300 mV just before it dies
        life.set(life.day(13) + hours * HOUR, "battery_mv", 3900 - 5 * hours)
    life.set(died, "power", 0)


def _regular_mattress(life: Life) -> None:
    _mattress(life)
    _network_early_and_late(life)
    _lain_on(life, life.whole)


def _mattress_idle_two_weeks(life: Life) -> None:
    _mattress(life)
    _network_early_and_late(life)
    _lain_on(life, Window(life.start, life.day(16)))
    _switched_off(life, life.day(16))


def _crisis_mattress(life: Life) -> None:
    _mattress(life)
    _network_early_and_late(life)
    _lain_on(life, Window(life.start, life.day(26)))
    _switched_off(life, life.day(26))


def _mattress_unplugged(life: Life) -> None:
    """Somebody lies on it when its plug is pulled, two hours before the end."""
    _mattress(life)
    _network_early_and_late(life)
    pulled = life.end - 2 * HOUR
    _lain_on(life, Window(life.start, pulled - 3 * HOUR))
    life.set(pulled - 3 * HOUR, "occupied")
    life.set(pulled, "motor", 0)
    life.set(pulled, "mains", 0)
    for minutes in range(0, 120, 10):
        life.set(pulled + minutes * MINUTE, "battery_mv", 4050 - minutes)


STORIES: Final = (
    Story("regular-bed", "bed", "A bed in regular use", _regular_bed),
    Story("regular-hoist", "hoist", "A hoist in regular use", _regular_hoist),
    Story("regular-mattress", "mattress", "A mattress in regular use", _regular_mattress),
    Story("bed-unused-since-day-12", "bed", "A bed nobody has used since day 12", _bed_unused_since_day_12),
    Story("hoist-never-used", "hoist", "A hoist delivered and never used", _hoist_never_used),
    Story("mattress-idle-two-weeks", "mattress", "A mattress switched off two weeks ago", _mattress_idle_two_weeks),
    Story("home-first-bed-past-six-weeks", "bed", "A bed in use for longer than it was lent", _regular_bed),
    Story("crisis-mattress-past-72-hours", "mattress", "A mattress switched off four days ago", _crisis_mattress),
    Story("hoist-back-in-stores", "hoist", "A hoist that went back to the stores", _hoist_back_in_stores, STORE),
    Story("bed-moved-and-used", "bed", "A bed used at a place nobody knows", _bed_moved_and_used, ELSEWHERE),
    Story("hoist-battery-died", "hoist", "A hoist whose battery died in week three", _hoist_battery_died),
    Story("mattress-unplugged", "mattress", "A mattress unplugged under somebody", _mattress_unplugged),
    Story("tag-never-heard", "bed", "A bed whose tag never had power", _tag_never_heard),
)
