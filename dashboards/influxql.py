"""The one query language of all dashboards, and the one data source they ask."""

from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SOURCE = DataSourceRef(type_val="influxdb", uid="kitback-history")


@dataclass(frozen=True)
class InfluxQL(Builder[Dataquery], Dataquery):
    """A query as it is written; the SDK brings no type for it.

    Grafana fills in `$timeFilter` and `$__interval`.
    """

    query: str
    alias: str = ""
    """What a series is called, such as `$tag_kind`; not for tables."""
    table: bool = False
    """Whether all series make one table, with a column for each tag."""

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "refId": "A",
            "datasource": SOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
            "alias": self.alias,
        }
