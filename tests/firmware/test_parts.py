"""The sensors one can buy, on the virtual board: what they say, and what happens when they are broken or not there."""

import json
import re
from pathlib import Path

import pytest

from .sensing import START, run_on_board
from .test_cycle import CYCLE

END = f"end {START + 86_400}\nseed 7\n"
WHOLE = "fitted lis3dh hx711 ac\nnoise_pct 0\n"


@pytest.fixture
def on_board(tmp_path):
    """Runs a script on the virtual board; the world's events are (second, key, value). Gives the lines it prints."""

    def run(script, events=(), header=WHOLE, fitting=None):
        world = END + header + "".join(f"{START + at} {key} {value}\n" for at, key, value in events)
        application = f"import machine, time\n{script}\nmachine.deepsleep()\n"
        return run_on_board(tmp_path / "tag", application, world, json.dumps(fitting) if fitting else "")

    return run


IMU = "from tag import board, fitting\nfitting.noted['imu'] = 'lis3dh'\n"


@pytest.mark.parametrize(
    ("mounted", "tilt", "mg"),
    [
        ("0 0 0", 0, (0, 0, 1000)),
        ("0 0 0", 90, (1000, 0, 0)),
        ("180 0 0", 0, (0, 0, -1000)),
        ("0 0 90", 30, (0, 500, 866)),
    ],
)
def test_the_motion_sensor_tells_which_way_is_up(on_board, mounted, tilt, mg):
    (line,) = on_board(IMU + "print(*board.imu().mg())", [(0, "tilt", tilt)], WHOLE + f"mounted {mounted}\n")
    assert [int(word) for word in line.split()] == pytest.approx(mg, abs=5)


def test_motion_is_told_once_and_is_not_forgotten_over_a_deep_sleep_that_it_ended(on_board):
    lines = on_board(
        IMU
        + """
motion = board.motion()
print(time.time(), motion(), motion())
if time.time() < 3000:
    board.wake_on_motion()
    machine.deepsleep(3_600_000)
""",
        [(600, "motion", 1)],
    )
    assert lines == ["0 0 0", "600 1 0", "4200 0 0"]


SENSOR = (
    CYCLE
    + """
from tag import fitting
board.print = lambda *words: None
fitting.noted["imu"] = "lis3dh"

class Sensor:
    # Holds its pin up until it is asked, and `more` times longer: it is shaken again, or it has failed.
    def __init__(self, says, more):
        self.says, self.more = says, more
        machine.levels[27] = 1

    def moved(self):
        if self.says is None:
            raise OSError(5)
        machine.levels[27] = int(self.more > 0)
        self.more -= 1
        return self.says

sensor = Sensor(*given) if given else None
board.imu = lambda: sensor
"""
)


@pytest.mark.parametrize(
    ("sensor", "said"),
    [
        ([1, 0], [1, 0]),
        ([1, 1], [1, 0]),
        ([1, 2], [1, 0]),
        ([1, 9], [None, None]),
        ([0, 9], [None, None]),
        ([None, 0], [None, None]),
        (None, [None, None]),
    ],
)
def test_of_motion_a_sensor_is_believed_that_lets_its_pin_go_when_it_is_asked(on_tag, sensor, said):
    assert on_tag(SENSOR + "motion = board.motion()\nprint(json.dumps([motion(), motion()]))", sensor) == said


@pytest.mark.parametrize(
    ("sensor", "pauses", "armed"),
    [([1, 0], [10, 900], [27]), ([1, 9], [900, 900], []), ([None, 0], [900, 900], []), (None, [900, 900], [])],
)
def test_a_failed_motion_sensor_does_not_end_every_sleep_of_a_hoist_at_once(on_tag, sensor, pauses, armed):
    assert on_tag(
        SENSOR
        + """
provision["kind"] = "hoist"
esp32.values["provision"] = json.dumps(provision).encode()
machine.levels[25] = 0
wake(machine.PWRON_RESET)
state.moved_at, state.report_at = 0, 86_400
cycle.retained.save()
esp32.armed.clear()
if sensor:
    sensor.__init__(*given)
print(json.dumps([[wake(machine.DEEPSLEEP_RESET, 900) for _ in range(2)], esp32.armed]))
""",
        sensor,
    ) == [pauses, armed]


def test_on_mains_a_sensor_that_did_not_answer_is_tried_again_with_each_health_record(on_tag):
    tried, records = on_tag(
        SENSOR
        + """
tried, days = [], 3
board.imu = lambda: tried.append(time.seconds)

def lightsleep(ms):
    time.seconds += ms // 1000
    if time.seconds > days * 86_400 + 3600:
        raise machine.Slept(ms)

machine.lightsleep = lightsleep
machine.levels[25] = 1
cycle.routine.every_s = lambda: 86_400
wake(machine.PWRON_RESET)
print(json.dumps([sorted(set(tried)), [record[2] for record in noted() if record[0] == "health"]]))
"""
    )
    assert tried[0] == 0
    assert tried[1:] == records
    assert len(records) == 3


def test_a_motion_sensor_that_is_not_there_is_told_and_the_motor_is_looked_at_instead(on_board):
    said, event = on_board(
        """
from tag import use
from tag.retained import state
bed = use.of(0, state.cells)
bed.sense(1, 0)
time.sleep(20)
print(bed.sense(1, 20))
""",
        [(10, "motor", 1)],
        "fitted hx711\n",
        {"imu": "lis3dh"},
    )
    assert said.startswith("imu: ")
    assert event == "1"


def test_load_cells_are_read_with_their_sign(on_board):
    lines = on_board(
        """
from tag.drivers.hx711 import Hx711
cells = Hx711(18, 19)
print(cells.read())
time.sleep(20)
print(cells.read())
""",
        [(10, "kg", -60)],
    )
    assert [int(line) for line in lines] == [50_000, 50_000 - 60 * 2_000]


def test_load_cells_that_do_not_answer_change_nothing_and_do_not_hold_up_the_tag(on_board):
    lines = on_board(
        """
from tag import use
from tag.retained import state
bed = use.of(0, state.cells)
started = time.ticks_ms()
for _ in range(3):
    bed.sense(1, 0)
print(int(bed.active), time.ticks_diff(time.ticks_ms(), started) < 3000)
state.cells[0] = 0x80
bed.sense(1, 0)
print(int(bed.active))
""",
        header="noise_pct 0\n",
        fitting={"load": ["hx711", 50_000, 120_000]},
    )
    assert [line for line in lines if not line.startswith("sensor: ")] == ["0 True", "1"]
    assert len(lines) == 6


def test_a_broken_wire_at_the_load_cells_is_no_load(on_board):
    lines = on_board(
        """
from tag import board, fitting
fitting.noted["load"] = ["hx711", 0, 1000]
print(board.load().level())
""",
        [(0, "kg", 4_200)],  # beyond the converter's range
    )
    assert lines[0].startswith("sensor: ")
    assert lines[1] == "None"


def test_an_alternating_current_is_told_by_its_amplitude_in_spite_of_noise(on_board):
    lines = on_board(
        """
from tag.drivers.alternating import Alternating
motor = Alternating(32)
print(motor.uv())
time.sleep(20)
print(motor.uv())
""",
        [(10, "motor", 1)],
        "fitted ac\nnoise_pct 300\n",
    )
    off, running = (int(line) for line in lines)
    assert off < 30_000
    assert running == pytest.approx(300_000, abs=30_000)


FIT = """
from tag import fit, fitting
import json
def attempt(call, *words):
    try:
        call(*words)
    except fit.NotFitted as why:
        print(why)
"""


def test_what_is_noted_at_the_fitting_is_what_the_sensors_are_read_by_from_then_on(on_board):
    lines = on_board(
        FIT
        + """
rtc = machine.RTC()
if not rtc.memory():
    fit.imu("lis3dh")
    fit.rest("load", "hx711")
    time.sleep(100)
    fit.weight(70)
    rtc.memory(b"fitted")
    machine.deepsleep(100_000)
from tag import board
time.sleep(200)
print(json.dumps(fitting.noted), board.load().level())
""",
        [(100, "kg", 70), (250, "kg", 20)],
    )
    noted, level = lines[-1].rsplit(" ", 1)
    assert json.loads(noted) == {"imu": "lis3dh", "load": ["hx711", 50_000, 120_000]}
    assert int(level) == pytest.approx(1000 * 20 / 35, abs=2)


def test_a_reference_that_is_no_different_from_rest_is_refused(on_board):
    lines = on_board(
        FIT
        + """
attempt(fit.weight, 70)
fit.rest("load", "hx711")
attempt(fit.weight, 70)
attempt(fit.rest, "load", "scales")
print(board_level())
""".replace("print(board_level())", "print(fit.board.load().level())")
    )
    assert lines[0] == "load: first note what it says at rest"
    assert "is too near to" in lines[2]
    assert lines[3].startswith("channels: ")
    assert lines[4] == "None", "until its reference is noted it says nothing"


def test_a_motion_sensor_that_does_not_answer_is_not_noted(on_board):
    lines = on_board(FIT + "attempt(fit.imu, 'lis3dh')\nprint(fit.fitting._read())", header="fitted hx711\n")
    assert lines[1:] == ["the lis3dh does not answer", "{}"]


def test_what_was_refused_is_not_noted_with_the_next_thing_that_is(on_board):
    *said, noted = on_board(
        FIT
        + """
attempt(fit.imu, "lis3dh")
attempt(fit.rest, "load", "hx711")
attempt(fit.weight, 70)
fit.rest("motor", "ac")
print(json.dumps(sorted(fit.fitting._read())))
""",
        header="fitted ac\nnoise_pct 0\n",
    )
    assert [line for line in said if "Errno" not in line][:3] == [
        "the lis3dh does not answer",
        "load: the hx711 does not answer, or a wire is broken",
        "load: first note what it says at rest",
    ]
    assert noted == '["motor"]'


@pytest.mark.parametrize(
    ("calls", "changes", "why"),
    [
        ("attempt(fit.weight, 3)", (), "load: 3 kg is too light to tell people by"),
        ("attempt(fit.emptied)", (), "load: first note what it says at rest and under a weight"),
        ("time.sleep(20)\nattempt(fit.rest, 'load')", [(10, "kg", 230)], "load: 3750 mV is more than the pin can tell"),
        (
            "fit.rest('load', 'hx711')\ntime.sleep(20)\nfit.weight(70)\nattempt(fit.emptied)",
            [(10, "kg", 70)],
            "load: reads as 70 kg with nobody on it; note both anew",
        ),
        (
            "time.sleep(20)\nfit.rest('motor', 'ac')\ntime.sleep(20)\nattempt(fit.reference, 'motor')",
            [(10, "motor", 1), (30, "motor", 0)],
            "are the two mixed up?",
        ),
    ],
)
def test_what_cannot_be_right_is_refused(on_board, calls, changes, why):
    assert on_board(FIT + calls, changes)[-1].endswith(why)


def test_a_load_that_is_nothing_again_once_the_weight_is_off_is_well(on_board):
    lines = on_board(
        FIT
        + """
fit.rest("load", "hx711")
time.sleep(100)
fit.weight(70)
time.sleep(100)
print(fit.emptied())
""",
        [(50, "kg", 70), (150, "kg", 2)],
    )
    assert lines[-1] == "{'kg': 2}"


def test_a_load_that_fits_nobody_says_nothing_until_it_is_noted_anew(on_board):
    *_, said, kept = on_board(
        FIT
        + """
time.sleep(20)
fit.rest("load", "hx711")  # with somebody on it
time.sleep(100)
fit.weight(70)  # and nobody now
attempt(fit.emptied)
print(fit.board.load().level())
print(json.dumps(fit.fitting._read()["load"][1:]))
""",
        [(10, "kg", 70), (60, "kg", 0)],
    )
    at_rest, under = json.loads(kept)
    assert said == "None"
    assert at_rest == under


TILT = """
from tag.use.tilt import Tilt
tilt = Tilt()
print(json.dumps([[tilt.feed(*mg), int(tilt.settling)] for mg in given]))
"""
FLAT, RAISED, JOLT = (0, 0, 1000), (500, 0, 866), (300, -200, 1100)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([FLAT, FLAT, RAISED, RAISED, RAISED], [[0, 0], [0, 0], [0, 1], [1, 0], [0, 0]]),
        ([FLAT, JOLT, FLAT, FLAT], [[0, 0], [0, 1], [0, 0], [0, 0]]),
        ([FLAT, RAISED, (700, 0, 714), (700, 0, 714)], [[0, 0], [0, 1], [0, 1], [1, 0]]),
        ([FLAT, (60, 0, 998), (60, 0, 998)], [[0, 0], [0, 0], [0, 0]]),
    ],
)
def test_a_movement_counts_once_it_is_over_and_a_jolt_never(on_tag, seen, said):
    assert on_tag(TILT, seen) == said


# From the chips' data sheets: ADC1, what ends deep sleep, and what flash, USB and the way of starting need.
CHIPS = {
    "ESP32": (range(32, 40), {0, 2, 4, *range(12, 16), *range(25, 28), *range(32, 40)}, {0, 1, 3, *range(5, 13), 15}),
    "ESP32S3": (range(1, 11), range(22), {0, 3, 19, 20, *range(22, 38), 45, 46}),
    "ESP32C3": (range(5), range(6), {2, 8, 9, *range(11, 20)}),
}


@pytest.mark.parametrize("chip", CHIPS)
def test_every_chips_pins_can_do_what_they_are_for(on_tag, chip):
    converter, wakes, taken = CHIPS[chip]
    pins = on_tag("from tag import pins\nprint(json.dumps(pins.of(given)))", chip)
    assert {pins[what] for what in ("battery", "load", "motor", "air")} <= set(converter)
    assert pins["motion"] in wakes
    assert not set(pins.values()) & set(taken)
    shared = {"hx711_data", "hx711_clock"} if chip == "ESP32C3" else set()
    alone = [pin for what, pin in pins.items() if what not in shared]
    assert len(set(alone)) == len(alone)


@pytest.mark.parametrize(
    ("machine", "chip"),
    [
        ("Generic ESP32 module with ESP32", "ESP32"),
        ("TinyPICO with ESP32-PICO-D4", "ESP32"),
        ("Generic ESP32S3 module with ESP32S3", "ESP32S3"),
        ("Generic module with ESP32-S3-PICO", "ESP32S3"),
        ("LOLIN_C3_MINI with ESP32-C3FH4", "ESP32C3"),
        ("Generic ESP32S2 module with ESP32S2", "ESP32"),
    ],
)
def test_a_chip_is_known_by_whatever_name_its_module_goes(on_tag, machine, chip):
    assert (
        on_tag(
            """
from tag import pins
class sys:
    class implementation:
        _machine = given
pins.sys = sys
print(json.dumps(pins._chip()))
""",
            machine,
        )
        == chip
    )


def test_the_wiring_page_gives_the_pins_that_the_firmware_uses(on_tag):
    page = (Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|", page, re.MULTILINE)
    for column, chip in enumerate(CHIPS, start=1):
        assert {row[0]: int(row[column]) for row in rows} == on_tag(
            "from tag import pins\nprint(json.dumps(pins.of(given)))", chip
        )
