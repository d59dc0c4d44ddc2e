"""The made-up service: drawn from its seed alone, possible in this world, and true to its causes."""

import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitback.simulate import shares
from kitback.simulate.fates import FATES
from kitback.simulate.population import draw
from kitback.simulate.truth import Cause, Span, Spans, Truth, World, common, joined, without

DAYS = 100

worlds = st.builds(draw, loans=st.just(6), days=st.integers(2, 150), seed=st.integers(0, 10**6))


@pytest.fixture(scope="module")
def world() -> World:
    return draw(900, DAYS, seed=3)


def after(spans: Spans, at: int) -> Spans:
    return common(spans, (Span(at, 2**40),))


def of(world: World, cause: Cause, kinds: Sequence[str] = ("bed", "mattress", "hoist")) -> list[Truth]:
    """The loans whose cause came true, before the last day."""
    found = [
        truth
        for truth in world.loans
        if truth.cause == cause and truth.kind in kinds and truth.cause_s < world.to_s - 86_400
    ]
    assert found, cause
    return found


# --- drawn from the seed alone ----------------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_service():
    assert draw(20, 30, seed=5) == draw(20, 30, seed=5)


def test_another_seed_draws_another():
    assert draw(20, 30, seed=5) != draw(20, 30, seed=6)


def test_a_loan_is_the_same_however_many_others_there_are():
    assert draw(4, 30, seed=5).loans == draw(9, 30, seed=5).loans[:4]


def test_whoever_draws_it_has_not_even_loaded_the_policy_or_the_rules():
    code = (
        "import sys, kitback.simulate.population, kitback.simulate.tag;"
        "print([name for name in sys.modules if name.startswith(('kitback.policy', 'kitback.watch'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_cause_has_a_share_and_a_fate():
    assert set(shares.CAUSE) == set(FATES) == set(get_args(Cause))


# --- possible in this world -------------------------------------------------------------------------------------------


def spans_of(truth: Truth) -> dict[str, Spans]:
    tag = truth.tag
    return {
        "use": truth.use,
        "stray": truth.stray,
        "unpowered": truth.unpowered,
        "mains": tag.mains,
        "awake": tag.awake,
        "network": tag.network,
    }


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_all_spans_are_in_order_and_apart_and_within_the_world(world):
    for truth in world.loans:
        for name, spans in spans_of(truth).items():
            assert all(each.from_s < each.to_s for each in spans), name
            assert all(before.to_s < after.from_s for before, after in pairwise(spans)), name
            assert all(world.from_s <= each.from_s and each.to_s <= world.to_s for each in spans), name


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_an_asset_is_always_somewhere_from_its_tags_fitting_on(world):
    for truth in world.loans:
        stays = truth.stays
        assert (stays[0].from_s, stays[-1].to_s) == (truth.tag.fitted_s, world.to_s)
        assert all(before.to_s == after.from_s for before, after in pairwise(stays))
        assert all(each.from_s < each.to_s for each in stays)
        assert {each.place_id for each in stays if each.place_id} <= world.places.keys()


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_nothing_is_used_or_reached_or_plugged_in_on_the_road(world):
    for truth in world.loans:
        road = tuple(Span(each.from_s, each.to_s) for each in truth.stays if not each.place_id)
        for name in ("use", "stray", "mains", "network", "unpowered"):
            assert common(spans_of(truth)[name], road) == (), name


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_nothing_is_used_before_it_is_delivered(world):
    for truth in world.loans:
        before = (Span(0, truth.delivered_s or world.to_s),)
        assert common(joined((*truth.use, *truth.stray)), before) == ()


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_a_pump_runs_on_mains_only_and_nobody_lies_without_mains_while_there_is_some(world):
    for truth in world.loans:
        if truth.kind == "mattress":
            assert without(joined((*truth.use, *truth.stray)), truth.tag.mains) == ()
        assert common(truth.unpowered, truth.tag.mains) == ()
        assert truth.unpowered == () or truth.kind == "mattress"


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_a_battery_falls_in_order_and_within_what_a_cell_can_have(world):
    for truth in world.loans:
        levels = truth.tag.battery
        assert levels[0].at_s == truth.tag.fitted_s
        assert all(before.at_s < after.at_s for before, after in pairwise(levels))
        assert all(3200 <= each.mv <= 4200 for each in levels)


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_staff_tell_in_order_of_what_has_happened(world):
    for truth in world.loans:
        told = truth.told
        about_loan = [each.step for each in told if each.step not in ("serviced", "examined")]
        assert about_loan[0] == "prescribed"
        assert list(told) == sorted(told)
        assert all(each.said_s <= each.at_s or each.step == "due_agreed" for each in told)
        assert [each.at_s for each in told if each.step == "returned"] == ([truth.home_s] if truth.home_s else [])
        delivered = [each.said_s for each in told if each.step == "delivered"]
        assert delivered in ([], [truth.delivered_s])


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_a_gateway_that_is_away_comes_back(world):
    assert all(each.from_s < each.to_s <= world.to_s for each in world.away)
    assert all(before.to_s < after.from_s for before, after in pairwise(world.away))


# --- true to its causes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["recovered", "died"])
def test_a_bed_or_hoist_is_used_until_nobody_needs_it_any_more(world, cause):
    for truth in of(world, cause, ("bed", "hoist")):
        assert after(truth.use, truth.cause_s) == ()
        assert truth.free_from_s == truth.cause_s


def test_what_was_never_needed_is_never_used(world):
    for truth in of(world, "never_needed"):
        assert truth.use == ()
        assert truth.free_from_s == truth.delivered_s


def test_while_somebody_is_in_hospital_nobody_uses_the_bed(world):
    for truth in of(world, "admitted", ("bed",)):
        over = truth.over_s or world.to_s
        assert common(truth.use, (Span(truth.cause_s, over),)) == ()
        assert (truth.over_s is None or truth.over_s >= world.to_s) or truth.free_from_s is None


@pytest.mark.parametrize("cause", ["moved_house", "lent_on"])
def test_what_was_taken_along_is_used_somewhere_else(world, cause):
    for truth in of(world, cause):
        assert truth.stays[-1].place_id not in ("", truth.place_id, "store")
        assert truth.stays[-1].from_s == truth.cause_s
    assert any(after(truth.use, truth.cause_s) for truth in of(world, cause))


def test_what_came_back_unreported_is_in_the_stores_and_the_register_does_not_know(world):
    for truth in of(world, "returned_unreported"):
        assert truth.stays[-1].place_id == "store"
        assert truth.home_s is None


def test_what_is_not_delivered_stays_in_the_stores(world):
    for truth in of(world, "not_delivered"):
        assert [each.place_id for each in truth.stays] == ["store"]
        assert truth.delivered_s is None


def test_what_was_booked_back_too_soon_is_used_where_it_was(world):
    found = of(world, "booked_back_too_soon")
    for truth in found:
        assert truth.stays[-1].place_id == truth.place_id
        assert truth.home_s == truth.cause_s
    assert all(after(truth.use, truth.cause_s) for truth in found if truth.kind != "hoist")


def test_an_unplugged_mattress_is_lain_on_without_mains(world):
    for truth in of(world, "unplugged"):
        assert any(each.from_s <= truth.cause_s < each.to_s for each in truth.unpowered)


def test_a_broken_pump_stands_still_on_mains(world):
    for truth in of(world, "broken_pump"):
        assert after(truth.use, truth.cause_s) == ()
        assert after(truth.tag.mains, truth.cause_s)


@pytest.mark.parametrize("cause", ["flat_battery", "broken_tag"])
def test_a_dead_tags_bed_is_used_on(world, cause):
    for truth in of(world, cause):
        assert after(truth.tag.awake, truth.cause_s) == ()
    assert any(after(truth.use, truth.cause_s) for truth in of(world, cause))


def test_a_tag_without_power_is_never_awake(world):
    assert all(truth.tag.awake == () for truth in of(world, "tag_without_power"))


def test_only_a_badly_fitted_tag_is_blind(world):
    assert all(truth.tag.blind == (truth.cause == "badly_fitted_tag") for truth in world.loans)


def test_a_network_that_is_down_lets_nobody_through(world):
    for truth in of(world, "home_network_down"):
        assert common(truth.tag.network, (Span(truth.cause_s, truth.over_s or world.to_s),)) == ()


# --- spans ------------------------------------------------------------------------------------------------------------

seconds = st.integers(0, 40)
some_spans = st.lists(st.tuples(seconds, st.integers(1, 9)).map(lambda each: Span(each[0], sum(each))), max_size=6)


def covered(spans: Spans) -> set[int]:
    return {at for each in spans for at in range(each.from_s, each.to_s)}


@given(some_spans, some_spans)
def test_spans_are_joined_met_and_taken_away_as_the_seconds_in_them(ones, others):
    left, right = joined(ones), joined(others)
    assert covered(left) == covered(tuple(ones))
    assert covered(common(left, right)) == covered(left) & covered(right)
    assert covered(without(left, right)) == covered(left) - covered(right)
