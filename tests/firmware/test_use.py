"""Use by kind, and the spans it is noted as."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SWITCH = """
from tag.use.hysteresis import Switch
switch = Switch(bytearray(1), 0, on=1000, off=700, settle=given["settle"])
print(json.dumps([int(switch.feed(level)) for level in given["levels"]]))
"""


@pytest.mark.parametrize(
    ("settle", "levels", "states"),
    [
        (1, [0, 999, 1000, 999, 700, 699, 999], [0, 0, 1, 1, 1, 0, 0]),
        (2, [1500, 0, 1500, 1500, 0, 1500, 0, 0], [0, 0, 0, 1, 1, 1, 1, 0]),
        (3, [1500, 1500, 1500, 800, 800, 800], [0, 0, 1, 1, 1, 1]),
    ],
)
def test_a_switch_needs_its_level_several_times_in_a_row(on_tag, settle, levels, states):
    assert on_tag(SWITCH, {"settle": settle, "levels": levels}) == states


def test_a_switch_goes_on_where_it_was_after_deep_sleep(on_tag):
    assert on_tag(
        """
from tag.use.hysteresis import Switch
cells = bytearray(2)
states = [int(Switch(cells, 1, on=1000, off=700, settle=2).feed(level)) for level in (1500, 1500, 0, 0)]
print(json.dumps([states, cells[0]]))
"""
    ) == [[0, 1, 1, 0], 0]


SENSE = """
import machine
from tag import use
from tag.retained import state
LOAD, MOTOR, AIR = 35, 32, 33
sensed = use.of(use.KINDS.index(given["kind"]), state.cells)
said = []
now = 0
for reading in given["readings"]:
    machine.levels = {LOAD: 300000, MOTOR: 20000, AIR: 600000}
    machine.levels.update({{"load": LOAD, "motor": MOTOR, "air": AIR}[k]: v for k, v in reading.items() if k in ("load", "motor", "air")})
    if reading.get("motion"):
        state.moved_at = now
    events = sensed.sense(reading.get("mains", 1), now)
    said.append([int(sensed.active), events, int(sensed.unpowered), sensed.sense_s, int(sensed.light)])
    now += given.get("step", 60)
print(json.dumps(said))
"""  # noqa: E501

LOADED = {"load": 1_500_000}
RUNNING = {"motor": 800_000}


def sense(on_tag, kind, readings, step=60):
    return on_tag(SENSE, {"kind": kind, "readings": readings, "step": step})


def test_a_bed_is_in_use_while_occupied_and_counts_backrest_movements(on_tag):
    said = sense(on_tag, "bed", [{}, LOADED, LOADED, LOADED | RUNNING, LOADED | RUNNING, LOADED, RUNNING, {}, {}])
    assert [active for active, *_ in said] == [0, 0, 1, 1, 1, 1, 1, 0, 0]
    assert [events for _, events, *_ in said] == [0, 0, 0, 1, 0, 0, 1, 0, 0]


def test_a_hoist_counts_lifts_and_looks_often_while_it_moves_or_carries(on_tag):
    said = sense(on_tag, "hoist", [{"motion": 1}, LOADED, LOADED, LOADED, {}, {}, {}, {}, {}, {}, {}], step=20)
    assert [active for active, *_ in said] == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert sum(events for _, events, *_ in said) == 1
    assert [period for *_, period, _ in said] == [10] * 5 + [900] * 6
    assert [light for *_, light in said] == [1] * 5 + [0] * 6


def test_a_hoist_with_something_hung_up_on_it_goes_back_to_deep_sleep(on_tag):
    said = sense(on_tag, "hoist", [{"motion": 1}, LOADED, LOADED, LOADED, LOADED], step=700)
    assert [light for *_, light in said] == [1, 1, 1, 0, 0]
    assert said[-1][0] == 1, "it still counts as under load"


def test_a_mattress_is_in_use_while_its_pump_runs_and_counts_pressure_cycles(on_tag):
    low, high = RUNNING | {"air": 650_000}, RUNNING | {"air": 1_150_000}
    readings = [{}, low, low, high, low, high, high, low, low, high, high, {}, {}, {"air": 1_150_000}]
    said = sense(on_tag, "mattress", readings, step=30)
    assert [active for active, *_ in said] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert [events for _, events, *_ in said] == [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]


def test_a_mattress_is_unpowered_when_mains_stay_away_while_somebody_lies_on_it(on_tag):
    dark = LOADED | {"mains": 0}
    said = sense(on_tag, "mattress", [LOADED, dark, LOADED, dark, dark, dark, dark, LOADED, LOADED], step=30)
    assert [unpowered for _, _, unpowered, *_ in said] == [0, 0, 0, 0, 0, 1, 1, 1, 0]


def test_an_empty_mattress_without_mains_is_no_alarm(on_tag):
    said = sense(on_tag, "mattress", [{"mains": 0}] * 5, step=30)
    assert [unpowered for _, _, unpowered, *_ in said] == [0] * 5


SPANS = """
from tag.retained import state
from tag.use import span
now = 0
span.begin(0)
done = []
for step, active, events in given:
    now += step
    ended = span.step(now, active, events)
    if ended:
        done.append(ended)
print(json.dumps([done, span.so_far(now)]))
"""

senses = st.lists(
    st.tuples(st.sampled_from([1, 10, 30, 60, 900, 5000]), st.booleans(), st.sampled_from([0, 0, 0, 1, 3])), max_size=80
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(senses)
def test_spans_follow_each_other_without_gap_or_overlap_and_keep_every_second_and_event(on_tag, steps):
    done, still_open = on_tag(SPANS, steps)
    spans = [*done, still_open]
    at = 0
    for start, length, in_use, _ in spans:
        assert start == at
        assert in_use <= length
        at += length
    assert all(length > 0 for _, length, _, _ in done)
    assert at == sum(step for step, _, _ in steps)
    was_active = [False] + [active for _, active, _ in steps]
    assert sum(span[2] for span in spans) == sum(
        min(step, 900) for (step, _, _), before in zip(steps, was_active, strict=False) if before
    )
    assert sum(span[3] for span in spans) == sum(events for *_, events in steps)


def test_hours_without_a_sense_are_no_proof_of_use(on_tag):
    done, still_open = on_tag(SPANS, [(60, True, 0), (43_200, False, 0)])
    assert sum(in_use for _, _, in_use, _ in [*done, still_open]) == 900
    at, length, *_ = done[-1]
    assert at + length == 60 + 900


def test_a_quiet_week_is_seven_spans(on_tag):
    done, _ = on_tag(SPANS, [[900, False, 0]] * (7 * 96))
    assert done == [[day * 86400, 86400, 0, 0] for day in range(7)]


def test_a_busy_span_ends_at_its_last_use_a_quarter_of_an_hour_later(on_tag):
    done, still_open = on_tag(SPANS, [[60, False, 0]] * 10 + [[60, True, 0]] * 5 + [[60, False, 0]] * 20)
    assert done == [[0, 660, 0, 0], [660, 300, 300, 0]]
    assert still_open[0] == 960


def test_a_short_pause_does_not_split_a_span(on_tag):
    done, still_open = on_tag(SPANS, [[60, True, 0], [60, False, 0], [600, True, 1], [60, True, 0]])
    assert done == [[0, 60, 0, 0]]
    assert still_open == [60, 720, 120, 1]


def test_use_that_goes_on_is_noted_every_hour(on_tag):
    done, _ = on_tag(SPANS, [[60, True, 0]] * 130)
    assert [length for _, length, _, _ in done] == [60, 3600, 3600]
