"""What of the Compose file can be tried without Docker: its secrets, its broker's rules, its gateway's settings."""

import re
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from brokers import Mosquitto, until
from deploy import new_secrets
from kitback import wire
from kitback.cli import settings

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text()
TAG, OTHER = "a1b2c3d4e5f6", "a1b2c3d4e5f7"


class Deployed(Mosquitto):
    """A Mosquitto with the rules that are deployed, on a free port."""

    def __init__(self, folder: Path, passwords: dict[str, str]) -> None:
        super().__init__(folder)
        (folder / "passwords").write_text(
            "".join(new_secrets.mosquitto_entry(user, password) for user, password in passwords.items())
        )
        rules = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
        for deployed, here in {
            "listener 1883": f"listener {self.port} 127.0.0.1",
            "/run/secrets/mosquitto_passwords": f"{folder}/passwords",
            "/mosquitto/config/acl": str(DEPLOY / "mosquitto" / "acl"),
            "/mosquitto/data/": f"{folder}/",
        }.items():
            assert deployed in rules
            rules = rules.replace(deployed, here)
        folder.chmod(0o755)
        self._config.write_text(rules + ("user root\n" if Path("/proc/self").owner() == "root" else ""))


class Peer:
    """An MQTT client that remembers what it was told."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.answers: list[str] = []
        self.heard: list[tuple[str, bytes]] = []
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(user, password)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.answers.append(str(reason))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.answers.extend(map(str, reasons))
        self.client.on_message = self._keep
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        until(lambda: self.answers)

    def _keep(self, _client: object, _user: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))

    def listen(self, *topics: str) -> None:
        self.client.subscribe([(topic, 1) for topic in topics])
        until(lambda: len(self.answers) == 1 + len(topics))

    def say(self, topic: str, said: bytes, qos: int = 1) -> None:
        self.client.publish(topic, said, qos)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_a_tag_is_confined_to_its_own_subtree_and_the_gateway_hears_all(tmp_path: Path) -> None:
    broker = Deployed(tmp_path, {"gateway": "one", TAG: "two", OTHER: "three"})
    broker.start()
    try:
        gateway = Peer(broker.port, "gateway", "one")
        tag, other = Peer(broker.port, TAG, "two"), Peer(broker.port, OTHER, "three")
        forger = Peer(broker.port, OTHER, "three")  # apart: Mosquitto may hang up on it
        gateway.listen("kitback/+/+/up/#")
        for peer in (tag, other):
            peer.listen(*(wire.topic("kitback", each, wire.DOWN_ACK) for each in (TAG, OTHER)), "kitback/+/+/up/#")

        forger.say(wire.topic("kitback", TAG, wire.UP_REPORT), b"forged", qos=0)
        forger.say(wire.topic("kitback", OTHER, wire.UP_REPORT), b"sent after the forgery")
        tag.say(wire.topic("kitback", TAG, wire.UP_REPORT), b"genuine")
        gateway.say(wire.topic("kitback", TAG, wire.DOWN_ACK), b"ack")
        gateway.say(wire.topic("kitback", OTHER, wire.DOWN_ACK), b"the other's ack")

        until(lambda: tag.heard and other.heard and len(gateway.heard) == 2)
        assert {said for _, said in gateway.heard} == {b"genuine", b"sent after the forgery"}
        assert tag.heard == [(wire.topic("kitback", TAG, wire.DOWN_ACK), b"ack")]
        assert other.heard == [(wire.topic("kitback", OTHER, wire.DOWN_ACK), b"the other's ack")]
        for peer in (gateway, tag, other, forger):
            peer.leave()
    finally:
        broker.stop()


def test_nobody_gets_in_without_a_password_of_their_own(tmp_path: Path) -> None:
    broker = Deployed(tmp_path, {"gateway": "one"})
    broker.start()
    try:
        for user, password in ((None, None), ("gateway", "wrong"), ("gateway", ""), ("admin", "admin")):
            assert answer_to(broker.port, user, password) == "Not authorized"
    finally:
        broker.stop()


def answer_to(port: int, user: str | None, password: str | None) -> str:
    answers: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    client.on_connect = lambda _c, _u, _f, reason, _p: answers.append(str(reason))
    client.connect("127.0.0.1", port)
    until(lambda: (client.loop(0.1), answers)[1])
    return answers[0]


def test_secrets_are_new_each_time_and_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        monkeypatch.setattr(new_secrets, "FOLDER", folder)
        new_secrets.main()
        assert folder.stat().st_mode & 0o777 == 0o700
        made.append({file.name: file.read_text() for file in folder.iterdir()})
    assert set(made[0]) == set(re.findall(r"secrets/([\w.]+)", COMPOSE))
    assert not set(made[0].values()) & set(made[1].values())
    with pytest.raises(SystemExit, match="is there already"):
        new_secrets.main()


def test_the_gateway_understands_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_secrets, "FOLDER", tmp_path / "secrets")
    new_secrets.main()
    said = dict(re.findall(r'^      (KITBACK_\w+): "?([^"\n]+)"?$', COMPOSE, re.M))
    said |= dict(line.split("=", 1) for line in (tmp_path / "secrets" / "gateway.env").read_text().splitlines())
    for name, value in said.items():
        monkeypatch.setenv(name, value)

    config = settings.read(None)

    assert config.broker and config.influx and config.web
    assert (config.broker.host, config.broker.user) == ("mosquitto", "gateway")
    assert config.influx.token == (tmp_path / "secrets" / "influx_token").read_text()
    assert config.web.host == "0.0.0.0"  # noqa: S104
