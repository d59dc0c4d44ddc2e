"""Commands: each runs once, in its time, for the tag as it is now provisioned; a wipe leaves nothing behind."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import lives
from brokers import Mosquitto
from kitback import wire
from kitback.virtual.tag import VirtualTag
from lives import DAY, HOUR
from paper_desk import PaperDesk, command

DOCS = Path(__file__).parents[2] / "docs"
NOW = 1_790_000_000

TAKE = f"""
import esp32, machine, time
from nor import Nor
from tag import board, commands, retained
from tag.retained import state

commands.print = lambda *words: None
state.clock, state.pair_unix, state.pair_acked, time.seconds = 1, {NOW}, 100, 160
settled = []

def settle():
    settled.append(True)
    return True

def take(given, settle=settle):
    # The answer, and what is to be done.
    given = given if isinstance(given, bytes) else json.dumps(given).encode()
    answer, command = commands.take(given, 3, settle)
    return answer, command and command.do
"""


def order(do: str = "reboot", name: Any = "a-1", **changes: Any) -> dict[str, Any]:
    return {"v": 1, "id": name, "generation": 3, "expires": NOW + 60, "do": do} | changes


def test_a_command_is_noted_as_done_before_it_runs_and_runs_once(on_tag):
    first, kept, again = on_tag(
        TAKE
        + """
first = take(given)
kept = json.loads(esp32.values["commands"])
retained.clear()
state.pair_unix, state.pair_acked = 1_900_000_000, 0
print(json.dumps([first, kept, take(given)]))
""",
        order(),
    )
    assert first == [{"v": 1, "id": "a-1"}, "reboot"]
    assert kept == ["a-1"]
    assert again == [{"v": 1, "id": "a-1"}, None], "told again, not run again, not even called expired"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (order(generation=2), "generation"),
        (order(expires=NOW + 59), "expired"),
        (order(do="sing"), "unknown"),
        (order(expires=None), "schema"),
        (order(v=2), "schema"),
        (order("maintenance", for_s=59), "schema"),
        (order("maintenance", for_s=4 * 3600 + 1), "schema"),
        (order("maintenance", for_s="600"), "schema"),
    ],
)
def test_a_command_that_is_not_for_this_tag_now_is_refused_with_the_reason(on_tag, bad, why):
    answer, do = on_tag(TAKE + "print(json.dumps(take(given)))", bad)
    assert wire.command_result_decoder.decode(json.dumps(answer)).refused == why
    assert do is None


@pytest.mark.parametrize("bad", ["{", [], "text", {"v": 1}, order(name=5), order(name=""), order(name="x" * 33)])
def test_what_has_no_id_cannot_be_answered(on_tag, bad):
    assert on_tag(TAKE + "print(json.dumps(take(given)))", bad) == [None, None]


def test_without_the_time_a_command_waits_to_be_sent_again(on_tag):
    assert on_tag(
        TAKE + "state.pair_unix = 0\nprint(json.dumps([take(given), 'commands' in esp32.values]))", order()
    ) == [[None, None], False]


def test_a_wipe_waits_until_the_gateway_has_everything(on_tag):
    assert on_tag(
        TAKE + "print(json.dumps([take(given, lambda: False), 'commands' in esp32.values, take(given)[1]]))",
        order("wipe"),
    ) == [[None, None], False, "wipe"]


def test_a_wipe_that_is_answered_happens_whatever_comes_between(on_tag):
    assert on_tag(
        TAKE
        + """
from tag import wipe
wipe.print = lambda *words: None
esp32.values["provision"] = b"x"
board.journal_flash = lambda: None
undecided = [take(given, lambda: False), "wiping" in esp32.values]
taken = take(given)
try:
    wipe.finish()
except machine.Slept:
    print(json.dumps([undecided, taken, sorted(esp32.values)]))
""",
        order("wipe"),
    ) == [[[None, None], False], [{"v": 1, "id": "a-1"}, "wipe"], []]


def test_the_newest_sixteen_are_remembered(on_tag):
    kept = on_tag(
        TAKE
        + """
for i in range(20):
    given["id"] = str(i)
    take(given)
print(json.dumps(json.loads(esp32.values["commands"])))
""",
        order(),
    )
    assert kept == [str(i) for i in range(4, 20)]


def test_identify_flashes_and_beeps_for_ten_seconds_and_ends_dark_and_silent(on_tag):
    driven, took_ms = on_tag(
        TAKE
        + """
machine.levels.update({2: 0, 26: 0})
commands.run(commands.Command("identify", 60))
print(json.dumps([machine.driven, time.ms]))
"""
    )
    for pin in (2, 26):
        assert [level for which, level in driven if which == pin] == [1, 0] * 20
    assert took_ms == 10_000


WIPE = (
    TAKE
    + """
from tag import wipe
from tag.journal import Journal

wipe.print = lambda *words: None

def life(cut_at, quarters):
    # A wipe that is cut off in one of its flash operations and gone on with at the next start. What is left.
    esp32.values.clear()
    esp32.values.update({key: b"x" for key in ("provision", "settings", "commands")})
    esp32.values["power_ons"] = 4
    flash = Nor(4, 4096)
    board.journal_flash = lambda: flash
    book = Journal(flash, lambda: 1)
    for i in range(200):
        book.append(1, "use", i, 1, 0, 0)
    state.acked = 5
    retained.save()
    flash.operations, flash._cut_at, flash._quarters = 0, cut_at, quarters
    for attempt in (wipe.begin, wipe.finish):
        try:
            attempt()
        except machine.Slept as slept:
            slept_ms = slept.args[0]
            break
        except BaseException:
            flash.power_on()
    return [slept_ms, esp32.values, flash.cells == b"\\xff" * len(flash.cells), len(machine.rtc_memory)]
"""
)


@pytest.mark.parametrize("quarters", [0, 2, 4])
def test_a_wipe_that_was_cut_off_is_finished_at_the_next_start(on_tag, quarters):
    lives = on_tag(WIPE + "print(json.dumps([life(cut_at, given) for cut_at in range(5)]))", quarters)
    assert lives == [[None, {"power_ons": 4}, True, 0]] * 5


# --- on the whole tag ------------------------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def desk(broker: Mosquitto) -> Iterator[PaperDesk]:
    desk = PaperDesk(broker.port, lives.TAG_ID, lives.SECRET)
    yield desk
    desk.close()


@pytest.fixture
def live(tmp_path: Path, broker: Mosquitto) -> Callable[..., VirtualTag]:
    """Lets a tag live for some hours."""

    def run(kind: str, hours: float, events: list[lives.Told]) -> VirtualTag:
        world = lives.world(hours * HOUR / DAY, events, mains=int(kind != "hoist"))
        tag = VirtualTag(tmp_path / "tag", world, lives.provision(kind, broker.port))
        tag.start()
        try:
            assert tag.wait(30), "the story did not end"
        finally:
            tag.stop()
        return tag

    return run


def taken(desk: PaperDesk) -> list[tuple[str, str | None]]:
    return [(result.id, result.refused) for result in desk.results]


def test_a_reboot_shows_in_the_journal_and_happens_once_though_it_is_sent_twice(desk, live):
    again = command("r", "reboot")
    for report_no in (1, 3):
        desk.tell(report_no, again)
    live("bed", 26, [])
    assert taken(desk) == [("r", None), ("r", None)]
    assert [boot.cause for boot in desk.of(wire.Boot)] == ["power_on", "hard_reset"]
    assert {clock for clock, _ in desk.records} == {1}, "the clock goes on"


def test_report_now_brings_a_fresh_fix_and_health_at_once(desk, live):
    desk.tell(2, command("n", "report_now"))
    live("bed", 5, [])
    assert [fix.cause for fix in desk.of(wire.Fix)] == ["boot", "due"]
    (health,) = desk.of(wire.Health)
    assert health.at <= 120


def test_in_maintenance_a_hoist_stays_awake_and_reports_every_minute_for_as_long_as_told(desk, live):
    desk.tell(2, command("m", "maintenance", for_s=600))
    live("hoist", 5, [])
    assert taken(desk) == [("m", None)]
    at = [report.at for report in desk.reports]
    assert 9 <= sum(second <= 660 for second in at) - 2 <= 12
    assert not [second for second in at if second > 720]


def test_in_ship_mode_a_tag_is_silent_until_its_power_comes_anew(desk, live):
    desk.tell(2, command("s", "ship_mode"))
    live("hoist", 72, [(48 * HOUR, "power", 0), (48 * HOUR + 60, "power", 1)])
    assert taken(desk) == [("s", None)]
    assert [report.clock for report in desk.reports][:3] == [1, 1, 2]


def test_expired_and_misdirected_commands_are_answered_and_forged_ones_are_not(desk, live):
    desk.tell(1, command("late", "reboot", expires_in=-60))
    desk.tell(1, command("old", "reboot", generation=2))
    desk.tell(1, command("forged", "reboot"), secret=bytes(32))
    live("bed", 1, [])
    assert taken(desk) == [("late", "expired"), ("old", "generation")]
    assert len(desk.of(wire.Boot)) == 1


def test_a_wiped_tag_has_told_everything_and_holds_nothing(desk, live):
    desk.tell(3, command("w", "wipe"))
    tag = live("bed", 30, [(5 * HOUR, "occupied", 1), (22 * HOUR, "power", 0), (22 * HOUR + 60, "power", 1)])
    assert taken(desk) == [("w", None)]
    assert desk.records[-1][1].seq == desk.reports[-1].newest
    spans = [(use.at, use.at + use.span) for use in desk.of(wire.Use)]
    assert spans[-1][1] == desk.reports[-1].at, "also of the span that was open"
    flash, nvs = (tag.directory / name for name in ("flash.bin", "nvs"))
    assert set(flash.read_bytes()) == {0xFF}
    kept = nvs.read_text()
    assert not [word for word in ("provision", "settings", "commands") if f"kitback {word} " in kept]
    for secret in (lives.SECRET, lives.ANCHOR_KEY, lives.SSID.encode(), lives.PASSWORD.encode()):
        assert secret.hex() not in kept
    assert "not provisioned: nothing in NVS" in tag.log.read_text().partition("wiped")[2], "power came back to nothing"


def test_what_the_tag_answers_is_valid_by_the_published_schema(desk, live):
    desk.tell(1, command("late", "reboot", expires_in=-60))
    desk.tell(1, command("blink", "identify"))
    log = live("bed", 0.5, []).log.read_text()
    schema = json.loads((DOCS / "command-result.schema.json").read_text())
    assert len(desk.letters) == 2
    for body in desk.letters:
        jsonschema.validate(json.loads(body), schema, jsonschema.Draft202012Validator)
    assert log.count("command identify") == 1
