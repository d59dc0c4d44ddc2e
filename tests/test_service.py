"""The parts put together."""

import contextlib
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import iotcore
import pytest
import sqlalchemy as sa

from brokers import AnyBroker, Embedded, until
from kitback.clock import SystemClock
from kitback.register import Register, RegisterError, outbox
from kitback.register.tables import tag_now
from kitback.service import Config, ConfigError, Gateway, ServiceError, read_config
from paper_tag import PaperTag
from tag_line import TagLine

Start = Callable[..., Gateway]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {"register": str(tmp_path / "register.db"), "pepper": str(tmp_path / "pepper"), "embedded_port": 0}


@pytest.fixture
def start(settings: dict[str, Any]) -> Iterator[Start]:
    started = []

    def go(**more: Any) -> Gateway:
        gateway = Gateway(read_config({**settings, **more}), SystemClock())
        gateway.start()
        started.append(gateway)
        return gateway

    yield go
    for gateway in started:
        gateway.stop()


@pytest.fixture
def tag(settings: dict[str, Any]) -> PaperTag:
    tag = PaperTag()
    register = Register.open(settings["register"])
    with register.write() as conn:
        tag.enrol(conn)
    register.close()
    return tag


def heard(settings: dict[str, Any]) -> bool:
    register = Register.open(settings["register"])
    with register.read() as conn:
        row = conn.execute(sa.select(tag_now)).one_or_none()
    register.close()
    return row is not None


def test_a_tag_is_answered_through_the_embedded_broker(start: Start, tag: PaperTag, settings: dict[str, Any]) -> None:
    gateway = start()
    assert gateway.broker
    assert gateway.broker.host == "127.0.0.1"
    with TagLine(gateway.broker.port, tag.tag_id) as line:
        line.publish(*tag.message())
        tag.hear(*line.answer())
    assert heard(settings)


def test_a_tag_is_answered_through_a_configured_broker(
    broker: AnyBroker, start: Start, tag: PaperTag, settings: dict[str, Any]
) -> None:
    start(broker={"host": "127.0.0.1", "port": broker.port})
    with TagLine(broker.port, tag.tag_id) as line:
        line.publish(*tag.message())
        tag.hear(*line.answer())
    assert heard(settings)


def test_the_outbox_waits_for_the_configured_influxdb_alone_and_no_longer_than_it_has_room(
    start: Start, settings: dict[str, Any]
) -> None:
    influx = {"url": "http://127.0.0.1:1", "token": "t", "org": "o", "bucket": "b"}
    start(influx={**influx, "bucket": "old"}, outbox_mib=1).stop()
    start(influx=influx, outbox_mib=2)
    register = Register.open(settings["register"])

    def standings() -> dict[str, bool]:
        with register.read() as conn:
            return {each.name.rpartition("/")[2]: each.configured for each in outbox.standings(conn)}

    until(lambda: standings() == {"old": False, "b": True}, what="the new sink")
    with register.read() as conn:
        assert outbox.room(conn).cap == 2 << 20
    register.close()


def test_the_pages_are_served(start: Start) -> None:
    gateway = start(web={"port": 0})
    assert gateway.web_url
    with urllib.request.urlopen(gateway.web_url) as page:  # noqa: S310
        assert b"Kitback" in page.read()


def test_a_gateway_that_has_joined_its_broker_is_healthy_and_can_be_measured(start: Start) -> None:
    url = start(web={"port": 0}).web_url

    def get(path: str) -> bytes:
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"{url}{path}") as answer:  # noqa: S310
            return bytes(answer.read())
        return b""

    until(lambda: b'"status":"ok"' in get("healthz"), what="health")
    assert b"kitback_listening 1.0" in get("metrics")


def test_a_gateway_stops_and_starts_again_on_the_same_register(start: Start) -> None:
    start().stop()
    start()


def test_another_number_of_shard_groups_than_at_the_first_start_is_refused(start: Start) -> None:
    start(shard_groups=4).stop()
    with pytest.raises(ServiceError, match=r"set shard_groups = 4"):
        start(shard_groups=2)


def test_another_root_than_at_the_first_start_is_refused(start: Start) -> None:
    start(root="stores").stop()
    with pytest.raises(ServiceError, match=r'begun with "stores".*set root = "stores"'):
        start(root="wards")
    start(root="stores")


def test_another_pepper_than_at_the_first_start_is_refused(start: Start, tmp_path: Path) -> None:
    start().stop()
    with pytest.raises(ServiceError, match=r"the pepper in .*/other is not the one .*put there the file"):
        start(pepper=str(tmp_path / "other"))
    start(pepper=str((tmp_path / "pepper").rename(tmp_path / "elsewhere")))


def test_a_gateway_that_is_refused_changes_nothing_for_the_others(start: Start, settings: dict[str, Any]) -> None:
    register = Register.open(settings["register"])
    start(outbox_mib=3).stop()
    with pytest.raises(ServiceError):
        start(root="wards", outbox_mib=1)
    with register.read() as conn:
        assert outbox.room(conn).cap == 3 << 20
    register.close()


def test_a_port_that_is_taken_is_named(start: Start) -> None:
    taken = Embedded()
    taken.start()
    try:
        with pytest.raises(ServiceError, match=f"port {taken.port}.*another broker"):
            start(embedded_port=taken.port)
    finally:
        taken.stop()


def test_a_part_that_fails_stops_the_gateway_loudly(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr("kitback.service.judge", fail)
    with pytest.raises(ServiceError, match="the watch failed: no reason"):
        start().wait(10)
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)


@pytest.mark.parametrize("failure", [OverflowError, RegisterError])
def test_upkeep_that_fails_is_named_in_the_log_and_stops_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: type[Exception]
) -> None:
    def fail(*_: object) -> float:
        raise failure("no reason")

    monkeypatch.setattr("kitback.service.Upkeep.run_once", fail)
    gateway = start()
    until(lambda: "no reason" in caplog.text, what="the failure in the log")
    assert "the upkeep" in caplog.text
    assert not any(record.levelno == logging.CRITICAL for record in caplog.records)
    gateway.wait(0)


def test_a_broker_that_dies_stops_the_gateway_loudly(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    brokers = []

    class Known(iotcore.Broker):
        def start(self, timeout: float = 10.0) -> iotcore.Broker:
            brokers.append(self)
            return super().start(timeout)

    monkeypatch.setattr("kitback.service.iotcore.Broker", Known)
    gateway = start()
    brokers[0]._process.kill()
    with pytest.raises(ServiceError, match="broker has died"):
        gateway.wait(10)


def test_credentials_in_the_address_of_influxdb_are_refused_and_not_repeated(settings: dict[str, Any]) -> None:
    influx = {"url": "https://me:hunter2@influx.example.org", "token": "t", "org": "o", "bucket": "b"}
    with pytest.raises(ConfigError, match=r"give it as `token`.*influx") as refused:
        read_config({**settings, "influx": influx})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"register": 1}, "register"),
        ({"registre": "x"}, "registre"),
        ({"broker": {"host": "h"}}, "port"),
        ({"influx": {"url": "u"}}, "token"),
        ({"watch_every_s": "often"}, "watch_every_s"),
        ({"shard_groups": 3}, "shard_groups"),
    ],
)
def test_a_wrong_configuration_names_what_is_wrong(
    settings: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read_config(json.loads(json.dumps({**settings, **change})))


def test_the_least_configuration_is_a_register_and_a_pepper() -> None:
    assert read_config({"register": "r", "pepper": "p"}) == Config(register="r", pepper="p")
