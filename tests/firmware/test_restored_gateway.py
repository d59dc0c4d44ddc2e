"""What the real intake makes of a tag when its register comes back from a backup, or was away for too long."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import sqlalchemy as sa

import lives
import tag_flash
from brokers import Mosquitto
from kitback import wire
from kitback.intake import Intake
from kitback.register import Register, tags
from kitback.register.tag_states import accounts
from kitback.virtual.tag import VirtualTag
from paper_tag import ROOT, SetClock, nowhere

DAY = lives.DAY


class RealIntake:
    """The gateway's intake behind a broker. `before` is called with each report before it is taken in."""

    def __init__(self, directory: Path, port: int) -> None:
        self.path = directory / "register.db"
        self._backup = directory / "backup.db"
        self.power_on = lives.START
        self._clock = SetClock(self.power_on)
        self._open()
        with self._register.write() as conn:
            tags.enrol_tag(conn, lives.TAG_ID, lives.SECRET, lives.START)
        self.before: Callable[[wire.Report], None] = lambda _: None
        self.afters: list[int] = []
        """Each report's `after`."""
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"{ROOT}/+/+/up/report", qos=1)
        self._client.loop_start()

    def back_up(self) -> None:
        with sqlite3.connect(self.path) as register, sqlite3.connect(self._backup) as backup:
            register.backup(backup)

    def restore(self) -> None:
        self._register.close()
        with sqlite3.connect(self._backup) as backup, sqlite3.connect(self.path) as register:
            backup.backup(register)
        self._open()

    def account(self) -> sa.Row[Any]:
        """What the register keeps of the tag's journal."""
        with self._register.read() as conn:
            return conn.execute(sa.select(accounts)).one()

    def lost(self) -> list[tuple[int, int]]:
        """The ranges it has written off."""
        return [tuple(gap) for gap in json.loads(self.account().gaps)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._register.close()

    def _open(self) -> None:
        self._register = Register.open(str(self.path))
        self._intake = Intake(self._register, self._clock, ROOT, nowhere)

    def _take(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        report = wire.report_decoder.decode(wire.unseal(lives.SECRET, wire.UP_REPORT, message.payload))
        self._clock.unix = self.power_on + report.at
        self.afters.append(report.after)
        self.before(report)
        for topic, answer in self._intake.take([(message.topic, message.payload)]):
            client.publish(topic, answer, qos=1)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    started = Mosquitto(tmp_path)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Iterator[RealIntake]:
    made = RealIntake(tmp_path, broker.port)
    yield made
    made.close()


def live(directory: Path, broker: Mosquitto, days: float, events: list[lives.Told]) -> dict[int, Any]:
    """Let a bed live. What its flash holds in the end."""
    tag = VirtualTag(directory, lives.world(days, events), lives.provision("bed", broker.port))
    try:
        tag.start()
        assert tag.wait(60), "the life did not end"
    finally:
        tag.stop()
    return tag_flash.records(directory / "flash.bin")


def test_a_register_restored_from_a_backup_gets_back_what_came_since(
    tmp_path: Path, broker: Mosquitto, gateway: RealIntake
) -> None:
    highs: list[int] = []

    def fail(report: wire.Report) -> None:
        if not highs and report.at > DAY:
            gateway.back_up()
            highs.append(gateway.account().high)
        elif len(highs) == 1 and report.at > 2 * DAY and report.records:
            highs.append(gateway.account().high)
            gateway.restore()

    gateway.before = fail
    held = live(tmp_path / "tag", broker, 2.9, lives.busy(0, int(2.5 * DAY)))
    backed_up, lost_with_the_disk = highs
    assert lost_with_the_disk - backed_up > 40
    assert backed_up in gateway.afters[gateway.afters.index(lost_with_the_disk) :], "it went back to the backup's end"
    account = gateway.account()
    assert account.high >= len(held) - 2
    assert (account.applied, account.lost, account.quarantined) == (account.high, 0, 0)


def test_what_the_ring_no_longer_holds_is_counted_as_lost(
    tmp_path: Path, broker: Mosquitto, gateway: RealIntake, on_tag: Callable[..., Any]
) -> None:
    """A tag that was away until its journal was full, and a register that knows the journal's beginning."""
    live(tmp_path / "tag", broker, 0.05, [])
    before = gateway.account()
    assert (before.applied, before.lost) == (before.high, 0)

    lives.age(tmp_path / "tag", on_tag, 2500, clock=1)
    gateway.power_on = lives.START + 10 * DAY
    held = live(tmp_path / "tag", broker, 0.3, [])
    account = gateway.account()
    assert account.lost > 1000
    assert gateway.lost() == [(before.high + 1, min(held) - 1)]
    assert account.applied == before.high + len([seq for seq in held if seq <= account.high])
    assert account.applied + account.lost == account.high
