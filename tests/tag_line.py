"""A tag's MQTT connection, for tests: publishes reports, collects answers."""

import queue

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from kitback import wire
from paper_tag import ROOT


class TagLine:
    """Use as a context; `answer` waits for the next message from the gateway."""

    def __init__(self, port: int, tag_id: str) -> None:
        self._port = port
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._subscribed: queue.Queue[None] = queue.Queue()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=tag_id)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.put(None)
        self._topic = wire.topic(ROOT, tag_id, wire.DOWN_ACK)

    def __enter__(self) -> "TagLine":
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._client.subscribe(self._topic, 0)
        self._subscribed.get(timeout=10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1 and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def post(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1; it reaches the broker some time later."""
        self._client.publish(topic, payload, qos=1)

    def answer(self, patience: float = 10) -> tuple[str, bytes]:
        return self._answers.get(timeout=patience)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._answers.put((message.topic, message.payload))
