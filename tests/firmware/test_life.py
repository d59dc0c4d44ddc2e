"""The whole application, unchanged, lives through days of a virtual tag's world and tells them to a gateway."""

import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from brokers import AnyBroker, Mosquitto
from kitback import wire
from kitback.virtual.tag import VirtualTag
from kitback.virtual.world import Ble, Event, Wifi, World
from paper_gateway import PaperGateway

START = 1_790_000_000
HOUR = 3600
DAY = 24 * HOUR
SECRET = bytes(range(32))
ANCHOR_KEY = bytes(range(16))
HOME_WIFI = bytes.fromhex("021122334455")
HOME_BEACON = bytes.fromhex("0a1122334455")
TELEPHONE = bytes.fromhex("7a1122334455")
STORE_WIFI = bytes.fromhex("029988776655")

PLACES = {
    "home": (Wifi("home", HOME_WIFI, 6, -60), Ble(HOME_BEACON, -50), Ble(TELEPHONE, -40, random=True)),
    "store": (Wifi("home", STORE_WIFI, 1, -55),),
}

Events = list[tuple[int, str, int | str]]
Live = Callable[..., "Life"]


class Life:
    """What became of a tag: what it said on its serial port, and what the gateway heard."""

    def __init__(self, log: str, gateway: PaperGateway) -> None:
        self.log = log
        self.gateway = gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[AnyBroker, PaperGateway]]:
    broker = Mosquitto(tmp_path)
    broker.start()
    paper = PaperGateway(broker.port, SECRET)
    yield broker, paper
    paper.close()
    broker.stop()


@pytest.fixture
def live(tmp_path: Path, gateway: tuple[AnyBroker, PaperGateway]) -> Live:
    """Lets a tag of a kind live for some days; events are (second of the story, key, value)."""
    broker, paper = gateway

    def run(kind: str, days: float, events: Events, drift_ppm: int = 0, restart_every: int = 0, **changes: Any) -> Life:
        first = {"power": 1, "mains": int(kind != "hoist"), "battery_mv": 3900, "at": "home", "network": 1}
        story = [*((0, key, value) for key, value in first.items()), *events]
        world = World(
            tag_id="24a1b2c3d4e5",
            start_s=START,
            end_s=START + int(days * DAY),
            drift_ppm=drift_ppm,
            seed=7,
            places=PLACES,
            events=tuple(Event(START + at, key, value) for at, key, value in story),  # type: ignore[arg-type]
        )
        provision = {
            "kind": kind,
            "secret": SECRET.hex(),
            "anchor_key": ANCHOR_KEY.hex(),
            "key_id": 1,
            "networks": [["home", "password"]],
            "broker": ["127.0.0.1", broker.port],
            "user": None,
            "password": None,
            "root": "kitback",
        } | changes
        tag = VirtualTag(tmp_path / "tag", world, provision, restart_every=restart_every)
        tag.start()
        try:
            assert tag.wait(30), "the story did not end"
        finally:
            tag.stop()
        return Life(tag.log.read_text(), paper)

    return run


def spans(uses: list[wire.Record]) -> list[tuple[int, int]]:
    return [(use.at, use.at + use.span) for use in uses if isinstance(use, wire.Use)]


def anchor(address: bytes) -> str:
    return hmac.digest(ANCHOR_KEY, address, "sha256")[:6].hex()


def test_a_night_in_bed_is_told_once_and_whole(live):
    told = live("bed", 1.5, [(10 * HOUR, "occupied", 1), (18 * HOUR, "occupied", 0)]).gateway
    uses = told.of(wire.Use)
    assert abs(sum(use.in_use for use in uses) - 8 * HOUR) <= 120
    assert all(before[1] == after[0] for before, after in zip(spans(uses), spans(uses)[1:], strict=False))
    assert [record.seq for _, record in told.records] == list(range(1, told.reports[-1].newest + 1))
    assert {clock for clock, _ in told.records} == {1}


def test_a_hoists_lifts_are_counted_through_deep_sleep_and_restarts(live):
    events: Events = []
    for lift in range(4):
        at = (4 + 2 * lift) * HOUR
        events += [(at, "motion", 1), (at + 15, "loaded", 1), (at + 255, "loaded", 0), (at + 270, "motion", 1)]
    told = live("hoist", 1.1, events, drift_ppm=-8000, restart_every=40).gateway
    uses = told.of(wire.Use)
    assert sum(use.events for use in uses) == 4
    assert abs(sum(use.in_use for use in uses) - 4 * 240) <= 4 * 20
    assert len(told.of(wire.Boot)) == 1, "waking from deep sleep is no start"


def test_a_mattress_unplugged_while_occupied_tells_at_once(live):
    unplugged, plugged = 5 * HOUR + 1000, 7 * HOUR
    events: Events = [(0, "motor", 1), (0, "occupied", 1)]
    for at, there in (unplugged, 0), (plugged, 1):
        events += [(at, "mains", there), (at, "motor", there)]
    told = live("mattress", 0.4, events).gateway
    began, ended = told.of(wire.Alarm)
    assert (began.on, ended.on) == (True, False)
    assert 0 <= began.at - unplugged <= 150
    assert 0 <= ended.at - plugged <= 60
    first_told = next(report.at for report in told.reports if report.alarms)
    assert 0 <= first_told - began.at <= 2
    assert told.reports[-1].alarms == []


def test_a_power_loss_starts_a_new_clock_and_the_journal_goes_on(live):
    told = live(
        "bed", 1, [(5 * HOUR, "network", 0), (6 * HOUR, "power", 0), (8 * HOUR, "power", 1), (9 * HOUR, "network", 1)]
    )
    seqs = [record.seq for _, record in told.gateway.records]
    assert seqs == list(range(1, len(seqs) + 1))
    assert [boot.cause for boot in told.gateway.of(wire.Boot)] == ["power_on", "power_on"]
    clocks = [clock for clock, _ in told.gateway.records]
    assert clocks == sorted(clocks)
    assert set(clocks) == {1, 2}
    assert len({report.journal for report in told.gateway.reports}) == 1


def test_days_without_a_network_are_told_when_it_is_back(live):
    life = live("mattress", 3.5, [(0, "motor", 1), (2 * HOUR, "network", 0), (3 * DAY, "network", 1)])
    told = life.gateway
    seqs = [record.seq for _, record in told.records]
    assert seqs == list(range(1, told.reports[-1].newest + 1))
    assert sum(use.in_use for use in told.of(wire.Use)) > 3 * DAY
    assert life.log.count("report failed: no network") < 100, "it tries once an hour at most, once it has backed off"


def test_a_move_is_noted_with_the_anchors_of_the_new_place(live):
    told = live("hoist", 1.2, [(5 * HOUR, "motion", 1), (5 * HOUR + 60, "at", "store"), (5 * HOUR + 120, "motion", 1)])
    boot, moved, *_ = told.gateway.of(wire.Fix)
    assert (boot.cause, moved.cause) == ("boot", "moved")
    assert [heard.anchor for heard in boot.heard] == [anchor(HOME_BEACON), anchor(HOME_WIFI)]
    assert [heard.anchor for heard in moved.heard] == [anchor(STORE_WIFI)]
    assert 5 * HOUR + 120 < moved.at < 6 * HOUR


def test_a_tag_that_only_gets_shaken_notes_its_place_once_a_day(live):
    told = live("hoist", 3.1, [(hour * HOUR, "motion", 1) for hour in range(1, 70)]).gateway
    assert [fix.cause for fix in told.of(wire.Fix)] == ["boot", "due", "due"]


def test_no_address_or_secret_is_on_the_wire_or_the_serial_port(live):
    life = live("bed", 1.2, [])
    said = life.log + repr(life.gateway.reports)
    for secret in (HOME_WIFI, HOME_BEACON, TELEPHONE, SECRET, ANCHOR_KEY):
        assert secret.hex() not in said.lower()
    assert "password" not in said
    assert anchor(TELEPHONE) not in said, "random addresses are no landmarks"


def test_a_quiet_day_costs_a_few_records(live):
    assert len(live("bed", 4.5, []).gateway.records) == 2 + 4 * 3


def test_the_first_cycle_says_what_a_rig_waits_for(live):
    lines = live("bed", 0.01, []).log.splitlines()
    assert lines[0] == "kitback 0.1.0 tag 24a1b2c3d4e5 boot power_on"
    words = ("journal", "wifi connected", "report after 0 records 0", "acked 0", "report after 0 records 2", "acked 2")
    for line, start in zip(lines[1:], (*words, "sleep 60000 ms"), strict=False):
        assert line.startswith(start)


def test_a_tag_below_a_safe_voltage_writes_nothing(live):
    events: Events = [(2 * HOUR, "battery_mv", 2900), (3 * HOUR, "motion", 1), (3 * HOUR + 10, "loaded", 1)]
    told = live("hoist", 1.5, [*events, (4 * HOUR, "loaded", 0)]).gateway
    assert told.of(wire.Use) == []


def test_an_unprovisioned_tag_says_so_and_sleeps(live):
    log = live("bed", 0.2, [], secret=None).log
    assert log.count("not provisioned: bad or missing") in (4, 5)


def test_what_the_tag_writes_is_valid_by_the_published_schema(live):
    schema = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
    told = live("mattress", 1.1, [(0, "motor", 1), (0, "occupied", 1), (HOUR, "mains", 0)]).gateway
    assert {type(record) for _, record in told.records} == {wire.Boot, wire.Use, wire.Fix, wire.Alarm, wire.Health}
    for body in told.bodies:
        jsonschema.validate(json.loads(body), schema, jsonschema.Draft202012Validator)
