"""A persistent session on a broker, which keeps it, and what comes for it, while nobody is connected."""

import logging
import time
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kitback.intake.connection import CLOSED, Client, Connection

log = logging.getLogger(__name__)

BATCH: Final = 500
"""Messages taken in at once at most."""
WINDOW: Final = 2 * BATCH
"""Messages that a broker may hand out before the first is acknowledged: a batch in work and one on its way."""
_KEEPALIVE: Final = 30
_EXPIRY: Final = 30 * 86_400
"""Seconds that the broker keeps the session of a gateway that stays away: longer than any outage."""
_NEWEST: Final = MQTTProtocolVersion.MQTTv5
_COMMON: Final = MQTTProtocolVersion.MQTTv311
_NAMES: Final = {_NEWEST: "5", _COMMON: "3.1.1"}
_HANG_UPS: Final = 3
"""How often a broker may hang up on the protocol it once spoke before that is asked anew: it may be another broker."""
_TAKEN_OVER: Final = "Session taken over"
_FIGHT: Final = "does another gateway use a copy of this register? Stop one of the two"
_CREDENTIALS: Final = ("Bad user name or password", "Not authorized", "Bad authentication method")
_FIRST_WAIT: Final = 0.1
_PATIENCE: Final = 5.0
"""Seconds that a broker may take to let us in, and the longest wait before it is tried again."""
_LASTING: Final = 2 * _PATIENCE
"""How long a session has to be joined for the next wait to be short again: longer than two who fight for it wait."""


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """Where tags and gateway meet."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    """A file of certificates to check the broker's by; None is a connection without TLS."""


class Session:
    """A session, and the connection it has now, if any. It may be sought again for as long as it takes.

    MQTT 5 where the broker speaks it, for its larger window; else 3.1.1.
    """

    def __init__(self, broker: Broker, client_id: str, topics: Sequence[str]) -> None:
        """Prepare the session; `connect` connects.

        Args:
            client_id: the session's name on the broker; whoever else connects with it takes it over.
            topics: the filters to subscribe to.
        """
        self.client_id = client_id
        self.joined = False
        """Whether the broker keeps the session for us and hands out what comes."""
        self.topics = topics
        self._broker = broker
        self._protocol = _NEWEST
        self._protocol_is_known = False
        self._speaks_common = False
        self._answered = False
        self._hang_ups = 0
        self._client: Client | None = None
        self._deadline = self._joined_at = 0.0
        self.retry_at = 0.0
        """Not before when to `connect`, by `time.monotonic`, while there is no connection."""
        self._wait = _FIRST_WAIT

    @property
    def connection(self) -> Connection | None:
        """The present connection; messages may be there before the session is joined."""
        return self._client.connection if self._client else None

    def connect(self) -> None:
        """Try to connect; this may block for seconds."""
        broker = self._broker
        self._answered = False
        client = Client(self.client_id, self._protocol)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        try:
            if broker.ca_file is not None:
                client.tls_set(broker.ca_file)
            if self._protocol == _NEWEST:
                client.connect(broker.host, broker.port, _KEEPALIVE, clean_start=False, properties=_properties())
            else:
                client.connect(broker.host, broker.port, _KEEPALIVE)
        except (OSError, ValueError) as error:
            log.error("broker %s cannot be reached: %s; next try in %.1f s", self._where, error, self._wait)
            self._retry_later()
            return
        self._client = client
        self._deadline = time.monotonic() + _PATIENCE  # looking up the name and TLS may have taken as long

    def tend(self) -> None:
        """Keep alive what is connected; call it a few times a second."""
        if self._client is None:
            return
        self._client.loop_misc()
        if self._is_late() and self.connection:
            self.connection.receive()  # the answer may be there, and the delay our own
            self.read()
            if self._is_late() and self.connection:
                self.connection.lost = f"no answer within {_PATIENCE:.0f} s"
        self.read()

    def _is_late(self) -> bool:
        return not self.joined and time.monotonic() > self._deadline

    def read(self) -> None:
        """Let paho have what is its own; call it after `receive`."""
        client, connection = self._client, self.connection
        if client is None or connection is None:
            return
        try:
            while connection.for_paho and client.socket() is not None:
                client.loop_read()
                if client.want_write():  # what a callback wanted to say
                    client.loop_write()
        except Exception:  # whatever makes paho fall over must not stop the other sessions
            log.exception("broker %s sent what cannot be read", self._where)
            connection.lost = "unreadable"
        if connection.lost is not None or client.socket() is None:
            self._lose(connection.lost)

    def leave(self) -> None:
        """Disconnect, if connected; what was not acknowledged comes again."""
        if self._client is not None:
            self._client.disconnect()
            self._forget()

    @property
    def _where(self) -> str:
        return f"{self._broker.host}:{self._broker.port}"

    def _lose(self, why: str | None) -> None:
        lasted = self.joined and time.monotonic() - self._joined_at > _LASTING
        if lasted:
            self._wait = _FIRST_WAIT
        if why == _TAKEN_OVER:
            self._wait = _PATIENCE
            log.error("session %s at broker %s was taken over; %s", self.client_id, self._where, _FIGHT)
        elif self.joined:
            hint = "" if lasted else f"; if this goes on: {_FIGHT}"
            log.warning("session %s lost broker %s: %s%s", self.client_id, self._where, why, hint)
        elif not self._answered:
            self._note_hang_up(why)
        elif self._protocol_is_known:
            log.error("broker %s lets us not in: %s; next try in %.1f s", self._where, why, self._wait)
        else:
            log.info("broker %s answers with MQTT %s: %s", self._where, _NAMES[_COMMON], why)
            self._wait = _FIRST_WAIT
        self._forget()
        self._retry_later()

    def _forget(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self._client = None
        self.joined = False

    def _retry_later(self) -> None:
        self.retry_at = time.monotonic() + self._wait
        self._wait = min(self._wait * 2, _PATIENCE)

    def _note_hang_up(self, why: str | None) -> None:
        """A broker without MQTT 5 may just hang up; but so does one that is about to start, or to be replaced."""
        if self._protocol_is_known:
            log.error("broker %s lets us not in: %s; next try in %.1f s", self._where, why, self._wait)
            self._hang_ups += 1
            if self._hang_ups >= _HANG_UPS:
                self._protocol, self._protocol_is_known, self._speaks_common = _NEWEST, False, False
        elif self._speaks_common:
            self._settle(_COMMON)
        else:
            tried, self._protocol = self._protocol, _COMMON if self._protocol == _NEWEST else _NEWEST
            log.log(
                logging.INFO if tried == _NEWEST else logging.ERROR,
                "broker %s lets us not in with MQTT %s: %s; trying %s",
                self._where,
                _NAMES[tried],
                why,
                _NAMES[self._protocol],
            )

    def _settle(self, protocol: MQTTProtocolVersion) -> None:
        self._protocol, self._protocol_is_known, self._hang_ups = protocol, True, 0

    def _on_connect(self, client: Any, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        self._answered = True
        self._deadline = time.monotonic() + _PATIENCE  # for the subscription
        if reason == "Unsupported protocol version":
            self._settle(_COMMON)
        elif self._protocol == _NEWEST or self._protocol_is_known:
            self._settle(self._protocol)
        else:
            self._speaks_common = True
            self._protocol = _NEWEST
        if reason.is_failure:
            hint = "; check user and password" if str(reason) in _CREDENTIALS else ""
            self._drop(f"it refuses session {self.client_id}: {reason}{hint}")
        elif not self._protocol_is_known:
            self._drop("it is asked once more for MQTT 5, on which it hung up")
        else:
            client.subscribe([(topic, 1) for topic in self.topics])

    def _on_subscribe(self, _client: Any, _data: object, _mid: int, reasons: list[ReasonCode], _more: object) -> None:
        if any(reason.is_failure for reason in reasons):
            self._drop(f"it refuses subscriptions to {', '.join(self.topics)}: check its access list")
        else:
            self.joined = True
            self._joined_at = time.monotonic()
            log.info(
                "session %s listens at broker %s with MQTT %s", self.client_id, self._where, _NAMES[self._protocol]
            )

    def _drop(self, why: str) -> None:
        """Have the connection ended, for a reason that is told."""
        if self.connection is not None:
            self.connection.lost = why

    def _on_disconnect(self, _client: object, _data: object, flags: Any, reason: ReasonCode, _more: object) -> None:
        if self.connection is not None and (
            flags.is_disconnect_packet_from_server or self.connection.lost in (None, CLOSED)
        ):
            self.connection.lost = str(reason)


def _properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = _EXPIRY
    properties.ReceiveMaximum = WINDOW
    return properties
