"""A fleet of paper tags that upload over MQTT by the rules of docs/protocol.md, and what they noted.

They differ from real ones in patience only: a report without an answer is sent again after a fraction of a second
rather than a minute.
"""

import random
import time
from dataclasses import dataclass, field
from typing import Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from kitback import wire
from kitback.intake import Intake
from kitback.policy import load
from kitback.register import Register, assets, fittings, loans, places
from paper_tag import ROOT, PaperTag

from .process import GatewayProcess

LENT: Final = 1_740_000_000
POLICY: Final = load()
"""Since when every asset is fitted and on loan: long before anything happens."""
_ANSWER_S: Final = 1.0
_AGAIN_S: Final = 0.2
_PAIR_S: Final = 25 * 3600


@dataclass
class Uploader(PaperTag):
    """A tag with a month to tell, and what it is waiting for."""

    asset_id: str = ""
    answer_s: float = _ANSWER_S
    """How long it waits for an answer."""
    _began: float = field(default_factory=time.monotonic)
    _noted_to: int = 0
    _waits_for: tuple[int, bytes] | None = None
    """The `at` and the signature of the report that has no answer yet."""
    _until: float = 0.0

    def live(self, chance: random.Random, records: int) -> None:
        """Note so many records, of every kind; power goes now and then."""
        while self.newest < records:
            kind = chance.random()
            if kind < 0.7:
                span = chance.randint(60, 7200)
                self.use(span, chance.randint(0, span), chance.randint(0, 9))
            elif kind < 0.8:
                heard = [wire.Heard(f"{chance.getrandbits(48):012x}", -60)]
                self.note(wire.Fix, cause="due", key=1, heard=heard)
            elif kind < 0.9:
                self.note(wire.Health, battery_mv=3900, heap_free=100_000, wakes=24, awake_s=50)
            else:
                if chance.random() < 0.5:
                    self.wake()
                self.note(wire.Boot, cause="power_on")
            self.at += 1
        self._noted_to = self.at
        self._began -= chance.random()  # its seconds do not begin with the gateway's

    def due(self) -> tuple[str, bytes] | None:
        """What it sends now, or None while it waits for an answer or has nothing to tell."""
        now = time.monotonic()
        if self.all_sent or now < self._until:
            return None
        if self._waits_for is not None:
            self._waits_for, self._until = None, now + _AGAIN_S
            return None
        self.at = self._noted_to + int(now - self._began)
        paired = self.pair is not None and self.at - self.pair.acked < _PAIR_S
        message = self.seal(self.report(limit=None if paired else 0))
        self._waits_for, self._until = (self.at, message[1][-24:]), now + self.answer_s
        return message

    def answered(self, topic: str, payload: bytes) -> bool:
        """Take an answer in, if it is to the report it waits on."""
        body = wire.unseal(self.secret, wire.DOWN_ACK, payload)
        assert b'"reject"' not in body, f"tag {self.tag_id} was rejected: {body!r}"
        ack = wire.answer_decoder.decode(body)
        if self._waits_for is None or (ack.journal, ack.at) != (self.journal, self._waits_for[0]):
            return False
        self.hear(topic, payload)
        self._waits_for, self._until = None, 0.0
        return True

    def report_again(self) -> None:
        """Have something to tell: a tag hears only after a report that a gateway was restored from a backup."""
        self.note(wire.Boot, cause="watchdog")
        self._until = 0.0


class Fleet:
    """Tags on one MQTT connection. `turn` it until `all_safe`."""

    def __init__(self, port: int, seed: int, tags: int = 8, records: int = 60, batch: int = 4) -> None:
        chance = random.Random(seed)
        self._port = port
        self.tags = [
            Uploader(
                tag_id=f"{number:010x}{chance.getrandbits(8):02x}",
                asset_id=f"BED-{number}",
                batch=batch,
                # All share one connection, on which the broker has some twenty answers under way.
                answer_s=_ANSWER_S + tags / 100,
                journal=f"{chance.getrandbits(32):08x}-1",
            )
            for number in range(1, tags + 1)
        ]
        self._chance = chance
        self.live_on(records)
        self.acks = 0
        """Answers that tags took in."""
        self.sent = 0
        """Reports that were handed to the broker."""
        self._of = {tag.tag_id: tag for tag in self.tags}
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="fleet", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe(wire.topic(ROOT, "+", wire.DOWN_ACK), 1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._joined = False

    def live_on(self, records: int) -> None:
        """Let each tag note so many more records."""
        for tag in self.tags:
            tag.live(self._chance, tag.newest + records)

    def enrol(self, register: Register) -> None:
        """Make the fleet known, each tag on a lent bed of its own."""
        with register.write() as conn:
            places.add_place(conn, "home", None, "loan_address", "Home", at=LENT)
            for tag in self.tags:
                assets.add_asset(conn, tag.asset_id, "bed", "Profiling bed", at=LENT)
                tag.enrol(conn)
                fittings.fit_tag(conn, tag.tag_id, tag.asset_id, LENT)
                loans.lend(conn, POLICY, f"LN-{tag.asset_id}", tag.asset_id, "home_first", "home", "home", LENT)

    @property
    def all_safe(self) -> bool:
        return all(tag.all_sent for tag in self.tags)

    def turn(self, seconds: float = 0.01) -> None:
        """Live for a moment: send what is due, hear what comes, seek a broker that is away."""
        if self._client.loop(seconds) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._joined = False
            self._seek(seconds)
        if self._joined:
            for tag in self.tags:
                message = tag.due()
                if message is not None:
                    self._client.publish(*message, qos=1)
                    self.sent += 1

    def upload(self, gateway: GatewayProcess, acks: int | None = None, patience: float = 60.0) -> None:
        """Turn until everything is safe, or until so many answers were heard and something is still to be told."""
        deadline = time.monotonic() + patience
        while not self.all_safe and (acks is None or self.acks < acks):
            assert not gateway.died()
            assert time.monotonic() < deadline, f"not all is safe after {patience:.0f} s: {self.outstanding()}"
            self.turn()
        assert acks is None or not self.all_safe, "nothing is left to disturb"

    def outstanding(self) -> dict[str, tuple[int, int]]:
        """How far the tags have got that still have something to tell: `high` and `newest`."""
        return {tag.tag_id: (tag.high, tag.newest) for tag in self.tags if not tag.all_sent}

    def hand_to(self, intake: Intake) -> None:
        """Upload everything without a broker, all that is due in one batch."""
        while not self.all_safe:
            for topic, answer in intake.take([message for tag in self.tags if (message := tag.due())]):
                self._of[topic.split("/")[2]].answered(topic, answer)

    def close(self) -> None:
        self._client.disconnect()

    def _seek(self, seconds: float) -> None:
        try:
            self._client.connect("127.0.0.1", self._port)
        except OSError:
            time.sleep(seconds)

    def _on_subscribe(self, *_: object) -> None:
        self._joined = True

    def _on_disconnect(self, *_: object) -> None:
        self._joined = False

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.acks += self._of[message.topic.split("/")[2]].answered(message.topic, message.payload)
