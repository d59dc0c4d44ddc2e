"""How fast reports go all the way: `python -m bench.intake --messages N --tags T [--records K] [--json FILE]`.

From MQTT at QoS 1 through the register to InfluxDB, on real Mosquitto and InfluxDB, the gateway as the process that
`kitback gateway` is; beside it, in turns, bench/tutorial.py with the same reports. Everything shares this machine.

- At full speed: tags that wait for the ack of their report before the next keep a window of reports in flight. The
  clock runs from the first PUBLISH until the last tag has its ack (`taken`), and until InfluxDB has the last point
  (`written`). The tutorial answers no tag: its load is held back by the broker's PUBACKs only.
- At half that speed: a marker report every 50 ms, and a query for it every 20 ms, tell the latency from PUBLISH to
  queryable.
- Growth: the same with more known tags (`--tags 1000 1000000`), one run each.
- Backlog: reports come in while InfluxDB is away, then it comes back and as many more come while the outbox drains.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import page, spent
from bench.fleet import ROOT, Fleet
from bench.load import Load, Plan, Sent
from bench.profiled import by_module
from bench.stand import BUCKET, Stand, opened

_WINDOW = 2000
"""Reports in flight; at most half of the tags, so that none has two."""
_PACED_S = 15
_MARKERS_A_S = 20
_LOOK_S = 0.02
_POLL_S = 0.05
_PATIENCE_S = 120.0
"""Points that have not come for so long are lost."""
_LOAD_ALONE = 100_000
_OURS = {"use": "quality", "fix": "quality", "health": "quality"}
_TUTORIALS = {"use": "span", "fix": "anchors", "health": "battery_mv"}
_TELEGRAF = """
[agent]
  omit_hostname = true
  flush_interval = "1s"
  metric_batch_size = 5000
  metric_buffer_limit = 100000
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["{root}/+/+/up/report"]
  topic_tag = ""
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  max_undelivered_messages = 10000
  data_format = "influx"
[[outputs.influxdb_v2]]
  urls = ["{url}"]
  token = "bench"
  organization = "bench"
  bucket = "{bucket}"
"""
_KITBACK = [sys.executable, "-m", "kitback.cli"]

Figures = dict[str, Any]


def full_speed(stand: Stand, plan: Plan, process: str, fields: dict[str, str]) -> Figures:
    """What a process that takes a plan's reports in makes of them."""
    records = plan.messages * plan.fleet.records
    before = stand.written()
    load = Load(plan)
    try:
        load.ready()
        cpu, ours, machine = stand.cpu_s(), spent.cpu_s(load.pid), spent.machine_cpu_s()
        load.begin()
        sent, written_at = _until_written(stand, load, before + records)
        cpu = {name: after - cpu[name] for name, after in stand.cpu_s().items()}
        cpu["load"] = spent.cpu_s(load.pid) - ours
        others = spent.machine_cpu_s() - machine - sum(cpu.values())
    finally:
        load.close()
    took = (sent.ended if plan.answered else written_at) - sent.began
    return {
        "messages_per_s": round(plan.messages / took),
        "records_per_s": round(records / took),
        "written_per_s": round(records / (written_at - sent.began)),
        "acked_to_tags": sent.answers if plan.answered else None,
        "points_missing": records - stand.points(fields) if not plan.first else None,
        "cpu_s_per_million_records": {name: round(used / records * 1e6, 1) for name, used in sorted(cpu.items())},
        "cpu_s_of_others": round(others, 1),
        "peak_mib": round(spent.peak_mib(stand.pid(process)), 1),
    }


def _until_written(stand: Stand, load: Load, points: int) -> tuple[Sent, float]:
    """Wait until a load is through and its points are written; also says when that was, by the monotonic clock."""
    last, at = stand.written(), time.monotonic()
    sent: Sent | None = None
    while last < points or sent is None:
        if sent is None and load.done():
            sent = load.result()
        if (now := stand.written()) > last:
            last, at = now, time.monotonic()
        if time.monotonic() - at > _PATIENCE_S:
            raise RuntimeError(f"{points - last} points of {points} have not come to InfluxDB")
        time.sleep(_POLL_S)
    return sent, at


def latency(stand: Stand, plan: Plan) -> Figures:
    """From PUBLISH to queryable, seconds, at a pace."""
    load = Load(plan)
    seen: list[float] = []
    marked = plan.fleet.tag_id(plan.fleet.tags)
    try:
        load.ready()
        load.begin()
        until = time.monotonic() + _PACED_S + _PATIENCE_S
        while len(seen) < plan.markers and time.monotonic() < until:
            newest = stand.ask(f'SELECT last("events") FROM "use" WHERE "tag" = \'{marked}\'')  # noqa: S608
            count = int(newest[0]["values"][0][1]) + 1 if newest else 0
            seen += [time.monotonic()] * (count - len(seen))
            time.sleep(_LOOK_S)
        sent = load.result()
    finally:
        load.close()
    took = sorted(after - before for before, after in zip(sent.markers, seen, strict=True))
    return {
        "messages_per_s": round(plan.rate),
        "markers": len(took),
        "resolution_s": _LOOK_S,
        "p50_s": round(statistics.median(took), 3),
        "p99_s": round(took[len(took) * 99 // 100], 3),
        "max_s": round(took[-1], 3),
    }


def kitback(
    folder: Path, messages: int, tags: int, records: int, paced: bool = False, profile: Path | None = None
) -> Figures:
    """One run of the gateway on a stand of its own."""
    with opened(folder) as stand:
        fleet = _fleet(tags, records, messages * 2)
        profiled = [sys.executable, "-m", "bench.profiled", str(profile)]
        begun = stand.start_gateway(fleet, profiled if profile else _KITBACK)
        plan = _plan(stand, fleet, 0, messages)
        figures: Figures = begun | full_speed(stand, plan, "gateway", _OURS)
        if paced:
            rate = figures["messages_per_s"] / 2
            later = Plan(
                stand.broker_port,
                fleet,
                messages,
                round(rate * _PACED_S),
                plan.window,
                rate=rate,
                markers=_PACED_S * _MARKERS_A_S,
            )
            figures["latency"] = latency(stand, later)
        return figures


def tutorial(folder: Path, messages: int, tags: int, records: int) -> Figures:
    """One run of the tutorial's script on a stand of its own."""
    with opened(folder) as stand:
        script = str(Path(__file__).with_name("tutorial.py"))
        stand.start("tutorial", [sys.executable, script, str(stand.broker_port), stand.url, BUCKET], "listening")
        plan = _unanswered(stand, _fleet(tags, records, messages), messages)
        return full_speed(stand, plan, "tutorial", _TUTORIALS)


def telegraf(program: Path, folder: Path, messages: int, tags: int, records: int) -> Figures:
    """One run of Telegraf, which is given the records as ready line protocol, on a stand of its own."""
    with opened(folder) as stand:
        config = folder / "telegraf.conf"
        config.write_text(
            _TELEGRAF.format(port=stand.broker_port, root=ROOT, url=stand.url, bucket=BUCKET), encoding="ascii"
        )
        stand.start("telegraf", [str(program), "--config", str(config)], "Connected [tcp://")
        plan = _unanswered(stand, _fleet(tags, records, messages), messages)
        return full_speed(stand, replace(plan, as_lines=True), "telegraf", _OURS)


def alone(folder: Path) -> Figures:
    """How fast the load itself is, when nobody subscribes to it."""
    with opened(folder) as stand:
        plan = _unanswered(stand, _fleet(1000, 1, _LOAD_ALONE), _LOAD_ALONE)
        load = Load(plan)
        try:
            load.ready()
            before = spent.cpu_s(load.pid)
            load.begin()
            sent = load.result()
            used = spent.cpu_s(load.pid) - before
        finally:
            load.close()
        return {
            "messages_per_s": round(_LOAD_ALONE / (sent.ended - sent.began)),
            "cpu_us_per_message": round(used / _LOAD_ALONE * 1e6, 2),
            "bytes_a_message": round(sent.bytes / _LOAD_ALONE),
        }


def backlog(folder: Path, lines: int, tags: int, records: int) -> Figures:
    """So many lines gather while InfluxDB is away; then they drain while as many more come in."""
    with opened(folder) as stand:
        messages = lines // records
        fleet = _fleet(tags, records, 2 * messages)
        stand.start_gateway(fleet, _KITBACK)
        stand.front.stop()
        away = _taken(_plan(stand, fleet, 0, messages), lambda: None)
        load_plan = _plan(stand, fleet, messages, messages)
        stand.front.start()
        while not (begun := stand.written()):
            time.sleep(_POLL_S)
        drain_began = time.monotonic()
        drained: list[float] = []

        def look() -> None:
            if not drained and stand.written() >= lines:
                drained.append(time.monotonic())

        meanwhile = _taken(load_plan, look)
        while not drained:
            look()
            time.sleep(_POLL_S)
        while stand.written() < 2 * lines:
            time.sleep(_POLL_S)
        return {
            "lines": lines,
            "taken_per_s_influxdb_away": away,
            "taken_per_s_while_draining": meanwhile,
            "ratio": round(meanwhile / away, 2),
            "drained_lines_per_s": round(max(lines - begun, 0) / (drained[0] - drain_began)),
            "both_done_lines_per_s": round((2 * lines - begun) / (time.monotonic() - drain_began)),
            "points_missing": 2 * lines - stand.points(_OURS),
            "peak_mib": round(spent.peak_mib(stand.pid("gateway")), 1),
        }


def _taken(plan: Plan, look: Callable[[], None]) -> int:
    """Messages a second that are taken in and acknowledged to their tags."""
    load = Load(plan)
    try:
        load.ready()
        load.begin()
        while not load.done():
            look()
            time.sleep(_POLL_S)
        sent = load.result()
    finally:
        load.close()
    return round(plan.messages / (sent.ended - sent.began))


def _fleet(tags: int, records: int, messages: int) -> Fleet:
    """A fleet whose newest report of so many is of yesterday."""
    turns = max(messages // tags + 1, _PACED_S * _MARKERS_A_S)
    return Fleet.until_yesterday(tags, records, turns)


def _plan(stand: Stand, fleet: Fleet, first: int, messages: int) -> Plan:
    return Plan(stand.broker_port, fleet, first, messages, min(_WINDOW, fleet.tags // 2))


def _unanswered(stand: Stand, fleet: Fleet, messages: int) -> Plan:
    """For who answers no tag: only the broker holds the load back."""
    return Plan(stand.broker_port, fleet, 0, messages, 4 * _WINDOW, answered=False)


def _median(runs: list[Figures]) -> Figures:
    """Each figure's median over the runs, in place."""
    found: Figures = {}
    for name, first in runs[0].items():
        values = [run[name] for run in runs]
        if isinstance(first, dict):
            found[name] = _median(values)
        else:
            found[name] = None if first is None else statistics.median(values)
    return found


def measure(folder: Path, asked: argparse.Namespace) -> Figures:
    """All figures asked for. Every run has a stand of its own in the folder."""
    messages, tags = asked.messages, asked.tags[0]
    sides: dict[str, Callable[[Path, int, int, int], Figures]] = {
        "kitback": partial(kitback, paced=True),
        "tutorial": tutorial,
    }
    if asked.telegraf:
        sides["telegraf"] = partial(telegraf, asked.telegraf)
    figures: Figures = {"machine": _machine(), "load_alone": alone(folder / "alone"), "full_speed": {}}
    for size in asked.records:
        runs: dict[str, list[Figures]] = {name: [] for name in sides}
        for run in range(asked.runs):
            for name, side in sides.items():
                runs[name].append(side(folder / f"{name}-{size}-{run}", messages, tags, size))
        figures["full_speed"][f"{size} a report"] = {
            "messages": messages,
            "tags": tags,
            "runs": asked.runs,
            **{name: _median(some) for name, some in runs.items()},
            "ratio_to": {name: _ratio(runs["kitback"], some) for name, some in runs.items() if name != "kitback"},
        }
    figures["growth"] = [{"tags": tags} | next(iter(figures["full_speed"].values()))["kitback"]] + [
        {"tags": count} | kitback(folder / f"growth-{count}", messages, count, asked.records[0])
        for count in asked.tags[1:]
    ]
    if asked.backlog:
        figures["backlog"] = backlog(folder / "backlog", asked.backlog, tags, asked.records[-1])
    if asked.profile:
        kitback(folder / "profile", messages, tags, asked.records[0], profile=asked.profile)
        figures["profile_us_per_message"] = {
            name: round(took / messages * 1e6, 2) for name, took in by_module(asked.profile).items()
        }
    return figures


def _ratio(ours: list[Figures], theirs: list[Figures]) -> float:
    """How many times their rate ours is, until InfluxDB has the last point on both sides; the median over the runs."""
    ratios: list[float] = [a["written_per_s"] / b["written_per_s"] for a, b in zip(ours, theirs, strict=True)]
    return round(statistics.median(ratios), 2)


def _machine() -> Figures:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next(line.partition(": ")[2] for line in info.splitlines() if line.startswith("model name"))
    return {
        "cpus": os.cpu_count(),
        "model": model,
        "python": platform.python_version(),
        "mosquitto": _says("mosquitto -h"),
        "influxdb": _says("influxd version"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _says(command: str) -> str:
    path = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False, env={"PATH": path})
    return done.stdout.splitlines()[0]


def main() -> None:
    """Measure, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.intake", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, metavar="N", help="reports a run")
    parser.add_argument(
        "--tags", type=int, nargs="+", default=[1000, 10_000], metavar="T", help="known tags; each growth"
    )
    parser.add_argument("--records", type=int, nargs="+", default=[1, 8], metavar="K", help="records a report")
    parser.add_argument("--runs", type=int, default=1, metavar="R")
    parser.add_argument("--backlog", type=int, default=100_000, metavar="LINES", help="0 leaves it out")
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="one more run, with a profile of the intake in FILE"
    )
    parser.add_argument("--telegraf", type=Path, metavar="PROGRAM", help="run an installed Telegraf beside it, too")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="PAGE", help="put the figures into docs/performance.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), asked)
    text = json.dumps(figures, indent=2)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n", encoding="utf-8")
    if asked.markdown:
        page.put(asked.markdown, figures)


if __name__ == "__main__":
    main()
