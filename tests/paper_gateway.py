"""A gateway on paper: hears one tag, keeps the rules of docs/protocol.md, and forgets where nothing is."""

import threading
import time

import paho.mqtt.client as mqtt

from kitback import wire


class PaperGateway:
    """Takes in and acks whatever a tag with this secret reports."""

    def __init__(self, port: int, secret: bytes) -> None:
        self._secret = secret
        self.reports: list[wire.Report] = []
        self.bodies: list[bytes] = []
        """The JSON of each report, as the tag wrote it."""
        self.records: list[tuple[int, wire.Record]] = []
        """Each record once, with the clock it is on."""
        self.high: dict[str, int] = {}
        ready = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "paper-gateway")
        self._client.on_message = self._take
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("kitback/+/+/up/report", qos=1)
        self._client.loop_start()
        assert ready.wait(5)

    def of(self, kind: type[wire.Record]) -> list[wire.Record]:
        """The records of one kind."""
        return [record for _, record in self.records if isinstance(record, kind)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        tag_id = wire.tag_of("kitback", message.topic)
        assert tag_id and len(message.payload) <= wire.MAX_MESSAGE
        body = wire.unseal(self._secret, wire.UP_REPORT, message.payload)
        self.bodies.append(body)
        report = wire.report_decoder.decode(body)
        high = self.high.setdefault(report.journal, report.oldest - 1)
        if report.after <= max(high, report.oldest - 1):
            fresh = [(report.on, record) for record in report.records if record.seq > high]
            self.records += fresh
            high = max([high, *(record.seq for _, record in fresh)])
        self.high[report.journal] = high
        self.reports.append(report)
        ack = wire.Ack(v=1, journal=report.journal, high=high, at=report.at, unix=int(time.time()), epoch="paper")
        sealed = wire.seal(self._secret, wire.DOWN_ACK, wire.encode(ack))
        client.publish(wire.topic("kitback", tag_id, wire.DOWN_ACK), sealed, qos=1)
