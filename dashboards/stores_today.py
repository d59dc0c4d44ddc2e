"""*Stores today*: what the stores have to act on now, what they have, and whether the tags can be believed."""

from typing import Final

from grafana_foundation_sdk.builders import barchart, bargauge, common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TableAutoCellOptions,
    TableCellBackgroundDisplayMode,
    TableColoredBackgroundCellOptions,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ValueMap,
    ValueMappingResult,
)

from dashboards.influxql import SOURCE, InfluxQL

KINDS: Final = {"bed": ("Beds", "blue"), "hoist": ("Hoists", "purple"), "mattress": ("Mattresses", "orange")}
STATES: Final = {
    "on_loan": ("On loan", "blue"),
    "prescribed": ("Prescribed", "yellow"),
    "available": ("Available", "green"),
    "returned": ("Returned, to be cleaned", "orange"),
    "decontaminated": ("Clean, to be inspected", "light-green"),
    "in_repair": ("In repair", "purple"),
    "scrapped": ("Scrapped", "text"),
}
REASONS: Final = {
    "unpowered": ("No mains power", "red"),
    "silent": ("Tag silent", "orange"),
    "recall": ("Called back", "red"),
    "not_delivered": ("Not delivered", "purple"),
    "thorough_exam_due": ("Thorough examination due", "yellow"),
    "seen_in_stores": ("Back in stores", "green"),
    "not_moved": ("Told as delivered, not moved", "purple"),
    "overdue": ("Past its loan period", "yellow"),
    "off_site": ("Somewhere else", "purple"),
    "never_used": ("Never used", "blue"),
    "idle": ("Not in use", "blue"),
    "review_due": ("Review due", "yellow"),
    "due_soon": ("Due soon", "yellow"),
    "in_use_not_on_loan": ("In use, on no loan", "purple"),
    "not_back": ("Told as returned, still there", "purple"),
    "service_due": ("Service due", "yellow"),
    "never_heard": ("Tag never heard", "orange"),
    "battery_low": ("Tag's battery low", "orange"),
}
"""What a page calls each rule of the watch, and its colour."""

# What is so now is told by the newest point of each series, however old it is: so the dashboard looks far back.
_FAR_BACK: Final = "now-1y"
_FLAGS: Final = (
    'SELECT last("open") AS "open", "since", "sentence" FROM "flag" WHERE $timeFilter GROUP BY "asset", "rule", "kind"'
)
_FLEET: Final = (
    'SELECT last("heard_24h") AS "heard", last("fitted") AS "fitted" FROM "fleet" '
    'WHERE $timeFilter GROUP BY "kind"'
)  # fmt: skip


def build() -> Dashboard:
    """The dashboard."""
    return (
        dashboard.Dashboard("Stores today")
        .uid("kitback-stores-today")
        .description("What to act on now, what is out and what is in, and whether the tags can be believed.")
        .tags(["kitback"])
        .timezone("Europe/London")
        .time(_FAR_BACK, "now")
        .timepicker(dashboard.TimePicker().hidden(True))
        .refresh("5m")
        .readonly()
        .with_panel(_flags_open())
        .with_panel(_safety_checks())
        .with_panel(_tags_heard())
        .with_panel(_last_word())
        .with_panel(_worklist())
        .with_panel(_assets())
        .with_panel(_tags_heard_by_kind())
        .with_panel(_used_by_day())
        .build()
    )


def _flags_open() -> stat.Panel:
    return (
        _number(
            "On the worklist",
            "Flags that are not closed. Kitback's own worklist leaves out those that are put off or held.",
        )
        .id(1)
        .with_target(InfluxQL(f'SELECT count("since") FROM ({_FLAGS}) WHERE "open" = true'))
        .no_value("0")
        .unit(units.Number)
        .thresholds(_thresholds("blue"))
    )


def _safety_checks() -> stat.Panel:
    return (
        _number("Safety checks", "Mattresses on loan that have no mains power, or whose tag has fallen silent.")
        .id(2)
        .with_target(
            InfluxQL(
                f'SELECT count("since") FROM ({_FLAGS}) WHERE "open" = true '
                "AND (\"rule\" = 'unpowered' OR (\"rule\" = 'silent' AND \"kind\" = 'mattress'))"
            )
        )
        .no_value("0")
        .unit(units.Number)
        .thresholds(_thresholds("green", (1, "red")))
    )


def _tags_heard() -> stat.Panel:
    return (
        _number("Tags heard in the last 24 hours", "Of all tags that are fitted. What is not heard cannot be judged.")
        .id(3)
        .with_target(InfluxQL(f'SELECT 100 * sum("heard") / sum("fitted") FROM ({_FLEET})'))
        .unit(units.Percent)
        .decimals(0)
        .thresholds(_HEARD)
    )


def _last_word() -> stat.Panel:
    return (
        _number("Last word from the gateway", "When Kitback last wrote here: everything on this page is as of then.")
        .id(4)
        .with_target(InfluxQL('SELECT last("fitted") FROM "fleet" WHERE $timeFilter'))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("/^Time$/"))
        .unit(units.DateTimeFromNow)
        .no_value("never")
        .thresholds(_thresholds("text"))
    )


def _worklist() -> table.Panel:
    columns = {
        "asset": "Asset",
        "kind": "Kind",
        "rule": "Reason",
        "since": "Since",
        "sentence": "What was seen, and what to do",
    }
    return (
        table.Panel()
        .id(5)
        .title("Worklist")
        .description(
            "Flags that are not closed, the oldest first, also those that are put off or held. Kitback's own worklist "
            "leaves these out, and has the loan and the place."
        )
        .datasource(SOURCE)
        .span(24)
        .height(11)
        .with_target(
            InfluxQL(
                f'SELECT "since" * 1000 AS "since", "sentence" FROM ({_FLAGS}) WHERE "open" = true '
                'GROUP BY "asset", "rule", "kind"',
                table=True,
            )
        )
        # Grafana puts columns that come from tags in any order.
        .with_transformation(
            DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": {name: place for place, name in enumerate(columns)},
                    "renameByName": columns,
                },
            )
        )
        .override_by_name("Asset", [_set("custom.width", 150)])
        .override_by_name("Kind", [_set("custom.width", 110), _named(KINDS, coloured=False)])
        .override_by_name(
            "Reason",
            [
                _set("custom.width", 190),
                _named(REASONS),
                _set(
                    "custom.cellOptions", TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC)
                ),
            ],
        )
        .override_by_name("Since", [_set("custom.width", 170), _set("unit", units.DateTimeFromNow)])
        .override_by_name(
            columns["sentence"], [_set("custom.cellOptions", TableAutoCellOptions(wrap_text=True))]
        )
        .sort_by([common.TableSortByFieldState().display_name("Since").desc(False)])
        .no_value("Nothing is flagged")
    )  # fmt: skip


def _assets() -> barchart.Panel:
    panel = (
        barchart.Panel()
        .id(6)
        .title("Assets")
        .description("How many of each kind are out on loan, and how many can be lent.")
        .datasource(SOURCE)
        .span(8)
        .height(8)
        .with_target(
            InfluxQL(
                'SELECT last("count") AS "count" FROM "assets" WHERE $timeFilter GROUP BY "kind", "state"', table=True
            )
        )
        .with_transformation(
            DataTransformerConfig(
                id_val="groupingToMatrix",
                options={"rowField": "kind", "columnField": "state", "valueField": "count", "emptyValue": "zero"},
            )
        )
        .x_field("kind\\state")
        .override_by_name("kind\\state", [_named(KINDS, coloured=False)])
        .orientation(VizOrientation.HORIZONTAL)
        .stacking(StackingMode.NORMAL)
        .show_value(VisibilityMode.ALWAYS)
        .legend(_legend())
        .unit(units.Number)
        .decimals(0)
    )
    for state, look in STATES.items():
        panel.override_by_name(state, _look(*look))
    return panel


def _tags_heard_by_kind() -> bargauge.Panel:
    panel = (
        bargauge.Panel()
        .id(7)
        .title("Tags heard in the last 24 hours, by kind")
        .description("Of the tags fitted to each kind. Mattresses report hourly, beds every 6 hours, hoists daily.")
        .datasource(SOURCE)
        .span(8)
        .height(8)
        .with_target(
            InfluxQL(
                f'SELECT 100 * "heard" / "fitted" FROM ({_FLEET}) WHERE "fitted" > 0 GROUP BY "kind"',
                alias="$tag_kind",
            )
        )
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .unit(units.Percent)
        .decimals(0)
        .min(0)
        .max(100)
        .thresholds(_HEARD)
    )
    for kind, (name, _) in KINDS.items():
        panel.override_by_name(kind, [_set("displayName", name)])
    return panel


def _used_by_day() -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .id(8)
        .title("Assets in use each day, last 30 days")
        .description("Days that tags have not yet told of look emptier than they were.")
        .datasource(SOURCE)
        .span(8)
        .height(8)
        .time_from("30d")
        .hide_time_override(True)
        .interval("1d")
        .with_target(
            InfluxQL(
                'SELECT count(distinct("asset")) FROM "use" WHERE "in_use" > 0 AND $timeFilter '
                "GROUP BY time($__interval), \"kind\" fill(none) tz('Europe/London')",
                alias="$tag_kind",
            )
        )
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL))
        .legend(_legend())
        .unit(units.Number)
        .decimals(0)
        .min(0)
    )
    for kind, look in KINDS.items():
        panel.override_by_name(kind, _look(*look))
    return panel


def _number(title: str, description: str) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(6)
        .height(4)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
    )


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _thresholds(base: str, *steps: tuple[float, str]) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().steps(
        [Threshold(color=base), *(Threshold(value=value, color=color) for value, color in steps)]
    )


_HEARD: Final = _thresholds("red", (80, "orange"), (95, "green"))


def _set(name: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(id_val=name, value=value)


def _look(name: str, color: str) -> list[DynamicConfigValue]:
    return [
        _set("displayName", name),
        _set("color", {"mode": FieldColorModeId.FIXED, "fixedColor": color}),
    ]


def _named(words: dict[str, tuple[str, str]], coloured: bool = True) -> DynamicConfigValue:
    results = {
        value: ValueMappingResult(text=text, color=color if coloured else None, index=index)
        for index, (value, (text, color)) in enumerate(words.items())
    }
    return _set("mappings", [ValueMap(options=results)])
