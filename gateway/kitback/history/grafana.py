"""Puts the data source, a folder and the dashboards into a Grafana. To do it again brings them up to date.

Everything is found by uid, so names and places that staff change are theirs to change; dashboards are overwritten.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaException
from niquests.exceptions import RequestException

from kitback.history.cause import cause

FOLDER: Final = "kitback"
SOURCE: Final = "kitback-history"
"""Uids. Every dashboard asks the data source of this one."""

_TIMEOUT_S = 10.0


class PushFailed(Exception):
    """Grafana did not take everything; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class History:
    """The bucket that history is written to, as Grafana reaches it."""

    url: str
    """Of the InfluxDB, from where Grafana runs."""
    token: str = field(repr=False)
    """One that may read the bucket; it needs no more."""
    bucket: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What is in place now."""

    addresses: list[str]
    """Of the dashboards."""
    warning: str | None
    """Why Grafana cannot read the history yet; None if it can."""


def push(url: str, token: str, history: History) -> Pushed:
    """Create or update everything in the Grafana at `url`.

    Args:
        token: of a service account with the role Admin; it creates a data source

    Raises:
        PushFailed: Grafana cannot be reached, refuses the token, or will not take something.
    """
    if not url.startswith(("http://", "https://")):
        raise PushFailed(f"{url} is no address of a Grafana: it begins with http:// or https://")
    base = url.rstrip("/")
    grafana = GrafanaApi.from_url(f"{base}/", token, _TIMEOUT_S)
    try:
        _put_source(grafana, history)
        if not _exists(grafana.folder.get_folder, FOLDER):
            grafana.folder.create_folder("Kitback", uid=FOLDER)
        uids = [_put_dashboard(grafana, json.loads(file.read_text())) for file in _dashboards()]
        return Pushed([f"{base}/d/{uid}" for uid in uids], _trouble(grafana, history))
    except GrafanaException as error:
        raise PushFailed(f"Grafana at {base} {_explain(error)}") from error
    except RequestException as error:
        raise PushFailed(f"Grafana at {base} cannot be reached, or is no Grafana: {cause(error)}") from error


def _put_source(grafana: GrafanaApi, history: History) -> None:
    source = {
        "uid": SOURCE,
        "name": "Kitback history",
        "type": "influxdb",
        "access": "proxy",
        "url": history.url,
        "jsonData": {"dbName": history.bucket, "httpMode": "GET", "httpHeaderName1": "Authorization"},
        "secureJsonData": {"httpHeaderValue1": f"Token {history.token}"},
    }
    if _exists(grafana.datasource.get_datasource_by_uid, SOURCE):
        grafana.datasource.update_datasource_by_uid(SOURCE, source)
    else:
        grafana.datasource.create_datasource(source)


def _put_dashboard(grafana: GrafanaApi, dashboard: dict[str, Any]) -> str:
    grafana.dashboard.update_dashboard({"dashboard": dashboard, "folderUid": FOLDER, "overwrite": True})
    return str(dashboard["uid"])


def _trouble(grafana: GrafanaApi, history: History) -> str | None:
    try:
        health = grafana.datasource.health(SOURCE)
    except GrafanaException as error:
        health = {"message": error.message}
    if health.get("status") == "OK":
        return None
    return (
        f"Grafana cannot read bucket {history.bucket} at {history.url} yet: {health.get('message')}. "
        "That is no fault while the bucket is empty; else check the address as Grafana sees it, the token, "
        "and on InfluxDB 2 the bucket's DBRP mapping"
    )


def _exists(get: Callable[[str], object], uid: str) -> bool:
    try:
        get(uid)
    except GrafanaException as error:
        if error.status_code == 404:
            return False
        raise
    return True


def _explain(error: GrafanaException) -> str:
    match error.status_code:
        case 401:
            return "does not know the token: make a new one for a service account"
        case 403:
            return "does not let the token do this: give its service account the role Admin"
        case 409 | 412:
            return f"already has something of that name that is not Kitback's: rename it there ({error.message})"
        case 0:
            return f"did not answer in time: {error.message}"
        case _:
            return f"answered: {error.message}"


def _dashboards() -> list[Traversable]:
    packaged = files("kitback") / "dashboards"
    # A source tree keeps them beside the gateway.
    folder = packaged if packaged.is_dir() else Path(__file__).parents[3] / "dashboards"
    return sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
