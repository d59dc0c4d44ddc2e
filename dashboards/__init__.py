"""Grafana dashboards, as Python. `python -m dashboards` writes each as JSON beside this file; that is what ships.

They ask InfluxDB in InfluxQL, which 1.8, 2 and 3 all speak, and name everything by uid. Grafana 11 or newer.
"""

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import stores_today

DASHBOARDS: Final = {"stores_today": stores_today.build}
"""How each dashboard is built, by the name of its file."""


def as_json(name: str) -> str:
    """A dashboard as Grafana reads it."""
    return json.dumps(DASHBOARDS[name](), cls=JSONEncoder, indent=2) + "\n"


def json_file(name: str) -> Path:
    """Where a dashboard's JSON is kept."""
    return Path(__file__).with_name(f"{name}.json")
