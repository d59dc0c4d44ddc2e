"""What is measured on: Mosquitto as deploy/ sets it up, InfluxDB, and a gateway, each a process of its own."""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import spent
from bench.fleet import ROOT, Fleet
from bench.front import Front
from brokers import accepts, free_port, until
from kitback.policy import load
from kitback.register import Register
from kitback.watch import judge

BUCKET = "kitback"
_PATIENCE_S = 60.0
_OURS = re.compile(r"(?m)^(listener|allow_anonymous|password_file|acl_file|persistence_location|log_dest) .*\n")
_DEPLOYED = Path(__file__).parents[1] / "deploy/mosquitto/mosquitto.conf"
_INFLUXDB = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  max-series-per-database = 0
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[monitor]
  store-enabled = false
"""


class Stand:
    """A broker and an InfluxDB, and what is started between them, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.register = str(folder / "register.db")
        self.broker_port = free_port()
        self._influx_port = free_port()
        self.front = Front(self._influx_port, free_port())
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}

    def open(self) -> None:
        self._start_broker()
        self._start_influx()
        self.front.start()

    def close(self) -> None:
        self.front.stop()
        for name in [*self._processes][::-1]:
            self.stop(name)

    def start(self, name: str, command: list[str], says: str | None = None) -> float:
        """Start a program; returns the seconds after which its output first said `says`."""
        self._logs[name] = log = self.folder / f"{name}.log"
        began = time.monotonic()
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        with log.open("wb") as out:
            self._processes[name] = process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
        if says is not None:
            until(lambda: says in self.log(name) or process.poll() is not None, _PATIENCE_S, f"{name}'s start")
            if process.poll() is not None:
                raise RuntimeError(f"{name} has ended: {self.log(name)}")
        return time.monotonic() - began

    def stop(self, name: str) -> None:
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log(self, name: str) -> str:
        return self._logs[name].read_text(encoding="utf-8", errors="replace")

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def start_gateway(self, fleet: Fleet, kitback: list[str]) -> dict[str, float]:
        """Enrol the fleet and start the gateway, `kitback` being its command; returns the seconds that each took."""
        began = time.monotonic()
        pepper = secrets.token_bytes(32)
        (self.folder / "pepper").write_bytes(pepper)
        register = Register.open(self.register)
        judge(register, load(), fleet.began)  # or the gateway would begin by setting all clocks, as for a new policy
        fleet.enrol(register, pepper)
        register.close()
        enrolled = time.monotonic() - began
        config = self.folder / "kitback.toml"
        config.write_text(
            f'register = "{self.register}"\npepper = "{self.folder}/pepper"\nroot = "{ROOT}"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {self.broker_port}\n[web]\nport = 0\n'
            f'[influx]\nurl = "{self.url}"\ntoken = "bench"\norg = "bench"\nbucket = "{BUCKET}"\n',
            encoding="ascii",
        )
        started = self.start("gateway", [*kitback, "gateway", "-c", str(config)], "Broker:")
        return {"enrol_s": round(enrolled, 1), "start_s": round(started, 1)}

    @property
    def url(self) -> str:
        """Where InfluxDB is, as newer versions are spoken to."""
        return f"http://127.0.0.1:{self.front.port}"

    def ask(self, influxql: str) -> list[dict[str, Any]]:
        """The series that a query in InfluxQL returns."""
        query = urlencode({"db": BUCKET, "q": influxql, "epoch": "u"})
        answer = self._get(f"/query?{query}")["results"][0]
        if "error" in answer:
            raise RuntimeError(f"InfluxDB: {influxql}: {answer['error']}")
        series: list[dict[str, Any]] = answer.get("series", [])
        return series

    def written(self) -> int:
        """Points that InfluxDB has said it has written; from then on they can be queried."""
        http = next(each for name, each in self._get("/debug/vars").items() if name.startswith("httpd"))
        return int(http["values"]["pointsWrittenOK"])

    def points(self, of: dict[str, str]) -> int:
        """Points there are, asked of one field for each measurement."""
        series = [each for name, field in of.items() for each in self.ask(f'SELECT count("{field}") FROM "{name}"')]  # noqa: S608
        return sum(int(each["values"][0][1]) for each in series)

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds so far, by process."""
        return {name: spent.cpu_s(process.pid) for name, process in self._processes.items()}

    def _get(self, path: str) -> Any:
        server = HTTPConnection("127.0.0.1", self._influx_port, timeout=_PATIENCE_S)
        server.request("GET", path)
        answer = json.loads(server.getresponse().read())
        server.close()
        return answer

    def _start_broker(self) -> None:
        config = self.folder / "mosquitto.conf"
        config.write_text(
            _OURS.sub("", _DEPLOYED.read_text(encoding="utf-8"))
            + f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence_location {self.folder}/\n"
            + ("user root\n" if os.geteuid() == 0 else ""),
            encoding="utf-8",
        )
        self.start("mosquitto", [_program("mosquitto"), "-c", str(config)])
        until(lambda: accepts(self.broker_port), what="Mosquitto's start")

    def _start_influx(self) -> None:
        config = self.folder / "influxdb.conf"
        config.write_text(
            _INFLUXDB.format(folder=self.folder, rpc=free_port(), http=self._influx_port), encoding="utf-8"
        )
        self.start("influxdb", [_program("influxd"), "-config", str(config)])
        until(lambda: accepts(self._influx_port), _PATIENCE_S, "InfluxDB's start")
        server = HTTPConnection("127.0.0.1", self._influx_port, timeout=_PATIENCE_S)
        server.request("POST", "/query?" + urlencode({"q": f'CREATE DATABASE "{BUCKET}"'}))
        server.getresponse().read()
        server.close()


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Stand]:
    """A stand that lives in a folder, which says on the standard error output what it is for."""
    print(folder.name, file=sys.stderr, flush=True)
    folder.mkdir(parents=True)
    stand = Stand(folder)
    try:
        stand.open()
        yield stand
    finally:
        stand.close()


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: run deploy/test-packages as root")
    return found
