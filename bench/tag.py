"""The tag's size and speed: `python -m bench.tag [--json FILE]`. All of it on the virtual board, none on hardware."""

import argparse
import json
import platform
import re
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import lives
from bench.rig import Life, Rig, on_micropython, opened
from kitback.fleet import application
from kitback.virtual.tag import firmware

_HOUR, _DAY = lives.HOUR, lives.DAY
_RUNS = 3
_SENSE_S = 60  # of a bed
_FULL = 150  # records of backlog, three messages of the largest size
_MBEDTLS_KIB = 36
_PUBLISHED = {"ms": 774, "mc": 108.6, "what": "MicroPython wake with a report, static address, QoS 0, no TLS, by PPK2"}

_WEAR = """
from tag.journal import Journal

class Flash:
    cells = bytearray(b"\\xff" * 65536)
    programs = erases = 0

    def ioctl(self, request, sector):
        if request == 6:
            self.erases += 1
            self.cells[sector * 4096 : sector * 4096 + 4096] = b"\\xff" * 4096
        return {4: 16, 5: 4096, 6: 0}[request]

    def readblocks(self, sector, buffer, at=0):
        buffer[:] = memoryview(self.cells)[sector * 4096 + at : sector * 4096 + at + len(buffer)]

    def writeblocks(self, sector, data, at):
        self.programs += 1
        self.cells[sector * 4096 + at : sector * 4096 + at + len(data)] = data

flash = Flash()
journal = Journal(flash, lambda: 1)
for i in range(given):
    journal.append(1, "use", 100_000 + 3600 * i, 3600, 1800, 2)
print(json.dumps([flash.programs / given, flash.erases / given]))
"""

_LEDGER = "from tag import energy\nprint(energy.used_uc(*given) / 1000)"


def main() -> None:
    """Print the figures, and write them to a file if told."""
    parser = argparse.ArgumentParser(prog="python -m bench.tag", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, opened(Path(scratch)) as rig:
        figures = {
            "board": f"virtual, MicroPython on {platform.machine()} Linux",
            "size": _size(),
            "heap": _heap(rig),
            "wire": _wire(rig),
            "flash": _flash(),
            "wake": _wake(rig),
            "energy": _energy(rig),
        }
    text = json.dumps(figures, indent=2)
    print(text)
    if told.json:
        told.json.write_text(text + "\n", encoding="utf-8")


def _size() -> dict[str, Any]:
    modules = application.compiled(firmware())
    ours = {name: len(code) for name, code in modules.items() if name.startswith("lib/tag/")}
    return {
        "mpy_bytes": sum(ours.values()),
        "mpy_modules": len(ours),
        "mpy_bytes_with_mqtt_client": sum(map(len, modules.values())),
    }


def _heap(rig: Rig) -> dict[str, Any]:
    """The smallest heap in which a first report with TLS and full messages works, less what the virtual board takes."""
    idle = rig.compiled.with_name("idle")
    shutil.copytree(rig.compiled, idle)
    (idle / "main.py").write_text("import machine\n\nmachine.deepsleep(3_600_000)\n")

    def reports(kib: int) -> bool:
        life = rig.live("bed", 0.02, [], tls=True, backlog=_FULL, tree=rig.compiled, heap=f"{kib}K")
        acked = [int(high) for high in re.findall(r"^acked (\d+)", life.log, re.MULTILINE)]
        return life.well and "report failed" not in life.log and bool(acked) and max(acked) > _FULL

    def idles(kib: int) -> bool:
        return rig.live("bed", 0.02, [], tree=idle, heap=f"{kib}K").well

    with_report, without = _least(reports), _least(idles)
    own = (with_report - without) / 2
    return {
        "report_cycle_tls_kib": own + _MBEDTLS_KIB,
        "of_which_micropython_kib": own,
        "of_which_mbedtls_assumed_kib": _MBEDTLS_KIB,
        "smallest_heap_64bit_kib": with_report,
        "of_which_virtual_board_kib": without,
        "target_kib": 96,
        "how": "smallest -X heapsize in which boot, scan, a TLS report of full messages and its acks succeed, compiled "
        "modules, their code included, less the smallest in which the bare virtual board runs; halved, because a word "
        "and a block of the heap are twice as large on the 64-bit port as on an ESP32; mbedTLS keeps its own memory "
        "outside MicroPython's heap on both, and it is assumed, not measured: 16 + 4 KiB of buffers as ESP-IDF sets "
        "them, 16 KiB for handshake and certificates",
    }


def _least(works: Any) -> int:
    """The smallest number of KiB that works, to 4 KiB."""
    low, high = 0, 512
    while high - low > 4:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def _wire(rig: Rig) -> dict[str, Any]:
    """What a hoist's one report a day costs on the wire, from its second day on."""
    plain = _daily(rig, tls=False)
    tls = _daily(rig, tls=True)
    connect = 2  # CONNECT and CONNACK are the first of each way
    return {
        "bytes_a_day": statistics.median(sum(talk.up) + sum(talk.down) for talk in plain),
        "target_bytes": 1536,
        "segments_up": statistics.median(len(talk.up) for talk in plain),
        "segments_down": statistics.median(len(talk.down) for talk in plain),
        "segments_after_connect": statistics.median(len(talk.up) + len(talk.down) - connect for talk in plain),
        "sizes_of_a_talk": {"up": plain[-1].up, "down": plain[-1].down},
        "bytes_a_day_with_tls": statistics.median(sum(talk.up) + sum(talk.down) for talk in tls),
        "what": "hoist with six lifts a day, one report a day, persistent session; TCP payload, segments as they came "
        "off the socket, bare TCP acknowledgements not counted",
    }


def _daily(rig: Rig, tls: bool) -> Any:
    lifts: list[lives.Told] = []
    for day in range(4):
        for lift in range(6):
            at = day * _DAY + (8 + 2 * lift) * _HOUR
            lifts += [(at, "motion", 1), (at + 15, "loaded", 1), (at + 255, "loaded", 0), (at + 270, "motion", 1)]
    return rig.live("hoist", 4.1, lifts, tls=tls).talks[2:]


def _flash() -> dict[str, Any]:
    programs, erases = on_micropython(_WEAR, 5000)
    return {
        "programs_a_record": programs,
        "target_programs": 1.1,
        "erases_a_record": erases,
        "target_erases": 0.02,
        "what": "5,000 records of use through a 64 KiB ring",
    }


def _wake(rig: Rig) -> dict[str, Any]:
    def took(days: float) -> float:
        return rig.live("bed", days, []).took_s

    more = 1
    runs = [(took(0.25 + more) - took(0.25)) * 1000 / (more * _DAY / _SENSE_S) for _ in range(_RUNS)]
    return {
        "host_ms_a_quiet_wake": round(statistics.median(runs), 3),
        "runs": [round(each, 3) for each in runs],
        "what": "a bed on battery, wakes a minute apart; its few reports are in it",
    }


def _energy(rig: Rig) -> dict[str, Any]:
    """From the ledger. The virtual board's time stands still while the application computes, so that is assumed."""
    story: list[lives.Told] = [(8 * _HOUR, "occupied", 1), (16 * _HOUR, "occupied", 0)]
    life = rig.live("bed", 1.6, story, tls=True)
    days = re.findall(rb'\["health",[^\]]*,(\d+),(\d+|null)\]', (life.directory / "flash.bin").read_bytes())
    return {
        "quiet_wake_mc": _used_mc(0),
        "report": _reports(rig.live("bed", 1.6, story)),
        "report_tls": _reports(life),
        "bed_day_mc": statistics.median(int(used) for used, _ in days),
        "bed_days_left_at_3900_mv": statistics.median(int(left) for _, left in days),
        "published": _PUBLISHED,
        "assumed": "docs/energy.md; a start takes 300 ms, computing after it none, joining a network what the virtual "
        "board says (0.3 s, and 0.5 s for an address when the last one is older than half an hour); QoS 1 and an ack "
        "awaited, over loopback, which is nearer than any broker",
    }


def _reports(life: Life) -> dict[str, Any]:
    """Medians over the cycles with a report, but for the first, which looks for the network."""
    talk = r"^wifi connected (\d+) ms$.*?^sleep \d+ ms after (\d+) ms awake$"
    _, *cycles = re.findall(talk, life.log, re.MULTILINE | re.DOTALL)
    awake_ms = statistics.median(int(awake) for _, awake in cycles)
    return {
        "joining_ms": statistics.median(int(joined) for joined, _ in cycles),
        "ms": awake_ms,
        "mc": _used_mc(awake_ms),
    }


def _used_mc(wifi_ms: float) -> float:
    """What a wake from deep sleep costs in which Wi-Fi is on for so long."""
    return float(round(on_micropython(_LEDGER, [0, int(wifi_ms), int(wifi_ms), 0, 0, 1]), 1))


if __name__ == "__main__":
    main()
