"""`kitback gateway`: its configuration, and the service as a process."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from brokers import until
from kitback.cli import settings
from kitback.cli.app import app
from kitback.service import Broker, Config, ConfigError, Web


def test_without_configuration_all_is_on_this_machine(tmp_path: Path) -> None:
    assert settings.read(None) == Config(
        register=str(tmp_path / "register.db"), pepper=str(tmp_path / "pepper"), web=Web("127.0.0.1", 8080)
    )


def test_the_environment_goes_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kitback.toml"
    file.write_text('root = "llr"\n[broker]\nhost = "mqtt.example.org"\nport = 1883\n[web]\nport = 80\n')
    monkeypatch.setenv("KITBACK_BROKER_PORT", "8883")
    monkeypatch.setenv("KITBACK_BROKER_PASSWORD", "123456")
    monkeypatch.setenv("KITBACK_SHARD_GROUPS", "4")
    config = settings.read(file)
    assert config.broker == Broker("mqtt.example.org", 8883, password="123456")
    assert config.web == Web(port=80)
    assert (config.root, config.shard_groups) == ("llr", 4)


def test_a_broker_may_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITBACK_BROKER_HOST", "localhost")
    monkeypatch.setenv("KITBACK_BROKER_PORT", "1884")
    assert settings.read(None).broker == Broker("localhost", 1884)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[broker]\nport = 1\n", "host"),
        ('[web]\nport = "http"\n', "web.port"),
        ("[wbe]\n", "wbe"),
        ("root = \n", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "kitback.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said) as error:
        settings.read(file)
    assert str(file) in str(error.value)


def test_a_mistake_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITBACK_WEB_PORT", "http")
    with pytest.raises(ConfigError, match="KITBACK_WEB_PORT in the environment"):
        settings.read(None)


def test_a_configuration_that_is_not_there_ends_the_command(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["gateway", "--config", str(tmp_path / "gone.toml")])
    assert told.exit_code == 2
    assert "gone.toml: No such file" in told.stderr


def test_a_bad_policy_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ours.toml").write_text("[kind.bde]\n")
    monkeypatch.setenv("KITBACK_POLICY", str(tmp_path / "ours.toml"))
    told = CliRunner().invoke(app, ["gateway"])
    assert told.exit_code == 2
    assert "kind.bde: no such kind" in told.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_service_serves_until_it_is_told_to_stop(tmp_path: Path, how: signal.Signals) -> None:
    environment = os.environ | {"KITBACK_EMBEDDED_PORT": "0", "KITBACK_WEB_PORT": "0", "PYTHONUNBUFFERED": "1"}
    out = tmp_path / "out"
    with out.open("w") as writing:
        process = subprocess.Popen(
            [sys.executable, "-m", "kitback.cli", "gateway"], env=environment, stdout=writing, stderr=subprocess.STDOUT
        )
    try:
        until(
            lambda: "Worklist: " in out.read_text() or process.poll() is not None,
            patience=30,
            what="the address of the worklist",
        )
        address = re.search(r"Worklist: (http://127\.0\.0\.1:\d+)/", out.read_text())
        assert address, out.read_text()
        assert httpx2.get(f"{address[1]}/api/worklist.json").json() == []
        process.send_signal(how)
        assert process.wait(timeout=20) == 0, out.read_text()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in out.read_text()
    assert (tmp_path / "register.db").exists()
