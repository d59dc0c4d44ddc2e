"""The state in RTC memory, and the clock that rests on it."""

STATE = """
import esp32, machine, time
from tag import clock, retained
from tag.retained import state
"""


def test_what_was_kept_comes_back(on_tag):
    assert on_tag(
        STATE
        + """
state.offset, state.acked, state.cells[2] = -1 << 40, 4_000_000_000, 0x81
retained.save()
retained.clear()
print(json.dumps([retained.load(), state.offset, state.acked, state.cells[2]]))
"""
    ) == [True, -(1 << 40), 4_000_000_000, 0x81]


def test_nothing_damaged_short_or_of_another_version_is_trusted(on_tag):
    assert on_tag(
        STATE
        + """
state.acked = 7
retained.save()
good = machine.rtc_memory
trusted = []
for bad in (b"", bytes(len(good)), good[:-1], good + b"x"):
    machine.rtc_memory = bad
    trusted.append(retained.load())
for i in range(len(good)):
    machine.rtc_memory = good[:i] + bytes([good[i] ^ 1]) + good[i + 1:]
    trusted.append(retained.load())
print(json.dumps([any(trusted), state.acked]))
"""
    ) == [False, 0]


def test_every_clock_has_its_own_number_and_begins_at_zero(on_tag):
    assert on_tag(
        STATE
        + """
said = []
for rtc in (1000, 5):
    time.seconds = rtc
    retained.clear()
    clock.begin()
    time.seconds += 30
    said.append([state.clock, clock.now()])
print(json.dumps(said))
"""
    ) == [[1, 30], [2, 30]]


def test_a_counter_behind_what_was_seen_is_noticed(on_tag):
    assert on_tag(
        STATE
        + """
clock.begin()
time.seconds = 100
state.seen = clock.now()
calm = clock.ran_backwards()
time.seconds = 99
print(json.dumps([calm, clock.ran_backwards()]))
"""
    ) == [False, True]
