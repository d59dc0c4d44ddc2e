"""Writes the world that a virtual tag lives in. firmware/virtual/world.py reads it, and says what the words mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

Key = Literal[
    "occupied", "loaded", "kg", "tilt", "shake", "motor", "mains", "motion", "power", "battery_mv", "at", "network"
]


class Event(NamedTuple):
    """Something changes. Events sort by time; those of one second keep the order they were made in."""

    at: int
    """Unix time in seconds."""
    key: Key
    value: int | str


@dataclass(frozen=True)
class Wifi:
    """An access point within reach of a place."""

    ssid: str
    bssid: bytes
    channel: int
    rssi: int
    hidden: bool = False

    def __str__(self) -> str:
        return f"wifi {self.ssid} {self.bssid.hex()} {self.channel} {self.rssi}" + " hidden" * self.hidden


@dataclass(frozen=True)
class Ble:
    """A Bluetooth advertiser within reach of a place; a random address changes with time and marks no place."""

    address: bytes
    rssi: int
    random: bool = False

    def __str__(self) -> str:
        return f"ble {self.address.hex()} {self.rssi}" + " random" * self.random


Radio = Wifi | Ble
Endpoint = tuple[str, int]


@dataclass(frozen=True)
class World:
    """All that happens around one tag from `start_s` to `end_s`."""

    tag_id: str
    start_s: int
    end_s: int
    drift_ppm: int
    """How much faster than true time the tag's oscillator runs."""
    seed: int
    places: dict[str, tuple[Radio, ...]]
    events: tuple[Event, ...]
    routes: Mapping[Endpoint, Endpoint] = field(default_factory=dict)
    """Where on this machine the tag finds the hosts and ports that it knows."""

    def write(self, path: Path) -> None:
        """Write the world as the tag's file."""
        path.write_text("".join(line + "\n" for line in self._lines()), encoding="ascii")

    def _lines(self) -> Iterable[str]:
        yield f"tag {self.tag_id}"
        yield f"start {self.start_s}"
        yield f"end {self.end_s}"
        yield f"drift_ppm {self.drift_ppm}"
        yield f"seed {self.seed}"
        for (host, port), (here, its_port) in self.routes.items():
            yield f"route {host} {port} {here} {its_port}"
        for place, radios in self.places.items():
            for radio in radios:
                yield f"radio {place} {radio}"
        for at, key, value in sorted(self.events, key=lambda event: event.at):
            yield f"{at} {key} {value}"
