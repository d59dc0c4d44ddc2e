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


DATES = (
    STATE
    + """
DAY = 86_400
EPOCH = 946_684_800

class Rtc:
    def datetime(self, moment=None):
        if moment is None:
            return (0,) * 8
        time.seconds = moment[0]

machine.RTC = Rtc
time.gmtime = lambda seconds: (seconds,) * 8
clock.begin()

def guess(failures, provisioned):
    # Days since 1970 that the RTC says after so many failed reports; the counter must not move.
    state.failures, before = failures, clock.now()
    clock.set_rtc(provisioned * DAY)
    assert clock.now() == before
    return (time.seconds + EPOCH) // DAY
"""
)


def test_without_a_round_trip_the_date_is_looked_for_from_the_newest_and_from_provisioning_in_turn(on_tag):
    first, from_provisioning, from_newest, never_told = on_tag(
        DATES
        + """
esp32.values["newest_day"] = 20_500
def guesses(failures, provisioned):
    return [guess(each, provisioned) for each in failures]
print(json.dumps([guesses(range(13), 20_000), guesses(range(13, 26), 20_000), guesses(range(26, 39), 20_000),
    guesses(range(13, 26), 0)]))
"""
    )
    months = range(0, 13 * 30, 30)
    assert first == from_newest == never_told == [20_500 + month for month in months]
    assert from_provisioning == [20_000 + month for month in months]


def test_what_was_told_is_believed_until_eight_reports_have_failed(on_tag):
    believed, doubted = on_tag(
        DATES
        + """
clock.pair(clock.now(), 30_000 * DAY)  # a gateway whose clock was wrong
esp32.values["newest_day"] = 20_500
print(json.dumps([guess(7, 0), guess(8, 0)]))
"""
    )
    assert believed == 30_000
    assert doubted == 20_500 + 8 * 30


def test_the_newest_day_goes_back_when_the_gateway_says_so_and_is_kept_once_a_day(on_tag):
    days, writes = on_tag(
        DATES
        + """
commits = []
esp32.NVS.commit = lambda self: commits.append(True)
days = []
for unix in (30_000 * DAY, 20_500 * DAY, 20_500 * DAY + 80_000, 20_501 * DAY):
    clock.pair(clock.now(), unix)
    days.append(esp32.values["newest_day"])
print(json.dumps([days, len(commits)]))
"""
    )
    assert days == [30_000, 20_500, 20_500, 20_501]
    assert writes == 1 + 3, "one for the clock that was not told before"
