"""The physics of the stories."""

from itertools import pairwise

import pytest

from kitback.virtual.stories import DAY, DAYS, HOUR, MAX_DRIFT_PPM, MINUTE, SSID, STORE, STORIES, Story, radios_at
from kitback.virtual.world import Ble, Wifi, World

END = 1_790_000_000 // HOUR * HOUR
SEEDS = (1, 2, 3)
BY_NAME = {story.name: story for story in STORIES}


def spans(world: World, key: str) -> list[tuple[int, int]]:
    """When something was 1."""
    found = []
    since = None
    for at, which, value in sorted(world.events, key=lambda event: event.at):
        if which == key and value and since is None:
            since = at
        elif which == key and not value and since is not None:
            found.append((since, at))
            since = None
    return found if since is None else [*found, (since, world.end_s)]


def test_the_stories_are_the_thirteen_with_a_tag_each() -> None:
    assert len({story.name for story in STORIES}) == len({story.tag_id for story in STORIES}) == len(STORIES) == 13
    assert {story.kind for story in STORIES} == {"bed", "hoist", "mattress"}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_seed_makes_the_same_world_again_and_another_seed_another(story: Story) -> None:
    assert story.world(END, 1) == story.world(END, 1)
    assert story.world(END, 1) != story.world(END, 2)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_world_lasts_thirty_days_and_its_oscillator_drifts_by_a_percent_at_most(story: Story, seed: int) -> None:
    world = story.world(END, seed)
    assert world.end_s - world.start_s == DAYS * DAY
    assert abs(world.drift_ppm) <= MAX_DRIFT_PPM
    assert all(event.at < world.end_s for event in world.events)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_nothing_overlaps_so_every_end_is_the_end_of_what_began(story: Story, seed: int) -> None:
    world = story.world(END, seed)
    for key in ("occupied", "loaded", "motor", "network"):
        changes = [event.value for event in sorted(world.events, key=lambda event: event.at) if event.key == key]
        assert all(before != after for before, after in pairwise(changes)), key


@pytest.mark.parametrize("seed", SEEDS)
def test_regular_use_is_regular(seed: int) -> None:
    for name, key, a_day in (("regular-bed", "occupied", 2), ("regular-hoist", "loaded", 3)):
        used = spans(BY_NAME[name].world(END, seed), key)
        for day in range(1, DAYS - 1):
            first = END - DAYS * DAY + day * DAY
            assert sum(first <= begun < first + DAY for begun, _ in used) >= a_day
    lifts = spans(BY_NAME["regular-hoist"].world(END, seed), "loaded")
    assert all(2 * MINUTE < over - begun < 6 * MINUTE for begun, over in lifts[1:-1])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "key", "day"),
    [
        ("bed-unused-since-day-12", "occupied", 12),
        ("mattress-idle-two-weeks", "motor", 16),
        ("crisis-mattress-past-72-hours", "motor", 26),
    ],
)
def test_use_ends_on_the_second(name: str, key: str, day: int, seed: int) -> None:
    world = BY_NAME[name].world(END, seed)
    assert spans(world, key)[-1][1] == world.start_s + day * DAY
    assert all(over <= world.start_s + day * DAY for _, over in spans(world, "occupied"))


@pytest.mark.parametrize("seed", SEEDS)
def test_most_tags_have_the_network_in_the_first_days_and_at_the_end_only(seed: int) -> None:
    for story in STORIES:
        if story.name == "hoist-battery-died":
            continue
        world = story.world(END, seed)
        (begun, lost), (back, end) = spans(world, "network")
        assert begun == world.start_s
        assert abs(lost - begun - 3 * DAY) <= HOUR
        assert abs(end - back - 36 * HOUR) <= HOUR
        assert end == world.end_s


def test_a_tag_that_was_never_heard_never_had_power() -> None:
    world = BY_NAME["tag-never-heard"].world(END, 1)
    assert world.events[0] == (world.start_s, "power", 0)
    assert not any(event.key == "power" for event in world.events[1:])


def test_an_unplugged_mattress_is_lain_on() -> None:
    world = BY_NAME["mattress-unplugged"].world(END, 1)
    assert spans(world, "occupied")[-1] == (END - 5 * HOUR, END)
    assert spans(world, "mains") == spans(world, "motor") == [(world.start_s, END - 2 * HOUR)]


def test_a_dying_battery_falls_before_it_dies() -> None:
    world = BY_NAME["hoist-battery-died"].world(END, 1)
    died = world.start_s + 18 * DAY
    levels = [int(event.value) for event in world.events if event.key == "battery_mv"]
    assert levels == sorted(levels, reverse=True)
    assert 3300 <= levels[-1] < 3310
    assert [event.at for event in world.events if event.key == "power"] == [died]


def test_a_bed_that_moves_has_no_power_on_the_way() -> None:
    world = BY_NAME["bed-moved-and-used"].world(END, 1)
    (lost, restored) = [event.at for event in world.events if event.key == "power"]
    assert [event.value for event in world.events if event.key == "at"] == [
        "home-bed-moved-and-used",
        "road",
        "elsewhere",
    ]
    arrived = [event.at for event in world.events if event.key == "at"][-1]
    assert lost < arrived < restored
    assert spans(world, "occupied")[-1][1] > END - DAY


def test_all_places_have_the_tags_network_and_no_two_share_a_landmark() -> None:
    places = {name: radios for story in STORIES for name, radios in story.places(1).items()}
    assert STORE in places
    addresses = [r.bssid if isinstance(r, Wifi) else r.address for radios in places.values() for r in radios]
    assert len(addresses) == len(set(addresses))
    for radios in places.values():
        assert any(isinstance(radio, Wifi) and radio.ssid == SSID for radio in radios)
        assert any(isinstance(radio, Ble) for radio in radios)
    assert places[STORE] == radios_at(STORE, 1)
