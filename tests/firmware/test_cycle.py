"""The cycle when things go wrong in it: it always sleeps, and a reset costs neither the clock nor a record."""

import re

CYCLE = """
from nor import Nor
flash = Nor(16, 4096)  # first, while there is so much in one piece
import esp32, machine, network, time
from tag import board, cycle, wifi
from tag.journal import Journal
from tag.retained import state

provision = {"kind": "bed", "secret": "00", "anchor_key": "00", "key_id": 1, "broker": ["", 1], "root": "kitback"}
provision.update({"networks": [["home", "password"]], "user": None, "password": None})
esp32.values["provision"] = json.dumps(provision).encode()
board.journal_flash = lambda: flash
cycle.print = lambda *words: None

def wake(cause, pause=0):
    # Starts the chip; how long it wants to sleep then, in seconds.
    machine.cause = cause
    time.seconds += pause
    try:
        cycle.live()
    except machine.Slept as slept:
        return slept.args[0] // 1000

class Cut(BaseException):
    pass

def cut_in_a_report(cause, pause=0):
    # Starts the chip, and a reset ends its report: what is kept is as it was when the radio started.
    def cut(networks):
        raise Cut(machine.rtc_memory)
    join, wifi.join = wifi.join, cut
    try:
        return wake(cause, pause)
    except Cut as cut:
        machine.rtc_memory = cut.args[0]
    finally:
        wifi.join = join

def noted():
    return [json.loads(bytes(text)) for _, _, text in Journal(flash, None).read(0)]
"""


RAISING = (
    CYCLE
    + """
def raising():
    raise ValueError("the password is swordfish")

mains, board.mains = board.mains, raising
wake(machine.PWRON_RESET)
pauses = [wake(machine.DEEPSLEEP_RESET, 60) for _ in range(3)]
"""
)


def test_a_raising_cycle_sleeps_ever_longer_until_the_tag_is_in_safe_mode(on_tag):
    pauses, tries, clock = on_tag(
        RAISING
        + """
before = network.tries
pauses += [wake(machine.DEEPSLEEP_RESET, 60) for _ in range(3)]
print(json.dumps([pauses, network.tries - before, state.clock]))
"""
    )
    assert pauses == [240, 480, 960, 3600, 3600, 3600]
    assert tries == 3, "safe mode reports at every wake"
    assert clock == 2, "it goes on with a new state, for the old one may be the cause"


def test_safe_mode_tries_once_a_day_whether_life_can_go_on(on_tag):
    failing, living = on_tag(
        RAISING
        + """
day = [wake(machine.DEEPSLEEP_RESET, 3600) for _ in range(25)]
failing = wake(machine.DEEPSLEEP_RESET, 3600)
board.mains = mains
day = [wake(machine.DEEPSLEEP_RESET, 3600) for _ in range(25)]
print(json.dumps([failing, wake(machine.DEEPSLEEP_RESET, 3600)]))
"""
    )
    assert failing == 960
    assert 0 < living <= 60


def test_safe_mode_tries_life_once_a_day_also_when_every_report_ends_in_a_reset(on_tag):
    hours = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
state.crashes = 7
cycle.retained.save()
hours, cause, pause = [], machine.DEEPSLEEP_RESET, 3600
for hour in range(60):
    if state.crashes < 4:
        hours.append(hour)
        state.crashes = 7  # it does not go well
        cycle.retained.save()
    if cut_in_a_report(cause, pause) is None:
        cut_in_a_report(machine.HARD_RESET, 10)
print(json.dumps(hours))
"""
    )
    assert hours == [24, 48]


def test_a_watchdog_that_ends_every_cycle_leads_to_safe_mode_too_without_a_report_at_once(on_tag):
    pause, tries = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
state.crashes = 3
cycle.retained.save()
cut_in_a_report(machine.DEEPSLEEP_RESET, 60)
before = network.tries
print(json.dumps([wake(machine.WDT_RESET, 30), network.tries - before]))
"""
    )
    assert (pause, tries) == (3600, 0)


def test_of_a_crash_its_type_and_place_are_kept_and_not_its_words(on_tag):
    crash = on_tag(RAISING + "print(json.dumps(cycle.crash.last()))")
    assert re.fullmatch(r"ValueError <stdin>:\d+", crash)


def test_the_state_that_begins_after_crashes_still_knows_them(on_tag):
    assert on_tag(
        RAISING + "kept = cycle.crash.last()\ncycle.retained.renew()\nprint(json.dumps([state.crashes, state.clock, "
        "cycle.crash.last() == kept]))"
    ) == [4, 0, True]


def test_a_watchdog_reset_keeps_the_clock_and_puts_the_report_off(on_tag):
    clock, now, tries, report_in, pause = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
cut_in_a_report(machine.DEEPSLEEP_RESET, 60)
before = network.tries
pause = wake(machine.WDT_RESET, 940)
print(json.dumps([state.clock, state.seen, network.tries - before, state.report_at - 1000, pause]))
"""
    )
    assert (clock, now, tries) == (1, 1000, 0)
    assert 60 < report_in <= 120
    assert 0 < pause <= 60


def test_starts_that_lead_nowhere_are_one_record(on_tag):
    boots = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
for _ in range(5):
    wake(machine.WDT_RESET, 10)
wake(machine.DEEPSLEEP_RESET, 90_000)
print(json.dumps([record[3:] for record in noted() if record[0] == "boot"]))
"""
    )
    assert boots == [["power_on", 1], ["watchdog", 5]]


def test_starts_are_counted_on_when_the_state_is_given_up(on_tag):
    assert on_tag(
        RAISING
        + """
wake(machine.DEEPSLEEP_RESET, 60)
print(json.dumps([cycle._CAUSES[state.boot_cause], state.boots]))
"""
    ) == ["panic", 4 + 1]


def test_a_state_that_is_lost_over_deep_sleep_starts_a_new_clock(on_tag):
    assert on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
machine.rtc_memory = bytes(len(machine.rtc_memory))
wake(machine.DEEPSLEEP_RESET, 1000)
print(json.dumps([state.clock, state.seen, [record[3] for record in noted() if record[0] == "boot"]]))
"""
    ) == [2, 0, ["power_on", "unknown"]]


def test_a_counter_that_runs_backwards_starts_a_new_clock(on_tag):
    assert on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
wake(machine.DEEPSLEEP_RESET, 1000)
same = state.clock
wake(machine.DEEPSLEEP_RESET, -500)
print(json.dumps([same, state.clock, state.seen]))
"""
    ) == [1, 2, 0]


def test_a_failed_report_is_tried_again_later_and_later_up_to_the_interval(on_tag):
    waits = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
waits = []
for _ in range(14):
    waits.append(state.report_at - state.seen)
    wake(machine.DEEPSLEEP_RESET, waits[-1])
print(json.dumps(waits))
"""
    )
    for i, wait in enumerate(waits):
        longest = min(60 << i, 6 * 3600)
        assert longest * 3 // 4 <= wait <= longest


def test_a_tag_without_provisioning_sleeps_an_hour(on_tag):
    assert on_tag(CYCLE + "del esp32.values['provision']\nprint(json.dumps(wake(machine.PWRON_RESET)))") == 3600


def test_a_heap_too_broken_up_for_a_talk_ends_in_a_deep_sleep_and_the_report_goes_out_after_it(on_tag):
    pauses = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
def broken_up(networks):
    bytearray(1 << 40)
join, wifi.join = wifi.join, broken_up
state.report_at = 0
pauses = [wake(machine.DEEPSLEEP_RESET, 60)]
tries, wifi.join = network.tries, join
pauses.append(wake(machine.DEEPSLEEP_RESET, 120))
print(json.dumps([pauses[0], network.tries > tries]))
"""
    )
    assert pauses == [120, True]


def test_use_that_was_told_for_a_wipe_is_not_told_again_after_a_reset_in_that_talk(on_tag):
    spans, refused = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
time.seconds = 600
machine.cause = machine.DEEPSLEEP_RESET

class Upload:
    def run(self):
        raise machine.Reset

try:
    cycle.Tag()._settle(Upload())
except machine.Reset:
    pass
machine.cause = machine.WDT_RESET
time.seconds = 1200

class Upload:
    def run(self):
        raise OSError

tag = cycle.Tag()
refused = tag._settle(Upload())
print(json.dumps([[record[2:4] for record in noted() if record[0] == "use"], refused]))
"""
    )
    assert spans == [[0, 600], [600, 600]]
    assert refused is False, "the gateway has not everything yet"


def test_failed_reports_are_counted_through_every_guess_of_the_date_and_then_over_again(on_tag):
    failures = on_tag(
        CYCLE
        + """
wake(machine.PWRON_RESET)
tag = cycle.Tag()
state.failures, seen = 35, []
for _ in range(6):
    tag._postpone_report()
    seen.append(state.failures)
print(json.dumps(seen))
"""
    )
    assert failures == [36, 37, 38, 13, 14, 15]


def test_a_wipe_that_was_cut_off_is_finished_before_anything_else(on_tag):
    assert on_tag(
        CYCLE
        + """
esp32.values["wiping"] = 1
try:
    cycle.live()
except machine.Slept as slept:
    print(json.dumps([slept.args[0], list(esp32.values), network.tries]))
"""
    ) == [None, [], 0]


def test_in_maintenance_the_tag_waits_awake_and_sleeps_again_when_it_is_over(on_tag):
    waits, pause = on_tag(
        CYCLE
        + """
machine.levels[25] = 0
wake(machine.PWRON_RESET)
state.maintain_until = 600
cycle.retained.save()
waits = []

def wait(ms):
    waits.append(ms)
    time.seconds += ms // 1000

time.sleep_ms = wait
pause = wake(machine.DEEPSLEEP_RESET, 60)
print(json.dumps([waits, pause]))
"""
    )
    assert max(waits) == 10_000, "well within the watchdog's patience"
    assert 540_000 <= sum(waits) < 551_000
    assert 0 < pause <= 60
