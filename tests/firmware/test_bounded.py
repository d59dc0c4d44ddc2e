"""Whatever goes wrong on the way to the gateway, the tag is asleep again in time, and reports on the next good chance.

The faults are met by the whole application on the virtual board, the good chance is a real broker behind them.
"""

import dataclasses
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

import gate
import lives
from authority import Authority
from brokers import Mosquitto, free_port, until
from gate import Gate
from kitback.virtual.tag import VirtualTag
from kitback.virtual.world import Radio
from name_server import NameServer
from paper_gateway import PaperGateway

AWAKE_MS = 23_000
"""Nothing but the watchdog, two seconds later, ends a cycle that is longer."""
SCANS_MS = 5_500
"""What the first cycle takes to hear where it is."""
HOST = "broker.test"
ADDRESS = "192.0.2.7"
NAME_SERVER = ("192.168.1.1", 53)

Live = Callable[..., str]
Place = Callable[..., tuple[Mosquitto, PaperGateway]]


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def place(tmp_path: Path, closing: ExitStack) -> Place:
    """Sets up a broker, with more lines of configuration, and the gateway behind it."""

    def set_up(more: str = "") -> tuple[Mosquitto, PaperGateway]:
        broker = Mosquitto(tmp_path, more)
        broker.start()
        closing.callback(broker.stop)
        gateway = PaperGateway(broker.port, lives.SECRET)
        closing.callback(gateway.close)
        return broker, gateway

    return set_up


@pytest.fixture
def live(tmp_path: Path, closing: ExitStack) -> Live:
    """Lets a bed's tag live for some hours. What it said on its serial port."""

    def run(
        broker: tuple[str, int],
        routes: dict[tuple[str, int], tuple[str, int]] | None = None,
        hours: int = 2,
        places: dict[str, tuple[Radio, ...]] = lives.PLACES,
        **changes: Any,
    ) -> str:
        story = lives.world(hours / 24, [(3600, "occupied", 1)])
        world = dataclasses.replace(story, routes=routes or {}, places=places)
        tag = VirtualTag(tmp_path / "tag", world, lives.provision("bed", 0) | {"broker": broker} | changes)
        closing.callback(tag.stop)
        tag.start()
        assert tag.wait(30), "the story did not end"
        return tag.log.read_text()

    return run


def failures(log: str) -> list[str]:
    """Why reports failed; after checking that the tag was asleep in time after every one of its reports."""
    awake = [int(ms) for ms in re.findall(r"sleep \d+ ms after (\d+) ms awake", log)]
    assert awake
    assert max(awake) < AWAKE_MS
    assert log.count(" boot ") == 1, "neither the watchdog nor a crash started it anew"
    return re.findall(r"report failed: (.*); next try in \d+ s", log)


def whole(gateway: PaperGateway) -> bool:
    """Whether the gateway has every record that the tag had made by its last report."""
    return bool(gateway.reports) and [record.seq for _, record in gateway.records] == list(
        range(1, gateway.reports[-1].newest + 1)
    )


def mid_publish(said: bytes) -> bool:
    return said[0] & 0xF0 == 0x30


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(lambda _: gate.silent, "ETIMEDOUT", id="the broker accepts and says nothing"),
        pytest.param(lambda _: gate.hangs_up, "ECONNRESET", id="the broker closes after CONNECT"),
        pytest.param(lambda port: gate.through(port, mid_publish), "ETIMEDOUT", id="Wi-Fi drops mid-publish"),
    ],
)
def test_a_connection_that_fails(place, live, closing, fault, error):
    broker, gateway = place()
    entrance = Gate(broker.port, fault(broker.port))
    closing.callback(entrance.close)
    log = live(("127.0.0.1", entrance.port))
    (why,) = failures(log)
    assert error in why
    in_vain, well = re.findall(r"after (\d+) ms awake", log)[:2]
    assert int(in_vain) < SCANS_MS + int(well) + 5_000, "three seconds of silence are enough"
    assert whole(gateway)


def test_a_broker_that_never_stops_talking(place, live, closing):
    broker, gateway = place()
    entrance = Gate(broker.port, gate.babbles)
    closing.callback(entrance.close)
    (why,) = failures(live(("127.0.0.1", entrance.port)))
    assert "ETIMEDOUT" in why
    assert whole(gateway)


def test_a_session_that_the_broker_kept_without_its_subscription(place, live):
    """As when a tag loses its power between asking for the one and for the other."""
    broker, gateway = place()
    before = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=lives.TAG_ID, clean_session=False)
    before.connect("127.0.0.1", broker.port)
    before.loop_start()
    until(before.is_connected)
    before.disconnect()
    before.loop_stop()
    assert failures(live(("127.0.0.1", broker.port))) == ["no ack"]
    assert whole(gateway)


def test_a_wrong_password_until_it_is_put_right_at_the_broker(tmp_path, place, live, closing):
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")

    def listener(password: str) -> tuple[int, str]:
        port, passwords = free_port(), tmp_path / password
        subprocess.run([tool, "-b", "-c", passwords, "bed-1", password], check=True)
        return port, f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"

    wrong, lines = listener("other")
    right, more = listener("right")
    _, gateway = place(lines + more)
    entrance = Gate(right, gate.through(wrong), gate.through(wrong))
    closing.callback(entrance.close)
    whys = failures(live(("127.0.0.1", entrance.port), user="bed-1", password="right"))
    assert whys == ["MQTTException 5"] * 2
    assert whole(gateway)


def test_a_broker_with_another_name_in_its_certificate(tmp_path, place, live, closing):
    authority = Authority()
    wrong, lines = authority.listener(tmp_path, "other.test")
    right, more = authority.listener(tmp_path, HOST)
    _, gateway = place(lines + "allow_anonymous true\n" + more + "allow_anonymous true\n")
    entrance = Gate(right, gate.through(wrong))
    closing.callback(entrance.close)
    names = NameServer(ADDRESS)
    closing.callback(names.close)
    routes = {NAME_SERVER: ("127.0.0.1", names.port), (ADDRESS, 8883): ("127.0.0.1", entrance.port)}
    (why,) = failures(live((HOST, 8883), routes, ca=authority.der.hex(), unix=int(time.time())))
    assert "does not match with the expected CN" in why
    assert whole(gateway)


def test_a_name_server_that_never_answers(place, live, closing):
    broker, gateway = place()
    names = NameServer(ADDRESS, deaf_for=3)
    closing.callback(names.close)
    routes = {NAME_SERVER: ("127.0.0.1", names.port), (ADDRESS, 1883): ("127.0.0.1", broker.port)}
    (why,) = failures(live((HOST, 1883), routes))
    assert "no address of broker.test" in why
    assert whole(gateway)


def test_a_hidden_network(place, live):
    broker, gateway = place()
    hidden = dataclasses.replace(lives.PLACES["home"][0], hidden=True)
    assert failures(live(("127.0.0.1", broker.port), places={"home": (hidden,)})) == []
    assert whole(gateway)


def test_the_network_is_gone_back_to_the_short_way_but_not_after_a_failure(place, live, closing):
    broker, gateway = place()
    entrance = Gate(broker.port, gate.through(broker.port), gate.hangs_up)
    closing.callback(entrance.close)
    log = live(("127.0.0.1", entrance.port), hours=13)
    assert len(failures(log)) == 1
    first, fails, retries, *later = [int(ms) for ms in re.findall(r"wifi connected (\d+) ms", log)]
    assert fails < 1000 < min(first, retries)
    assert later
    assert max(later) < 1000
    assert whole(gateway)
