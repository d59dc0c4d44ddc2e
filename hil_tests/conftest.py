"""Chooses the rig: a virtual tag, or with `--port /dev/ttyUSB0` the board there.

The test's id and the summary say which.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hil_tests.rig import Rig
from hil_tests.rig.board import BoardRig
from hil_tests.rig.virtual import VirtualRig

from kitback.clock import SystemClock
from kitback.register import Register, assets, fittings, tags
from kitback.service import Config, Gateway


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" in metafunc.fixturenames:
        metafunc.parametrize("rig", [_rig_name(metafunc.config)], indirect=True)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    terminalreporter.write_line(f"hil_tests ran on: {_rig_name(config)}")


def _rig_name(config: pytest.Config) -> str:
    return "board" if config.getoption("--port") else "virtual"


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    port = request.config.getoption("--port")
    rig: Rig = BoardRig(port) if port else VirtualRig(tmp_path / "tag")
    yield rig
    rig.close()


@pytest.fixture
def register(rig: Rig, tmp_path: Path) -> Iterator[Register]:
    """The register of a running gateway. The tag is in it, fitted to a bed, and provisioned for that gateway."""
    secret = os.urandom(32)
    register = Register.open(f"sqlite:///{tmp_path}/register.db")
    now = int(time.time())
    with register.write() as conn:
        tags.enrol_tag(conn, rig.tag_id, secret, at=now)
        assets.add_asset(conn, "bench-bed", "bed", "Bench", at=now)
        fittings.fit_tag(conn, rig.tag_id, "bench-bed", at=now)
    gateway = Gateway(
        Config(
            register=f"sqlite:///{tmp_path}/register.db",
            pepper=str(tmp_path / "pepper"),
            broker=rig.broker(),
            embedded_port=0,
        ),
        SystemClock(),
    )
    gateway.start()
    assert gateway.broker
    rig.provision(
        {
            "kind": "bed",
            "secret": secret.hex(),
            "anchor_key": os.urandom(16).hex(),
            "key_id": 1,
            "broker": [gateway.broker.host, gateway.broker.port],
            "user": None,
            "password": None,
            "root": "kitback",
        }
    )
    yield register
    gateway.stop()
    register.close()


@pytest.fixture
def embedded_services() -> str:
    """What pytest-embedded makes `dut` of."""
    return "serial"


@pytest.fixture
def port(rig: Rig, register: Register) -> str:  # noqa: ARG001 - the tag is provisioned before `dut` opens the port
    return rig.port
