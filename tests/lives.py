"""Lives for a virtual tag: the world around it, how it was provisioned, and the journal it begins with."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kitback.virtual.world import Ble, Event, Key, Wifi, World

START = 1_790_000_000
HOUR = 3600
DAY = 24 * HOUR

TAG_ID = "24a1b2c3d4e5"
SECRET = bytes(range(32))
ANCHOR_KEY = bytes(range(100, 116))
SSID = "Rosewood-Lodge"
PASSWORD = "correct-horse-battery"

HOME_WIFI = bytes.fromhex("021122334455")
NEIGHBOUR_WIFI = bytes.fromhex("02a1b3c5d7e9")
HOME_BEACON = bytes.fromhex("0a1122334455")
TELEPHONE = bytes.fromhex("7a1122334455")
STORE_WIFI = bytes.fromhex("029988776655")
NEIGHBOUR_SSID = "Mrs-Patel-upstairs"

PLACES = {
    "home": (
        Wifi(SSID, HOME_WIFI, 6, -60),
        Wifi(NEIGHBOUR_SSID, NEIGHBOUR_WIFI, 11, -78),
        Ble(HOME_BEACON, -50),
        Ble(TELEPHONE, -40, random=True),
    ),
    "store": (Wifi(SSID, STORE_WIFI, 1, -55),),
}

Told = tuple[int, Key, int | str]
"""Second of the life, what changes, and to what."""

_LONG_RING = """
from tag.journal import Journal

class Flash:
    # The rules of NOR are for other tests to keep.
    cells = bytearray(b"\\xff" * 65536)

    def ioctl(self, request, sector):
        if request == 6:
            self.cells[sector * 4096 : sector * 4096 + 4096] = b"\\xff" * 4096
        return {4: 16, 5: 4096, 6: 0}[request]

    def readblocks(self, sector, buffer, at):
        buffer[:] = memoryview(self.cells)[sector * 4096 + at : sector * 4096 + at + len(buffer)]

    def writeblocks(self, sector, data, at):
        self.cells[sector * 4096 + at : sector * 4096 + at + len(data)] = data

path, records, clock = given
try:
    with open(path, "rb") as file:
        file.readinto(Flash.cells)
except OSError:
    pass
book = Journal(Flash(), lambda: 1)
for i in range(records):
    book.append(clock, "use", 7200 + 60 * i, 60, 30, 1)
with open(path, "wb") as file:
    file.write(Flash.cells)
print(json.dumps(book.id))
"""


def world(days: float, events: Iterable[Told], tag_id: str = TAG_ID, mains: int = 1) -> World:
    """Some days of a tag at home."""
    first: list[Told] = [(0, "power", 1), (0, "mains", mains), (0, "battery_mv", 3900), (0, "at", "home")]
    return World(
        tag_id=tag_id,
        start_s=START,
        end_s=START + int(days * DAY),
        drift_ppm=0,
        seed=7,
        places=PLACES,
        events=tuple(Event(START + at, key, value) for at, key, value in [*first, (0, "network", 1), *events]),
    )


def provision(kind: str, port: int) -> dict[str, Any]:
    """How a tag of a kind is provisioned for a broker on this machine."""
    return {
        "kind": kind,
        "secret": SECRET.hex(),
        "anchor_key": ANCHOR_KEY.hex(),
        "key_id": 1,
        "networks": [[SSID, PASSWORD]],
        "broker": ["127.0.0.1", port],
        "user": None,
        "password": None,
        "root": "kitback",
    }


def age(directory: Path, on_tag: Callable[..., Any], records: int, clock: int = 0) -> str:
    """Let the tag in a directory note so many more records while nobody looks. Returns the journal's name."""
    directory.mkdir(exist_ok=True)
    journal: str = on_tag(_LONG_RING, [str(directory / "flash.bin"), records, clock])
    nvs = directory / "nvs"
    if not nvs.exists():
        nvs.write_text("kitback journals i32 1\n", encoding="ascii")
    return journal


def busy(first: int, last: int, every: int = 30 * 60) -> list[Told]:
    """Somebody lies down for ten minutes, again and again: two records each time."""
    changes: list[Told] = []
    for at in range(first, last, every):
        changes += [(at, "occupied", 1), (at + 600, "occupied", 0)]
    return changes
