"""The settings document: applied as a whole or refused with a reason, kept through power losses, told back."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

import lives
from brokers import Mosquitto
from kitback import wire
from kitback.virtual.tag import VirtualTag
from lives import DAY, HOUR
from paper_desk import PaperDesk, settings

DOCS = Path(__file__).parents[2] / "docs"

TAKE = """
import esp32
from tag import retained, settings
from tag.retained import state

def take(document, generation=3):
    return settings.take(document if isinstance(document, bytes) else json.dumps(document).encode(), generation)
settings.print = lambda *words: None
"""


def document(revision: Any = 7, generation: Any = 3, v: Any = 1, **values: Any) -> dict[str, Any]:
    return {"v": v, "generation": generation, "revision": revision, "values": values}


def told(answer: dict[str, Any]) -> wire.SettingsReport:
    return wire.settings_report_decoder.decode(json.dumps(answer))


def test_settings_are_applied_and_what_is_in_force_is_told_back(on_tag):
    answer, state = on_tag(
        TAKE + "answer = take(given)\nprint(json.dumps([answer, [state.settings, state.report_s, state.safe_mv]]))",
        document(report_s=7200, safe_mv=3300),
    )
    assert told(answer) == wire.SettingsReport(
        v=1, revision=7, in_force=7, values=wire.Values(report_s=7200, safe_mv=3300)
    )
    assert state == [7, 7200, 3300]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (document(revision=9, generation=2), "generation"),
        (document(revision=6), "stale"),
        (document(revision=9, report_s=899), "bounds: report_s"),
        (document(revision=9, report_s=604_801), "bounds: report_s"),
        (document(revision=9, report_s="7200"), "bounds: report_s"),
        (document(revision=9, report_s=7200.5), "bounds: report_s"),
        (document(revision=9, settled_s=True), "bounds: settled_s"),
        (document(revision=9, report_s=3600, fix_s=3600, scan_gap_s=3601), "bounds: scan_gap_s"),
        (document(revision=9, colour=1), "schema"),
        (document(revision=9, v=2), "schema"),
        (document(revision="9"), "schema"),
        (document(revision=0), "schema"),
        (document(revision=True), "schema"),
        ({"v": 1, "generation": 3, "revision": 9}, "schema"),
        ([], "schema"),
        ("no document", "schema"),
    ],
)
def test_settings_that_are_wrong_in_one_part_change_nothing(on_tag, bad, why):
    answer, kept = on_tag(
        TAKE
        + """
good, bad = given
take(good)
before = esp32.values["settings"]
answer = take(bad)
print(json.dumps([answer, esp32.values["settings"] == before]))
""",
        [document(report_s=7200), bad],
    )
    report = told(answer)
    assert report.refused == why
    assert (report.in_force, report.values) == (7, wire.Values(report_s=7200))
    assert kept


def test_what_is_no_json_is_refused(on_tag):
    assert told(on_tag(TAKE + 'print(json.dumps(take(b"{")))')).refused == "schema"


def test_the_same_settings_again_are_answered_but_not_written_again(on_tag):
    answers, writes = on_tag(
        TAKE
        + """
writes = []
settings.nvs.keep_blob = lambda key, value: writes.append(key)
print(json.dumps([[take(given), take(given)], writes]))
""",
        document(report_s=7200),
    )
    assert answers[0] == answers[1]
    assert writes == ["settings"]


def test_a_value_left_out_of_newer_settings_is_the_makers_again(on_tag):
    answer = on_tag(
        TAKE + "take(given[0])\nprint(json.dumps(take(given[1])))",
        [document(report_s=7200, settled_s=600), document(revision=8, settled_s=600)],
    )
    assert told(answer).values == wire.Values(settled_s=600)


@pytest.mark.parametrize(("generation", "in_force"), [(3, [7, 7200]), (4, [0, 0])])
def test_they_come_back_after_a_power_loss_but_not_after_a_new_provisioning(on_tag, generation, in_force):
    assert (
        on_tag(
            TAKE
            + """
document, generation = given
take(document)
retained.clear()
settings.restore(generation)
print(json.dumps([state.settings, state.report_s]))
""",
            [document(report_s=7200), generation],
        )
        == in_force
    )


def test_the_tag_and_the_gateway_agree_on_every_bound(on_tag):
    bounds = {}
    for field in msgspec.structs.fields(wire.Values):
        number = next(arg for arg in get_args(field.type) if arg is not type(None))
        (meta,) = number.__metadata__
        bounds[field.name] = [meta.ge, meta.le]
    assert on_tag(TAKE + "print(json.dumps(settings.BOUNDS))") == bounds


def test_a_fix_and_a_move_keep_the_times_that_are_set(on_tag):
    cause = """
from tag import cycle
def cause(now, **times):
    for name, value in times.items():
        setattr(state, name, value)
    return cycle._fix_cause(now, False)
state.fixed = True
"""
    assert on_tag(
        TAKE
        + cause
        + """
print(json.dumps([
    [cause(now, fix_s=fix_s) for fix_s in (0, 7200) for now in (7199, 7200)],
    [cause(now, fix_at=now, moved=1, moved_at=0, scan_gap_s=gap_s) for gap_s in (0, 900) for now in (899, 900)],
    [cause(5000 + still, fix_at=5000, moved_at=5000, settled_s=s) for s in (0, 60) for still in (59, 60, 299, 300)],
]))
"""
    ) == [
        [None, None, None, "due"],
        [None, None, None, "moved"],
        [None, None, None, "moved", None, "moved", "moved", "moved"],
    ]


@pytest.mark.parametrize(("pause_s", "ends_at"), [(0, 960), (300, 360)])
def test_a_span_of_use_ends_after_the_pause_that_is_set(on_tag, pause_s, ends_at):
    assert (
        on_tag(
            TAKE
            + """
from tag.use import span
state.pause_s = given
span.begin(0)
span.step(30, False, 1)
now = 60
while not span.step(now, False, 0):
    now += 30
print(json.dumps(now))
""",
            pause_s,
        )
        == ends_at - 30
    )


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
def live(tmp_path: Path, broker: Mosquitto) -> Callable[..., str]:
    """Lets a bed's tag live for some hours; what it said on its serial port."""

    def run(hours: float, events: list[lives.Told]) -> str:
        tag = VirtualTag(tmp_path / "tag", lives.world(hours * HOUR / DAY, events), lives.provision("bed", broker.port))
        tag.start()
        try:
            assert tag.wait(30), "the story did not end"
        finally:
            tag.stop()
        return tag.log.read_text()

    return run


def test_settings_reach_a_tag_that_sleeps_and_stay_through_a_power_loss(desk, live):
    desk.tell(1, settings(report_s=900))
    live(8, [(4 * HOUR, "power", 0), (4 * HOUR + 60, "power", 1)])
    assert [(answer.revision, answer.refused, answer.in_force) for answer in desk.settings] == [(1, None, 1)]
    for clock in (1, 2):
        at = [report.at for report in desk.reports if report.clock == clock and report.at > 60]
        assert len(at) >= 14
        assert all(840 <= later - earlier <= 1020 for earlier, later in itertools.pairwise(at))


def test_settings_retained_before_the_tag_first_came_are_taken_with_its_first_report(desk, live):
    desk.tell(0, settings(report_s=900))
    live(1, [])
    assert [answer.in_force for answer in desk.settings] == [1]
    assert len(desk.reports) >= 5


def test_below_the_supply_that_is_set_the_tag_keeps_off_its_radio(desk, live):
    desk.tell(1, settings(report_s=900, safe_mv=3500))
    live(4, [(HOUR, "mains", 0), (HOUR, "battery_mv", 3450), (3 * HOUR, "battery_mv", 3550)])
    dark = [report.at for report in desk.reports if HOUR + 60 < report.at < 3 * HOUR]
    assert not dark
    assert desk.reports[-1].at > 3 * HOUR


def test_refused_settings_are_told_and_only_the_service_can_sign_any(desk, live):
    desk.tell(1, settings(revision=1, report_s=3600, fix_s=3600, scan_gap_s=7200))
    desk.tell(2, settings(revision=2, report_s=900), secret=bytes(32))
    log = live(8, [])
    assert [(answer.refused, answer.in_force) for answer in desk.settings] == [("bounds: scan_gap_s", 0)]
    assert len(desk.reports) == 3
    assert "a letter that is not the gateway's" in log


def test_what_the_tag_answers_is_valid_by_the_published_schema(desk, live):
    desk.tell(1, settings(revision=1, report_s=900))
    desk.tell(2, settings(revision=2, generation=2))
    live(1, [])
    schema = json.loads((DOCS / "settings-report.schema.json").read_text())
    assert len(desk.letters) == 2
    for body in desk.letters:
        jsonschema.validate(json.loads(body), schema, jsonschema.Draft202012Validator)
