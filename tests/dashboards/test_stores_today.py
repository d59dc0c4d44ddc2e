"""Every panel's query, expanded as Grafana expands it, against a real InfluxDB filled by the product's own lines."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dashboards.stores_today import KINDS, REASONS, STATES

from dashboards import DASHBOARDS, as_json, json_file
from influx import Bucket
from kitback import wire
from kitback.history.grafana import SOURCE
from kitback.register import lines
from kitback.register.assets import KINDS as ALL_KINDS
from kitback.register.assets import STATES as ALL_STATES
from kitback.watch.rules import RULES

LONDON = ZoneInfo("Europe/London")
NOW = int(datetime(2026, 7, 1, 12, tzinfo=LONDON).timestamp())
DAY = 86400

Rows = list[dict[str, Any]]

STORES_TODAY = json.loads(json_file("stores_today").read_text())
PANELS = {panel["title"]: panel for panel in STORES_TODAY["panels"]}


def expanded(panel: dict[str, Any]) -> str:
    """A panel's query with its macros filled in, for a dashboard that is opened at NOW."""
    (target,) = panel["targets"]
    back = panel.get("timeFrom") or STORES_TODAY["time"]["from"].removeprefix("now-")
    span_s = int(back[:-1]) * {"d": DAY, "y": 365 * DAY}[back[-1]]
    span = f"time >= {(NOW - span_s) * 1000}ms and time <= {NOW * 1000}ms"
    return target["query"].replace("$timeFilter", span).replace("$__interval", panel.get("interval", "1h"))  # type: ignore[no-any-return]


def shown(bucket: Bucket, title: str, *told: bytes) -> Rows:
    """The rows of a panel after `told` was written."""
    if told:
        bucket.sink().write(b"\n".join(told))
    return bucket.ask(expanded(PANELS[title]))


def flag(asset: str, rule: str, kind: str, *, is_open: bool = True, days_ago: int = 1, said: str = "") -> bytes:
    at = NOW - days_ago * DAY
    return lines.flag_line(asset, rule, kind, is_open, at - 7 * DAY, said or f"{asset} {rule}", at)


FLAGS = [
    flag("BED-1", "idle", "bed", days_ago=9, said="Not used for 7 days."),
    flag("BED-1", "idle", "bed", days_ago=1, said="Not used for 15 days."),
    flag("BED-1", "overdue", "bed"),
    flag("BED-2", "idle", "bed", days_ago=9),
    flag("BED-2", "idle", "bed", days_ago=2, is_open=False),
    flag("HOI-1", "never_used", "hoist", days_ago=200),
    flag("HOI-1", "silent", "hoist"),
    flag("MAT-1", "unpowered", "mattress"),
    flag("MAT-2", "silent", "mattress"),
    flag("MAT-3", "silent", "mattress", days_ago=3),
    flag("MAT-3", "silent", "mattress", is_open=False),
    flag("BED-3", "off_site", "bed", is_open=False, days_ago=3),
    flag("BED-3", "off_site", "bed"),
]
OPEN = {
    ("BED-1", "idle"),
    ("BED-1", "overdue"),
    ("BED-3", "off_site"),
    ("HOI-1", "never_used"),
    ("HOI-1", "silent"),
    ("MAT-1", "unpowered"),
    ("MAT-2", "silent"),
}


def test_the_worklist_shows_open_flags_once_in_their_latest_words_and_no_closed_one(bucket: Bucket) -> None:
    rows = shown(bucket, "Worklist", *FLAGS)

    assert {(row["asset"], row["rule"]) for row in rows} == OPEN
    assert len(rows) == len(OPEN)
    (idle,) = (row for row in rows if row["rule"] == "idle")
    assert idle["sentence"] == "Not used for 15 days."
    assert idle["since"] == (NOW - 8 * DAY) * 1000
    assert idle["kind"] == "bed"


def test_a_flag_that_closes_leaves_the_worklist(bucket: Bucket) -> None:
    assert len(shown(bucket, "Worklist", flag("BED-1", "idle", "bed"))) == 1
    assert shown(bucket, "Worklist", flag("BED-1", "idle", "bed", is_open=False, days_ago=0)) == []


def test_flags_and_safety_checks_are_counted_while_open(bucket: Bucket) -> None:
    (flags,) = shown(bucket, "On the worklist", *FLAGS)
    (checks,) = shown(bucket, "Safety checks")
    assert flags["count"] == len(OPEN)
    assert checks["count"] == 2


@pytest.mark.parametrize("title", ["On the worklist", "Safety checks"])
def test_no_open_flag_is_shown_as_zero(bucket: Bucket, title: str) -> None:
    assert shown(bucket, title, flag("BED-1", "unpowered", "mattress", is_open=False)) == []
    assert PANELS[title]["fieldConfig"]["defaults"]["noValue"] == "0"


def test_assets_are_counted_by_kind_and_state_as_of_the_newest_gauge(bucket: Bucket) -> None:
    rows = shown(
        bucket,
        "Assets",
        lines.assets_line("bed", "on_loan", 7, NOW - DAY),
        lines.assets_line("bed", "on_loan", 8, NOW - 60),
        lines.assets_line("bed", "available", 2, NOW - 60),
        lines.assets_line("hoist", "on_loan", 3, NOW - 60),
    )
    assert {(row["kind"], row["state"]): row["count"] for row in rows} == {
        ("bed", "on_loan"): 8,
        ("bed", "available"): 2,
        ("hoist", "on_loan"): 3,
    }


def test_tags_heard_are_a_share_of_those_fitted_now(bucket: Bucket) -> None:
    told = [
        lines.fleet_line("bed", 9, 9, NOW - DAY),
        lines.fleet_line("bed", 8, 6, NOW - 60),
        lines.fleet_line("mattress", 2, 2, NOW - 60),
        lines.fleet_line("hoist", 0, 0, NOW - 60),
    ]
    (all_kinds,) = shown(bucket, "Tags heard in the last 24 hours", *told)
    by_kind = shown(bucket, "Tags heard in the last 24 hours, by kind")

    assert [value for name, value in all_kinds.items() if name != "time"] == [80]
    assert {row["kind"]: row["heard_fitted"] for row in by_kind} == {"bed": 75, "mattress": 100}


def test_the_last_word_is_the_time_of_the_newest_gauge(bucket: Bucket) -> None:
    (word,) = shown(
        bucket,
        "Last word from the gateway",
        lines.fleet_line("bed", 8, 6, NOW - 90),
        lines.fleet_line("hoist", 8, 6, NOW - 30),
    )
    assert word["time"] == (NOW - 30) * 1_000_000


def test_an_asset_counts_once_for_each_london_day_it_was_in_use(bucket: Bucket) -> None:
    midnight = NOW - NOW % DAY - 3600  # British summer time
    seq = iter(range(1, 99))

    def use(asset: str, kind: str, at_s: int, in_use: int = 60) -> bytes:
        record = wire.Use(next(seq), 0, 600, in_use, 1)
        return lines.record_line(f"tag{asset}", asset, kind, record, at_s, "paired")

    rows = shown(
        bucket,
        "Assets in use each day, last 30 days",
        use("BED-1", "bed", midnight - 60),
        use("BED-1", "bed", midnight - 7200),
        use("BED-2", "bed", midnight - 7200),
        use("BED-1", "bed", midnight + 60),
        use("BED-2", "bed", midnight + 60, in_use=0),
        use("HOI-1", "hoist", midnight + 60),
        use("BED-1", "bed", NOW - 40 * DAY),
    )

    def london_day(row: dict[str, Any]) -> str:
        return datetime.fromtimestamp(row["time"] / 1e6, LONDON).isoformat()

    assert {(row["kind"], london_day(row)): row["count"] for row in rows} == {
        ("bed", "2026-06-30T00:00:00+01:00"): 2,
        ("bed", "2026-07-01T00:00:00+01:00"): 1,
        ("hoist", "2026-07-01T00:00:00+01:00"): 1,
    }


def test_every_query_was_run_above() -> None:
    assert set(PANELS) == {
        "On the worklist",
        "Safety checks",
        "Tags heard in the last 24 hours",
        "Last word from the gateway",
        "Worklist",
        "Assets",
        "Tags heard in the last 24 hours, by kind",
        "Assets in use each day, last 30 days",
    }


def test_every_column_that_the_worklist_arranges_is_one_it_gets(bucket: Bucket) -> None:
    (row, *_) = shown(bucket, "Worklist", *FLAGS)
    (arrange,) = PANELS["Worklist"]["transformations"]
    assert set(arrange["options"]["indexByName"]) == set(row) - {"time"}
    overridden = {each["matcher"]["options"] for each in PANELS["Worklist"]["fieldConfig"]["overrides"]}
    assert overridden == set(arrange["options"]["renameByName"].values())


def test_every_rule_kind_and_state_has_a_name_on_the_page() -> None:
    assert set(REASONS) == {rule.name for rule in RULES}
    assert set(KINDS) == set(ALL_KINDS)
    assert set(STATES) == set(ALL_STATES)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_json_that_ships_is_what_the_python_says(name: str) -> None:
    assert json_file(name).read_text() == as_json(name), "run `python -m dashboards`"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_everything_is_named_by_uid_and_asks_the_one_data_source_in_influxql(name: str) -> None:
    board = json.loads(as_json(name))
    assert re.fullmatch(r"kitback-[a-z-]+", board["uid"])
    assert "id" not in board
    for panel in board["panels"]:
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "influxdb", "uid": SOURCE}
        assert all("$timeFilter" in target["query"] for target in panel["targets"])
        assert panel["description"]


def test_the_grafana_of_compose_has_the_data_source_that_a_push_makes() -> None:
    deploy = Path(__file__).parents[2] / "deploy"
    source = (deploy / "grafana" / "datasources.yaml").read_text()
    assert f"uid: {SOURCE}\n" in source
    assert "stores_today.json" in (deploy / "compose.yaml").read_text()
    (bucket,) = re.findall(r"dbName: (\w+)", source)
    assert f"KITBACK_INFLUX_BUCKET: {bucket}\n" in (deploy / "compose.yaml").read_text()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fill_the_page_and_lie_beside_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(as_json(name))["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert {x for x, _ in taken} == set(range(24))
