"""A virtual tag: the shipping firmware on MicroPython on this computer."""

import time
from pathlib import Path
from typing import Any

from kitback.virtual.stories import SSID, radios_at
from kitback.virtual.tag import VirtualTag
from kitback.virtual.world import Event, World

_BENCH_S = 900


class VirtualRig:
    """A virtual tag on a bench: mains, a network, nothing happens."""

    tag_id = "7c9ebd000001"

    def __init__(self, directory: Path) -> None:
        start = int(time.time())
        world = World(
            tag_id=self.tag_id,
            start_s=start,
            end_s=start + _BENCH_S,
            drift_ppm=4_000,
            seed=1,
            places={"bench": radios_at("bench", seed=1)},
            events=(Event(start, "at", "bench"), Event(start, "mains", 1), Event(start, "network", 1)),
        )
        self._tag = VirtualTag(directory, world)
        self.port = self._tag.port

    def provision(self, provision: dict[str, Any]) -> None:
        self._tag.provision(provision | {"networks": [[SSID, "bench-password"]]})

    def broker(self) -> None:
        return None

    def power_on(self, serial: Any) -> None:  # noqa: ARG002 - a virtual tag has no reset line
        self._tag.start()

    def close(self) -> None:
        self._tag.stop()
