"""One persistent MQTT session: gathers what has arrived, has it taken in, and only then acknowledges and answers.

One thread drives it all, so nothing can be acknowledged behind the back of a reconnect, and a callback can do no more
than put a message on a list.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import Struct
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from kitback import wire
from kitback.intake.intake import Intake
from kitback.register import RegisterError

log = logging.getLogger(__name__)

BATCH: Final = 100
"""Messages taken in at once at most."""
GATHER: Final = 0.020
"""Seconds a batch may gather for. Brokers hand out a few messages at a time (Mosquitto: 20), so it may never fill."""
_QUIET: Final = 0.002
"""Seconds without a message that end the gathering sooner."""
_IDLE: Final = 0.2
"""Seconds between looks at whether to stop."""
_SIGN_OF_LIFE: Final = 60.0
_KEEPALIVE: Final = 30
_PATIENCE: Final = 5.0
"""The longest wait in seconds before a broker or a database that failed is tried again."""

_T = TypeVar("_T")


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """Where tags and gateway meet."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    """A file of certificates to check the broker's by; None is a connection without TLS."""


class Session:
    """A gateway's session on a broker. The broker keeps it, and what comes for it, while the gateway is away."""

    def __init__(self, broker: Broker, root: str, client_id: str, intake: Intake) -> None:
        """Prepare the session; `run` connects.

        Args:
            root: the first level of all topics.
            client_id: the session's name on the broker; one gateway, one name.
        """
        self._broker = broker
        self._topic = wire.topic(root, "+", wire.UP_REPORT)
        self._intake = intake
        self._pending: list[MQTTMessage] = []
        self.joined = threading.Event()
        """Set while the broker keeps the session for us and hands out what comes."""
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True)
        self._client.on_socket_open = _no_delay
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.ca_file is not None:
            self._client.tls_set(broker.ca_file)

    def run(self, stopping: threading.Event) -> None:
        """Take in what comes until `stopping` is set; a lost broker is sought again for as long as it takes."""
        while not stopping.is_set():
            if self._join(stopping):
                self._serve(stopping)
                self._note_away()
        self.joined.clear()
        self._client.disconnect()

    def _serve(self, stopping: threading.Event) -> None:
        """Until stopped or disconnected."""
        self._insist(self._intake.connected, stopping)
        alive = time.monotonic()
        while self.joined.is_set() and not stopping.is_set():
            self._gather()
            if self._pending:
                self._take(stopping)
            if time.monotonic() - alive > _SIGN_OF_LIFE:
                self._insist(self._intake.still, stopping)
                alive = time.monotonic()

    def _note_away(self) -> None:
        try:
            self._intake.away()
        except RegisterError as error:
            log.error("%s; that the broker was lost is not noted", error)

    def _gather(self) -> None:
        """Wait for a first message, then for those that come with it."""
        self._turn(_IDLE)
        deadline = time.monotonic() + GATHER
        gathered = 0
        while gathered < len(self._pending) < BATCH and time.monotonic() < deadline:
            gathered = len(self._pending)
            self._turn(_QUIET)

    def _take(self, stopping: threading.Event) -> None:
        """Take in what is pending; acknowledge and answer after the transaction, never before."""
        batch = self._pending[:BATCH]
        messages = [(_topic(each), bytes(each.payload)) for each in batch]
        answers = self._insist(lambda: self._intake.take(messages), stopping)
        if answers is None:
            return
        del self._pending[: len(batch)]
        for message in batch:
            self._client.ack(message.mid, message.qos)
        for topic, answer in answers:
            self._client.publish(topic, answer)

    def _insist(self, work: Callable[[], _T], stopping: threading.Event) -> _T | None:
        """Do work that needs the database, again and again while that fails; None when stopped or disconnected."""
        wait = 0.1
        while self.joined.is_set() and not stopping.is_set():
            try:
                return work()
            except RegisterError as error:
                log.error("%s; nothing is acknowledged, next try in %.1f s", error, wait)
            until = time.monotonic() + wait
            while time.monotonic() < until and self.joined.is_set() and not stopping.is_set():
                self._turn(0.05)  # so that the broker does not give us up
            wait = min(wait * 2, _PATIENCE)
        return None

    def _join(self, stopping: threading.Event) -> bool:
        """Connect and subscribe; False when stopped before that came about."""
        wait = 0.1
        where = f"{self._broker.host}:{self._broker.port}"
        while not stopping.is_set():
            try:
                self._client.connect(self._broker.host, self._broker.port, _KEEPALIVE)
                until = time.monotonic() + _PATIENCE
                while not self.joined.is_set() and time.monotonic() < until and not stopping.is_set():
                    if self._client.loop(0.05) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                        break
                if self.joined.is_set():
                    log.info("listening on %s at broker %s", self._topic, where)
                    return True
                log.error("broker %s lets us not in; next try in %.1f s", where, wait)
            except OSError as error:
                log.error("broker %s cannot be reached: %s; next try in %.1f s", where, error, wait)
            stopping.wait(wait)
            wait = min(wait * 2, _PATIENCE)
        return False

    def _turn(self, seconds: float) -> None:
        """Let the client work for a while: send, receive, keep alive."""
        if self._client.loop(seconds) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._left()

    def _left(self) -> None:
        """Out of the session: what was not acknowledged comes again, under other ids."""
        self.joined.clear()
        self._pending.clear()

    def _on_connect(self, client: Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            log.error("the broker refuses the session: %s; check user and password", reason)
            return
        client.subscribe(self._topic, qos=1)

    def _on_subscribe(self, client: Client, _data: object, _mid: int, reasons: list[Any], _properties: object) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("the broker refuses the subscription to %s: check its access list", self._topic)
            client.disconnect()
        else:
            self.joined.set()

    def _on_disconnect(self, _client: Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if self.joined.is_set():
            log.warning("left the broker: %s", reason)
        self._left()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._pending.append(message)


def _topic(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""


def _no_delay(_client: Client, _data: object, sock: Any) -> None:
    """Let each packet leave at once: an answer right after a PUBACK would otherwise wait for that one's ACK, 40 ms."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
