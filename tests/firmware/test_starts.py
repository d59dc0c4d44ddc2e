"""Starts of the chip that nobody asked for, from weak cells to panics: what the tag does then, and what it spares."""

from itertools import pairwise
from typing import Any

import pytest

from .test_cycle import CYCLE

STARTS = (
    CYCLE
    + """
from tag import clock, settings, wipe
from tag.use import span
nothing = lambda *words: None
settings.print = wipe.print = board.print = nothing

def power(cell_mv, mains):
    machine.levels[34], machine.levels[25] = cell_mv * 500, mains

def boots():
    return [record[3:] for record in noted() if record[0] == "boot"]

def touched():
    # What changes when flash is written or the radio starts.
    return [flash.operations, sorted(esp32.values.items()), network.tries]
"""
)

# --- a report that a reset ended -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", range(6))
def test_a_report_that_a_reset_ended_is_put_off_whatever_the_chip_says_of_it(on_tag, cause):
    reports, pauses = on_tag(
        STARTS
        + """
wake(machine.PWRON_RESET)
reports, pauses = [], []
for _ in range(6):
    pause = cut_in_a_report(given if reports else machine.DEEPSLEEP_RESET, 60)
    if pause is None:
        reports.append(state.seen)
    else:
        pauses.append(pause)
        state.crashes = 0
        time.seconds = state.report_at - 60
        cycle.retained.save()
print(json.dumps([reports, pauses]))
""",
        cause,
    )
    assert len(reports) == len(pauses) == 3, "after each a start without"


def test_a_brownout_in_the_second_in_which_a_report_began_costs_no_clock(on_tag):
    assert on_tag(
        STARTS
        + """
wake(machine.PWRON_RESET)
cut_in_a_report(machine.DEEPSLEEP_RESET, 60)
before = network.tries
wake(machine.PWRON_RESET)
print(json.dumps([state.clock, network.tries - before]))
"""
    ) == [1, 0]


def test_a_reset_outside_a_report_does_not_keep_a_tag_from_reporting_at_once(on_tag):
    assert (
        on_tag(
            STARTS
            + """
wake(machine.PWRON_RESET)
state.failures = 12
cycle.retained.save()
before = network.tries
wake(machine.HARD_RESET, 600)
print(json.dumps(network.tries - before))
"""
        )
        == 1
    )


def test_a_prompt_that_the_watchdog_ends_is_no_crash(on_tag):
    assert on_tag(
        STARTS
        + """
wake(machine.PWRON_RESET)
cut_in_a_report(machine.DEEPSLEEP_RESET, 60)
cycle.retained.expect_reset()
crashes = []
Tag = cycle.Tag
class Watched(Tag):
    def fit(self):
        crashes.append(state.crashes)
        super().fit()
cycle.Tag = Watched
before = network.tries
wake(machine.WDT_RESET, 600)
print(json.dumps([crashes, network.tries - before]))
"""
    ) == [[0], 1]


# --- a cell too weak for the radio -----------------------------------------------------------------------------------


def test_a_brownout_that_left_the_state_goes_on_with_it_and_puts_the_report_off(on_tag):
    clocks, tries, report_in, told = on_tag(
        STARTS
        + """
wake(machine.PWRON_RESET)
cut_in_a_report(machine.DEEPSLEEP_RESET, 60)
before = network.tries
wake(machine.PWRON_RESET, 940)
seen = [state.clock, network.tries - before, state.report_at - 1000]
wake(machine.DEEPSLEEP_RESET, 90_000)
print(json.dumps(seen + [boots()]))
"""
    )
    assert (clocks, tries) == (1, 0)
    assert 60 < report_in <= 120
    assert told == [["power_on", 1], ["brownout", 1]]


def test_a_reset_button_that_is_pressed_at_once_is_no_brownout(on_tag):
    assert on_tag(
        STARTS
        + """
wake(machine.PWRON_RESET)
wake(machine.PWRON_RESET)
print(json.dumps([state.clock, boots()]))
"""
    ) == [2, [["power_on", 1], ["power_on", 1]]]


BROWNOUTS = (
    STARTS
    + """
class BrownOut(BaseException):
    pass

def brown_out(networks):
    raise BrownOut

join, wifi.join = wifi.join, brown_out

def lose_state():
    machine.rtc_memory = b""
    time.seconds = 0

def weak(day_s):
    # Power comes and goes away with each start of the radio. When that happened.
    at, starts, cause = 0, [], machine.PWRON_RESET
    while at < day_s:
        try:
            pause = wake(cause)
            at, time.seconds, cause = at + pause, time.seconds + pause, machine.DEEPSLEEP_RESET
        except BrownOut:
            starts.append(at)
            lose_state()
            cause = machine.PWRON_RESET
    return starts
"""
)


def test_a_cell_that_browns_out_whenever_the_radio_starts_is_given_ever_more_time(on_tag):
    starts, clocks, records = on_tag(
        BROWNOUTS + "starts = weak(86_400)\nprint(json.dumps([starts, esp32.values['power_ons'], len(noted())]))"
    )
    assert starts[:3] == [0, 0, 0], "it may have been somebody at the plug"
    waits = [later - sooner for sooner, later in pairwise(starts[2:])]
    assert waits[:6] == sorted(waits[:6])
    assert min(waits) >= 120
    assert set(waits[6:]) == {3840}, "about an hour is enough"
    assert clocks <= 32
    assert records <= 2 * clocks, "a boot and a fix"


def test_nothing_is_scanned_in_that_time_either_whatever_moves(on_tag):
    assert on_tag(
        BROWNOUTS
        + """
weak(600)
scans = []
from tag import scan
scan.anchors = lambda key: scans.append(time.seconds) or []
machine.levels[27] = 1
lose_state()
wake(machine.PWRON_RESET)
for _ in range(2):
    wake(machine.DEEPSLEEP_RESET, 400)
print(json.dumps([scans, state.report_at]))
"""
    ) == [[], 960]


def test_an_alarm_does_not_start_the_radio_in_that_time_either(on_tag):
    starts, records = on_tag(
        BROWNOUTS
        + """
provision["kind"] = "mattress"
esp32.values["provision"] = json.dumps(provision).encode()
power(3700, 0)
machine.levels[35] = 1_500_000
print(json.dumps([weak(86_400), [record[0] for record in noted()]]))
"""
    )
    assert len(starts) <= 32
    assert {b - a for a, b in pairwise(starts[-8:])} == {3840}
    assert 0 < records.count("alarm") <= len(starts), "it goes with the report that was held back"


def test_once_the_gateway_has_answered_the_next_starts_are_quick_again(on_tag):
    assert on_tag(
        BROWNOUTS
        + """
weak(10_000)
lose_state()
wake(machine.PWRON_RESET)
held_back = state.report_at > 0
clock.pair(0, 1_790_000_000)
lose_state()
try:
    wake(machine.PWRON_RESET)
except BrownOut:
    print(json.dumps([held_back, "unheard" in esp32.values]))
"""
    ) == [True, True]


def test_a_clock_that_power_ended_does_not_come_back_after_a_sleep_for_want_of_voltage(on_tag):
    assert on_tag(
        STARTS
        + """
power(3900, 0)
wake(machine.PWRON_RESET)
wake(machine.DEEPSLEEP_RESET, 1200)
power(2900, 0)
time.seconds = 0
pauses = [wake(machine.PWRON_RESET), wake(machine.DEEPSLEEP_RESET, 900)]
power(3900, 0)
wake(machine.DEEPSLEEP_RESET, 900)
print(json.dumps([pauses, state.clock, state.seen]))
"""
    ) == [[900, 900], 2, 0]


LOW: dict[str, str] = {
    "power comes": "machine.rtc_memory = b''\nstart = machine.PWRON_RESET",
    "a brownout": "start = machine.PWRON_RESET",
    "the state is lost": "machine.rtc_memory = b''\nstart = machine.DEEPSLEEP_RESET",
    "a watchdog": "start = machine.WDT_RESET",
    "a wipe is not done": "wipe.resolve()\nstart = machine.WDT_RESET",
    "a wipe crashed": "wipe.resolve()\nstate.crashes = 1",
    "safe mode": "state.crashes = 5",
    "the state is given up": "state.crashes, state.sensed_at = 4, 60",
    "a report is due": "state.report_at = 0",
}


@pytest.mark.parametrize("why", LOW)
def test_below_a_safe_voltage_no_start_touches_flash_or_radio(on_tag, why):
    assert on_tag(
        STARTS
        + f"""
power(3900, 0)
wake(machine.PWRON_RESET)
start = machine.DEEPSLEEP_RESET
{LOW[why]}
if machine.rtc_memory:
    cycle.retained.save()
power(2900, 0)
before = touched()
pauses = [wake(start, 60), wake(machine.DEEPSLEEP_RESET, 900)]
same = touched() == before
power(3900, 0)
try:
    wake(machine.DEEPSLEEP_RESET, 900)
except TypeError:  # nothing to wake it
    pass
print(json.dumps([pauses, same, touched() == before]))
"""
    ) == [[900, 900], True, False]


def test_a_board_that_sleeps_for_want_of_voltage_says_so(on_tag):
    assert on_tag(
        STARTS
        + """
said = []
cycle.print = said.append
power(0, 0)
wake(machine.PWRON_RESET)
print(json.dumps(said))
"""
    ) == ["supply too low; sleep 900000 ms"]


def test_what_is_safe_is_the_settings_to_say_also_when_power_comes(on_tag):
    assert on_tag(
        STARTS
        + """
document = {"v": 1, "revision": 1, "generation": 1, "values": {"safe_mv": 3400}}
esp32.values["settings"] = json.dumps(document).encode()
power(3300, 0)
before = touched()
pauses = [wake(machine.PWRON_RESET), wake(machine.DEEPSLEEP_RESET, 900)]
print(json.dumps([pauses, touched() == before]))
"""
    ) == [[900, 900], True]


def test_on_mains_the_cell_does_not_matter(on_tag):
    assert (
        on_tag(
            STARTS
            + "power(2900, 1)\nbefore = touched()\nwake(machine.PWRON_RESET)\nprint(json.dumps(touched() == before))"
        )
        is False
    )


# --- panics ----------------------------------------------------------------------------------------------------------


def test_a_panic_is_told_from_a_reset_that_somebody_wanted_and_puts_the_report_off(on_tag):
    crashes, tries, report_in, told = on_tag(
        STARTS
        + """
wake(machine.PWRON_RESET)
cut_in_a_report(machine.DEEPSLEEP_RESET, 60)
before = network.tries
wake(machine.HARD_RESET, 940)
seen = [state.failures, network.tries - before, state.report_at - 1000]
wake(machine.DEEPSLEEP_RESET, 90_000)
print(json.dumps(seen + [boots()]))
"""
    )
    assert (crashes, tries) == (2, 0), "one report failed, one hung"
    assert 60 < report_in <= 120
    assert told == [["power_on", 1], ["panic", 1]]


@pytest.mark.parametrize("cause", ["HARD_RESET", "WDT_RESET", "PWRON_RESET"])
def test_resets_that_end_every_cycle_lead_to_safe_mode(on_tag, cause):
    pauses, crashes = on_tag(
        STARTS
        + """
class Panic(BaseException):
    pass

def panic(mains, now):
    raise Panic

wake(machine.PWRON_RESET)
from tag.use.bed import Bed
Bed.sense = lambda self, mains, now: panic(mains, now)
said = []
for _ in range(5):
    try:
        said.append(wake(getattr(machine, given), 30))
        break
    except Panic:
        said.append("panic")
print(json.dumps([said, state.crashes]))
""",
        cause,
    )
    assert pauses == ["panic"] * 3 + [3600]
    assert crashes > 4


@pytest.mark.parametrize(
    "wanted",
    [
        "commands.run(commands.Command('reboot', 0))",
        "board.motion = interrupted\ncycle.live()",  # as does somebody at the serial line
    ],
)
def test_a_reset_that_was_wanted_is_no_crash_and_reports_at_once(on_tag, wanted):
    assert on_tag(
        STARTS
        + f"""
from tag import commands
def interrupted():
    state.in_use = 4_000_000
    raise KeyboardInterrupt
wake(machine.PWRON_RESET)
before, machine.cause, motion = network.tries, machine.DEEPSLEEP_RESET, board.motion
try:
    {wanted.replace(chr(10), chr(10) + "    ")}
except (machine.Reset, KeyboardInterrupt):
    board.motion = motion
wake(machine.HARD_RESET, 10)
said = [network.tries - before, state.in_use]
wake(machine.HARD_RESET, 10)
wake(machine.DEEPSLEEP_RESET, 90_000)
print(json.dumps([said, boots()]))
"""
    ) == [[1, 0], [["power_on", 1], ["panic", 1]]]


def test_power_that_was_switched_off_and_on_ends_safe_mode_though_memory_may_outlast_it(on_tag):
    assert on_tag(
        STARTS
        + """
wake(machine.PWRON_RESET)
state.crashes, state.seen = 7, 1000
cycle.retained.save()
time.seconds = 0
pause = wake(machine.PWRON_RESET)
print(json.dumps([pause <= 60, state.crashes, state.clock]))
"""
    ) == [True, 0, 2]


# --- what was seen before --------------------------------------------------------------------------------------------

OPEN = (
    STARTS
    + """
wake(machine.PWRON_RESET)
power(3900, 0)
machine.levels[35] = 1_500_000
for _ in range(10):
    wake(machine.DEEPSLEEP_RESET, 60)
before, last = noted()[-1][1], state.sensed_at
assert state.in_use > 300

def kept():
    return [[on, json.loads(bytes(text))[2:]] for seq, on, text in Journal(flash, None).read(before)]
"""
)

GIVEN_UP: dict[str, str] = {
    "every cycle raises": """
def raising():
    raise ValueError
board.mains = raising
for _ in range(5):
    wake(machine.DEEPSLEEP_RESET, 60)
""",
    "the counter ran backwards": "wake(machine.DEEPSLEEP_RESET, -10_000)",
    "it is another kind now": """
provision["kind"] = "mattress"
esp32.values["provision"] = json.dumps(provision).encode()
state.rebooting = True
cycle.retained.save()
wake(machine.HARD_RESET, 10)
""",
}


@pytest.mark.parametrize("why", GIVEN_UP)
def test_use_that_was_seen_is_noted_before_the_state_that_knows_of_it_goes(on_tag, why):
    told, clock, last = on_tag(
        OPEN + GIVEN_UP[why] + "\nprint(json.dumps([[each for each in kept() if each[0] == 1], state.clock, last]))"
    )
    uses: list[Any] = [record for _, record in told if len(record) == 4]
    assert sum(in_use for _, _, in_use, _ in uses) > 300
    assert uses[-1][0] + uses[-1][1] == last, "as far as it was sensed"
    assert clock == 2


def test_a_journal_that_cannot_be_read_does_not_keep_the_state_from_being_given_up(on_tag):
    assert on_tag(
        OPEN
        + """
def broken(*words):
    raise OSError(5)
flash.readblocks = broken
state.crashes = 4
cycle.retained.save()
wake(machine.DEEPSLEEP_RESET, 60)
print(json.dumps([state.clock, state.in_use]))
"""
    ) == [2, 0]


# --- a wipe ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["DEEPSLEEP_RESET", "WDT_RESET", "HARD_RESET", "PWRON_RESET"])
def test_a_wipe_that_a_crash_cut_off_is_finished_at_the_next_start(on_tag, cause):
    left = on_tag(
        STARTS
        + """
from tag import commands
wake(machine.PWRON_RESET)
before = network.tries

def broken(request, sector):
    raise ValueError
ioctl, flash.ioctl = flash.ioctl, broken
def wiping():
    commands.run(commands.Command("wipe", 0))
wipe.resolve()
motion, board.motion = board.motion, wiping
pause = wake(machine.DEEPSLEEP_RESET, 60)
flash.ioctl, board.motion = ioctl, motion
try:
    wake(getattr(machine, given), pause)
except TypeError:  # nothing to wake it
    print(json.dumps([sorted(esp32.values), flash.cells.count(b"\\xff"), network.tries - before]))
""",
        cause,
    )
    assert left == [["journals", "power_ons", "unheard"], 16 * 4096, 0]
