"""A session with the broker, over umqtt.simple. Every wait in it ends by its deadline."""

import time

import umqtt.simple
from micropython import const

from tag import clock, report, wifi
from tag.retained import state
from tag.sockets import Sockets

_KEEPALIVE_S = const(60)
_QUEUE = const(8)
_NAGLE_MS = const(10)


class Uplink:
    """A connected session. The broker keeps it between reports, so that no answer is missed."""

    def __init__(self, config, tag_id: str, deadline: int) -> None:
        if config.authority:
            clock.set_rtc(config.unix)
        sockets = Sockets(deadline, wifi.dns_server(), config.host, config.authority)
        umqtt.simple.socket = sockets  # type: ignore[attr-defined]
        base = "%s/%s/%s/" % (config.root, tag_id[-1], tag_id)
        self._base = base.encode()
        self._heard: list[bytes] = []
        self._mail: list[tuple[bytes, bytes]] = []
        self._mqtt = umqtt.simple.MQTTClient(
            tag_id, config.host, config.port, config.user, config.password, _KEEPALIVE_S
        )
        self._mqtt.set_callback(self._hear)
        try:
            kept = self._mqtt.connect(clean_session=False)
            # A session may have been kept without its subscription, if the tag fell silent between the two.
            if not kept or state.failures:
                self._mqtt.subscribe(self._base + b"down/#", 1)
        except Exception:
            self.close()
            raise

    def send(self, message, channel: bytes = report.UP) -> None:
        """Publish on one of the tag's channels. Returns when the broker has it."""
        self._heard.clear()  # answers to anything earlier
        self._mqtt.publish(self._base + channel, message, qos=1)

    def answers(self, ms: int):
        """Yield the messages of the next so many milliseconds."""
        until = time.ticks_add(time.ticks_ms(), ms)
        pinged = False
        while True:
            while self._heard:
                yield self._heard.pop(0)
            if not pinged and not self._mqtt.sock.ready(_NAGLE_MS):
                # A broker with Nagle's algorithm holds the answer back until its PUBACK is acknowledged, which our TCP
                # puts off for 40 ms and more while we have nothing to say.
                self._mqtt.ping()
                pinged = True
            if not self._take(until):
                return

    def mail(self, ms: int):
        """The next message that is no answer, as (channel, message): one that came already, or comes within so many
        milliseconds. None if there is none."""
        until = time.ticks_add(time.ticks_ms(), ms)
        while not self._mail and self._take(until):
            pass
        return self._mail.pop(0) if self._mail else None

    def close(self) -> None:
        """End the session in order, if it still can be."""
        try:
            self._mqtt.disconnect()
        except Exception:  # it failed before, and that was told
            pass

    def _take(self, until) -> bool:
        """Take in the next message that is there by the tick `until`. Whether one was, and came whole in time."""
        sock = self._mqtt.sock
        if not sock.ready(time.ticks_diff(until, time.ticks_ms())):
            return False
        try:
            self._mqtt.wait_msg()
        except OSError:
            if not sock.over():
                raise
            return False
        return True

    def _hear(self, topic: bytes, message: bytes) -> None:
        channel = topic[len(self._base) :]
        if topic[: len(self._base)] != self._base:
            return
        if channel == report.DOWN:
            if len(self._heard) < _QUEUE:
                self._heard.append(message)
        elif len(self._mail) < _QUEUE:  # the gateway sends again what it hears nothing of
            self._mail.append((channel, message))
