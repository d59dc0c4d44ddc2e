"""The figures of bench.intake as the tables of docs/performance.md."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- figures: written by python -m bench.intake --markdown -->"
END: Final = "<!-- end of figures -->"
_LEAST_SHARE = 0.01


def put(page: Path, figures: dict[str, Any]) -> None:
    """Put the tables in the place that a page keeps for them.

    Raises:
        ValueError: it keeps none.
    """
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} keeps no place for figures: give it a line {BEGIN!r} and a line {END!r}")
    before, rest = text.split(BEGIN, 1)
    page.write_text(before + BEGIN + "\n" + tables(figures) + END + rest.split(END, 1)[1], encoding="utf-8")


def tables(figures: dict[str, Any]) -> str:
    """All tables, for those figures that there are."""
    machine, load = figures["machine"], figures["load_alone"]
    parts = [
        f"{machine['cpus']} processors ({machine['model']}), Python {machine['python']}, {machine['mosquitto']}, "
        f"{machine['influxdb']}, all on one machine; load of others when it began: {machine['load_before']}. The load "
        f"alone reaches {load['messages_per_s']:,} messages a second of {load['bytes_a_message']} bytes."
    ]
    for size, measured in figures["full_speed"].items():
        parts.append(_full_speed(size, measured))
    if figures["growth"]:
        parts.append(_growth(figures["growth"]))
    if backlog := figures.get("backlog"):
        parts.append(_backlog(backlog))
    if profile := figures.get("profile_us_per_message"):
        parts.append(_profile(profile))
    return "\n\n".join(["", *parts, ""])


def _full_speed(size: str, measured: dict[str, Any]) -> str:
    sides = {name: side for name, side in measured.items() if isinstance(side, dict) and "records_per_s" in side}
    rows: list[list[Any]] = [
        ["messages a second", *(side["messages_per_s"] for side in sides.values())],
        ["records a second, until InfluxDB has the last", *(side["written_per_s"] for side in sides.values())],
        ["kitback is faster by", *(_times(measured["ratio_to"].get(name)) for name in sides)],
        ["acks that reached their tags", *(side["acked_to_tags"] for side in sides.values())],
        ["points missing in InfluxDB", *(side["points_missing"] for side in sides.values())],
        ["peak memory, MiB", *(side["peak_mib"] for side in sides.values())],
        ["processor seconds a million records: itself", *(_own_cpu(side, name) for name, side in sides.items())],
        *(
            [f"the same: {part}", *(side["cpu_s_per_million_records"][part] for side in sides.values())]
            for part in ("mosquitto", "influxdb", "load")
        ),
        ["processor seconds that others took meanwhile", *(side["cpu_s_of_others"] for side in sides.values())],
    ]
    late = measured["kitback"]["latency"]
    return (
        f"**Records: {size}**, {measured['messages']:,} reports of {measured['tags']:,} tags, medians of "
        f"{measured['runs']} runs\n\n{_table(['', *sides], rows)}\n\n"
        f"From PUBLISH to queryable, at {late['messages_per_s']:,.0f} messages a second: p50 {late['p50_s']} s, p99 "
        f"{late['p99_s']} s, the longest {late['max_s']} s ({late['markers']:.0f} markers, looked for every "
        f"{late['resolution_s']} s)."
    )


def _own_cpu(side: dict[str, Any], name: str) -> Any:
    used = side["cpu_s_per_million_records"]
    return used["gateway" if name == "kitback" else name]


def _growth(growth: list[dict[str, Any]]) -> str:
    names = {
        "tags": "known tags",
        "messages_per_s": "messages a second",
        "peak_mib": "peak memory, MiB",
        "start_s": "start, s",
        "enrol_s": "enrolment, s",
    }
    return "**Growth**\n\n" + _table(names.values(), ([each[name] for name in names] for each in growth))


def _backlog(backlog: dict[str, Any]) -> str:
    names = {
        "lines": "lines",
        "drained_lines_per_s": "drained, lines a second, while as many come in",
        "taken_per_s_influxdb_away": "reports taken in a second, InfluxDB away",
        "taken_per_s_while_draining": "the same, while the backlog drains",
        "points_missing": "points missing in InfluxDB",
        "peak_mib": "peak memory, MiB",
    }
    return "**Backlog**\n\n" + _table(["", ""], ([words, backlog[name]] for name, words in names.items()))


def _profile(profile: dict[str, float]) -> str:
    whole = sum(profile.values())
    rows = [[name, took, f"{took / whole:.0%}"] for name, took in profile.items() if took / whole >= _LEAST_SHARE]
    return "**Where the intake's time goes**, under the profiler\n\n" + _table(["module", "µs a report", "share"], rows)


def _table(heads: Iterable[str], rows: Iterable[list[Any]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _times(ratio: float | None) -> str | None:
    return None if ratio is None else f"{ratio} times"
