"""A service desk on paper: the gateway on paper, with something to tell the tag and an ear for what it answers."""

import threading
import time
from typing import Any

import msgspec
import paho.mqtt.client as mqtt

from kitback import wire
from paper_gateway import PaperGateway


class PaperDesk(PaperGateway):
    """Before it acks report number `n`, it publishes what `tell` was asked to."""

    def __init__(self, port: int, tag_id: str, secret: bytes) -> None:
        self._tag_id = tag_id
        self._due: dict[int, list[tuple[str, bytes, bool]]] = {}
        self.settings: list[wire.SettingsReport] = []
        self.results: list[wire.CommandResult] = []
        self.letters: list[bytes] = []
        """The JSON of each of both, as the tag wrote it."""
        self.told_at: list[int] = []
        """How many reports had come when each letter came."""
        super().__init__(port, secret)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        for channel, decoder, heard in (
            (wire.UP_SETTINGS, wire.settings_report_decoder, self.settings),
            (wire.UP_COMMAND, wire.command_result_decoder, self.results),
        ):
            subscribed.clear()
            topic = f"kitback/+/+/{channel}"
            self._client.message_callback_add(topic, self._listener(channel, decoder, heard))
            self._client.subscribe(topic, qos=1)
            assert subscribed.wait(5)

    def tell(self, report_no: int, message: wire.Settings | wire.Command, secret: bytes | None = None) -> None:
        """Publish settings (retained) or a command between a report and its ack; number 0 is now."""
        channel, retain = (
            (wire.DOWN_SETTINGS, True) if isinstance(message, wire.Settings) else (wire.DOWN_COMMAND, False)
        )
        sealed = wire.seal(secret or self._secret, channel, wire.encode(message))
        if report_no:
            self._due.setdefault(report_no, []).append((channel, sealed, retain))
        else:
            self._publish(channel, sealed, retain)

    def _publish(self, channel: str, sealed: bytes, retain: bool) -> None:
        self._client.publish(wire.topic("kitback", self._tag_id, channel), sealed, qos=1, retain=retain)

    def _take(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        for letter in self._due.pop(len(self.reports) + 1, ()):
            self._publish(*letter)
        super()._take(client, data, message)

    def _listener(self, channel: str, decoder: msgspec.json.Decoder[Any], heard: list[Any]) -> Any:
        def listen(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            body = wire.unseal(self._secret, channel, message.payload)
            self.letters.append(body)
            heard.append(decoder.decode(body))
            self.told_at.append(len(self.reports))

        return listen


def settings(revision: int = 1, generation: int = 1, **values: int) -> wire.Settings:
    return wire.Settings(v=1, generation=generation, revision=revision, values=wire.Values(**values))


def command(name: str, do: Any, generation: int = 1, expires_in: int = 30 * 86400, for_s: int = 3600) -> wire.Command:
    expires = int(time.time()) + expires_in
    return wire.Command(v=1, id=name, generation=generation, expires=expires, do=do, for_s=for_s)
