"""No reachable state prints, stores or sends a key, a password, a network's name, or an address that the tag heard."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import gate
import lives
from brokers import Mosquitto
from kitback import wire
from kitback.virtual.tag import VirtualTag
from paper_gateway import PaperGateway

HOUR, DAY = lives.HOUR, lives.DAY
BROKER_PASSWORD = "staple-of-the-broker"
CONNECTIONS = 200
"""More than the story has."""

HEARD = {
    "the access point it joins": lives.HOME_WIFI,
    "a neighbour's access point": lives.NEIGHBOUR_WIFI,
    "a neighbour's network": lives.NEIGHBOUR_SSID.encode(),
    "the store's access point": lives.STORE_WIFI,
    "a beacon": lives.HOME_BEACON,
    "somebody's telephone": lives.TELEPHONE,
}
GIVEN = {
    "the tag's secret": lives.SECRET,
    "the anchor key": lives.ANCHOR_KEY,
    "the network's name": lives.SSID.encode(),
    "the network's password": lives.PASSWORD.encode(),
}

STORY: list[lives.Told] = [
    (3 * HOUR, "motion", 1),
    (3 * HOUR + 15, "loaded", 1),
    (3 * HOUR + 200, "loaded", 0),
    (5 * HOUR, "motion", 1),
    (5 * HOUR + 60, "at", "store"),
    (5 * HOUR + 120, "motion", 1),
    (20 * HOUR, "network", 0),
    (30 * HOUR, "power", 0),
    (31 * HOUR, "power", 1),
    (32 * HOUR, "at", "home"),
    (32 * HOUR, "motion", 1),
    (40 * HOUR, "network", 1),
    (50 * HOUR, "battery_mv", 2900),
    (51 * HOUR, "battery_mv", 3900),
]

# What somebody may get wrong at the workbench. The tag lives half an hour with each.
WRONG: list[dict[str, Any]] = [
    {"networks": [[lives.SSID, lives.PASSWORD], [5, None]]},
    {"networks": [[lives.SSID]]},
    {"networks": [lives.PASSWORD]},
    {"secret": lives.SECRET.hex() + "0"},
    {"anchor_key": {"key": lives.ANCHOR_KEY.hex()}},
    {"kind": "bath"},
    {"broker": [BROKER_PASSWORD]},
    {"broker": ["127.0.0.1", 1]},
    {"ca": lives.SECRET.hex()},
]


@dataclass
class Traces:
    """All that a tag leaves behind."""

    log: bytes
    flash: bytes
    nvs: bytes
    """Without the provisioning: that is where these things belong."""
    rtc: bytes
    sent: bytes
    gateway: PaperGateway


def forms(secret: bytes) -> dict[str, bytes]:
    """The shapes that a slip could give it."""
    plain = secret.hex()
    return {
        "bytes": secret,
        "reversed": secret[::-1],
        "hex": plain.encode(),
        "HEX": plain.upper().encode(),
        "colons": secret.hex(":").encode(),
        "COLONS": secret.hex(":").upper().encode(),
        "repr": repr(secret).encode()[2:-1],
        "base64": b64encode(secret).rstrip(b"="),
    }


def found(traces: dict[str, bytes], secrets: dict[str, bytes]) -> list[str]:
    return [
        f"{name} as {form} in {where}"
        for name, secret in secrets.items()
        for form, shape in forms(secret).items()
        for where, trace in traces.items()
        if shape in trace
    ]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    tmp_path = tmp_path_factory.mktemp("privacy")
    broker = Mosquitto(tmp_path)
    broker.start()
    gateway = PaperGateway(broker.port, lives.SECRET)
    sent = bytearray()

    def listen(said: bytes) -> bool:
        sent.extend(said)
        return False

    guards = [gate.through(broker.port, listen) for _ in range(CONNECTIONS)]
    guards[3:3] = [gate.hangs_up, gate.silent]
    tapped = gate.Gate(broker.port, *guards)
    right = lives.provision("hoist", tapped.port) | {"user": "tag", "password": BROKER_PASSWORD}
    directory = tmp_path / "tag"

    def live(days: float, events: list[lives.Told], provision: dict[str, Any]) -> VirtualTag:
        # Restarts have it write down what its RTC memory holds.
        tag = VirtualTag(directory, lives.world(days, events, mains=0), provision, restart_every=30)
        try:
            tag.start()
            assert tag.wait(60), "the life did not end"
        finally:
            tag.stop()
        return tag

    try:
        log = live(2.5, STORY, right).log
        rtc = bytes.fromhex(json.loads((directory / "state.json").read_text())["memory"])
        for wrong in WRONG:
            live(0.02, [(HOUR // 4, "motion", 1)], right | wrong)
        nvs = (directory / "nvs").read_text(encoding="ascii").splitlines()
        kept = [line.split() for line in nvs if not line.startswith("kitback provision ")]
        yield Traces(
            log=log.read_bytes(),
            flash=(directory / "flash.bin").read_bytes(),
            nvs=b"\n".join(
                b"%s %s" % (key.encode(), bytes.fromhex(value) if kind == "blob" else value.encode())
                for _, key, kind, value in kept
            ),
            rtc=rtc,
            sent=bytes(sent),
            gateway=gateway,
        )
    finally:
        tapped.close()
        gateway.close()
        broker.stop()


def test_the_story_went_through_the_states_that_could_tell(traces: Traces) -> None:
    said = traces.log.decode()
    for words in (
        "boot power_on",
        "no network",
        "report failed: OSError",
        "report failed: AttributeError",
        "not provisioned: no such kind",
        "not provisioned: bad or missing",
        "acked",
    ):
        assert words in said, words
    fixes = traces.gateway.of(wire.Fix)
    assert len({frozenset(heard.anchor for heard in fix.heard) for fix in fixes}) == 2
    for fix in fixes:
        for heard in fix.heard:
            assert heard.anchor.encode() in traces.flash
            assert heard.anchor.encode() in traces.sent, "the ear on the wire hears"
    assert len(traces.rtc) > 100


def test_nothing_it_was_given_is_printed_stored_or_sent(traces: Traces) -> None:
    everywhere = {"the log": traces.log, "the flash": traces.flash, "NVS": traces.nvs, "RTC memory": traces.rtc}
    assert found(everywhere | {"the wire": traces.sent}, GIVEN) == []
    assert found(everywhere, {"the broker's password": BROKER_PASSWORD.encode()}) == []


def test_nothing_it_heard_is_printed_stored_or_sent(traces: Traces) -> None:
    lasting = {"the log": traces.log, "the flash": traces.flash, "NVS": traces.nvs, "the wire": traces.sent}
    assert found(lasting, HEARD) == []
    # RTC memory goes with the power; it may hold the one access point that the tag itself uses, to find it faster.
    others = {name: secret for name, secret in HEARD.items() if secret != lives.HOME_WIFI}
    assert found({"RTC memory": traces.rtc}, others) == []
