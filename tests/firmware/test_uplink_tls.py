"""TLS with a real broker, from a tag that starts in the year 2000 and goes by no other clock than its own."""

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import lives
from authority import Authority
from brokers import Mosquitto
from kitback import wire
from kitback.virtual.tag import VirtualTag
from kitback.virtual.world import Key
from name_server import NameServer
from paper_gateway import PaperGateway

HOST, PORT = "broker.test", 8883
ADDRESS = "192.0.2.7"
DAY = 24 * 3600

Live = Callable[..., str]


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def port(authority: Authority, tmp_path: Path) -> tuple[int, str]:
    return authority.listener(tmp_path, HOST)


@pytest.fixture
def gateway(tmp_path: Path, port: tuple[int, str], closing: ExitStack) -> PaperGateway:
    broker = Mosquitto(tmp_path, port[1] + "allow_anonymous true\n")
    broker.start()
    closing.callback(broker.stop)
    paper = PaperGateway(broker.port, lives.SECRET)
    closing.callback(paper.close)
    return paper


@pytest.fixture
def live(tmp_path: Path, port: tuple[int, str], closing: ExitStack) -> Live:
    """Lets a bed's tag live; what it said on its serial port."""

    def run(authority: Authority, provisioned: int, hours: float, *events: tuple[int, Key, int]) -> str:
        names = NameServer(ADDRESS)
        closing.callback(names.close)
        routes = {("192.168.1.1", 53): ("127.0.0.1", names.port), (ADDRESS, PORT): ("127.0.0.1", port[0])}
        world = dataclasses.replace(lives.world(hours / 24, events), routes=routes)
        provision = lives.provision("bed", 0) | {"broker": [HOST, PORT], "ca": authority.der.hex(), "unix": provisioned}
        tag = VirtualTag(tmp_path / "tag", world, provision)
        closing.callback(tag.stop)
        tag.start()
        assert tag.wait(30), "the story did not end"
        return tag.log.read_text()

    return run


def test_a_tag_provisioned_today_reports_and_setting_its_clock_does_not_move_its_counter(live, gateway, authority):
    log = live(authority, int(time.time()), 7)
    assert "report failed" not in log
    assert len(gateway.of(wire.Boot)) == 1
    assert {report.clock for report in gateway.reports} == {1}
    assert max(report.at for report in gateway.reports) <= 7 * 3600
    assert [report.at for report in gateway.reports] == sorted(report.at for report in gateway.reports)


def test_a_broker_of_another_authority_gets_nothing(live, gateway):
    log = live(Authority("Somebody else"), int(time.time()), 1)
    assert "report failed" in log
    assert gateway.reports == []


def test_a_tag_that_never_heard_what_year_it_is_trusts_nobody_for_as_long(live, gateway, authority):
    log = live(authority, 0, 1)
    assert "CERT_VERIFY_FAILED" in log
    assert gateway.reports == []


def test_a_certificate_newer_than_anything_the_tag_knows_is_found_month_by_month(live, gateway, authority):
    """And after a power loss the tag knows the day from its flash, so it does not have to search again."""
    log = live(authority, int(time.time()) - 100 * DAY, 12, (9 * 3600, "power", 0), (9 * 3600 + 60, "power", 1))
    before, after = re.split(r"(?m)^kitback .*$", log)[1:]
    assert before.count("report failed") == 4, "100, 70, 40 and 10 days ago it was not valid yet"
    assert after.count("report failed") == 0
    assert {report.clock for report in gateway.reports} == {1, 2}
