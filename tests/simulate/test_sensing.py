"""The paper tag's senses: what it notes is the truth, but for what `truth.py` says it may be out by."""

import msgspec
import pytest

from kitback import wire
from kitback.simulate.population import draw
from kitback.simulate.sensing import Noted, Sensed, Used
from kitback.simulate.tag import PaperTag
from kitback.simulate.truth import PAUSE_S, SENSED_S, Span, Truth, World, common, joined, without
from simulate.worlds import PLACES, loan, span

DAY = 86_400


@pytest.fixture(scope="module")
def world() -> World:
    return draw(60, 30, seed=2)


def lives(world: World) -> list[tuple[Truth, Span, list[Noted | Used]]]:
    """Each tag from each of its starts on, and all it noted."""
    return [
        (truth, awake, list(sensing(world, truth, awake).notes())) for truth in world.loans for awake in truth.tag.awake
    ]


def sensing(world: World, truth: Truth, awake: Span) -> Sensed:
    return Sensed(truth, world.places, awake, truth.tag.awake.index(awake) + 1)


def used(notes: list[Noted | Used]) -> list[Used]:
    return [each for each in notes if isinstance(each, Used)]


def test_it_notes_in_order_of_time_and_only_while_it_is_awake(world):
    for _, awake, notes in lives(world):
        times = [each.noted_s for each in notes]
        assert times == sorted(times)
        assert all(awake.from_s <= at < awake.to_s for at in times)


def test_its_spans_of_use_follow_each_other_without_a_gap(world):
    for _, awake, notes in lives(world):
        at = awake.from_s
        for each in used(notes):
            assert each.at_s == at < each.to_s
            at = each.to_s


def test_a_quiet_span_lasts_a_day_and_a_busy_one_an_hour_at_most(world):
    for _, _, notes in lives(world):
        for each in used(notes):
            assert each.to_s - each.at_s <= (3600 if each.in_use else DAY)
            assert 0 <= each.in_use <= each.to_s - each.at_s


def test_its_use_is_the_true_use_with_both_ends_a_little_late(world):
    for truth, awake, _ in lives(world):
        true = common(joined((*truth.use, *truth.stray)), (awake,))
        late = tuple(Span(each.from_s, each.to_s + SENSED_S) for each in true)
        sensed = sensing(world, truth, awake).uses
        if truth.tag.blind:
            assert sensed == ()
            continue
        assert without(sensed, joined(late)) == ()
        unnoticed = without(true, sensed)
        assert all(each.to_s - each.from_s <= SENSED_S for each in unnoticed)


def test_the_span_that_is_open_tells_what_its_records_will(world):
    told = 0
    for truth, awake, notes in lives(world):
        sensed = sensing(world, truth, awake)
        for each in used(notes):
            assert sensed.open_span(each.at_s, each.to_s)[0] == each.in_use
            told += each.in_use
    assert told


def test_an_alarm_that_began_ends_unless_its_tag_dies_first():
    seen = 0
    for _, awake, notes in lives(draw(150, 60, seed=4)):
        edges = [each for each in notes if isinstance(each, Noted) and each.what == "alarm"]
        assert [each.rest[1] for each in edges[::2]] == [True] * len(edges[::2])
        assert all(off.rest[1] is False for off in edges[1::2])
        assert len(edges) % 2 == 0 or edges[-1].noted_s < awake.to_s
        seen += len(edges)
    assert seen


def test_it_listens_when_it_starts_and_at_least_once_a_day(world):
    for _, awake, notes in lives(world):
        fixes = [each.noted_s for each in notes if isinstance(each, Noted) and each.what == "fix"]
        assert fixes[0] == awake.from_s
        assert all(0 < after - before <= DAY for before, after in zip(fixes, [*fixes[1:], awake.to_s], strict=True))


def test_it_hears_the_radios_of_the_place_and_nobody_elses_but_of_passers_by(world):
    strangers = heard = 0
    for truth, _, notes in lives(world):
        for each in notes:
            if isinstance(each, Noted) and each.what == "fix":
                place = next(stay.place_id for stay in truth.stays if stay.from_s <= each.at_s < stay.to_s)
                known = world.places[place].radios if place else ()
                names = [name for name, _ in each.rest[2]]
                assert len(set(names) - set(known)) <= 1
                strangers += len(set(names) - set(known))
                heard += len(names)
    assert 0 < strangers < heard / 10


def test_one_radio_in_twenty_is_missed(world):
    there = heard = 0
    for truth, _, notes in lives(world):
        home = world.places[truth.place_id].radios
        settled = truth.stays[-1].from_s if truth.stays[-1].place_id == truth.place_id else world.to_s
        for each in notes:
            if isinstance(each, Noted) and each.what == "fix" and each.at_s > settled:
                there += len(home)
                heard += len({name for name, _ in each.rest[2]} & set(home))
    assert 0.92 < heard / there < 0.98


def test_that_a_use_is_over_is_not_known_before_a_pause_has_passed(world):
    for _, _, notes in lives(world):
        for each in used(notes):
            full = each.to_s - each.at_s == 3600
            assert each.noted_s == each.to_s + (0 if full or not each.in_use else PAUSE_S)


def test_uses_less_than_a_pause_apart_are_told_as_one_busy_span(world):
    for _, _, notes in lives(world):
        for before, quiet, after in zip(used(notes), used(notes)[1:], used(notes)[2:], strict=False):
            if before.in_use and after.in_use and not quiet.in_use:
                assert quiet.to_s - quiet.at_s >= PAUSE_S


def test_a_report_says_of_an_alarm_what_its_record_says():
    truth = loan(kind="mattress", use=(span(0, 60),), unpowered=tuple(span(day, day + 0.5) for day in range(5, 15)))
    awake = truth.tag.awake[1]
    edges = [
        each for each in Sensed(truth, PLACES, awake, 2).notes() if isinstance(each, Noted) and each.what == "alarm"
    ]
    tag = PaperTag(truth, PLACES, 1, "kitback", b"0123456789abcdef")
    for edge in edges:
        while tag.report_at is not None and tag.report_at < edge.noted_s:
            tag.fail(tag.report_at)
        said = []
        for at in (edge.noted_s - 1, edge.noted_s):
            payload = wire.unseal(b"0123456789abcdef", wire.UP_REPORT, tag.message(at)[1])
            said.append("unpowered" in msgspec.json.decode(payload)["alarms"])
        assert said == [not edge.rest[1], edge.rest[1]]
    assert len(edges) == 20
