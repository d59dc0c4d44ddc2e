"""Real brokers on free ports of this machine: Debian's Mosquitto, and the one embedded in the gateway."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from iotcore import Broker as IotcoreBroker

_PATIENCE = 10.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(true: Callable[[], object], patience: float = _PATIENCE, what: str = "what was waited for") -> None:
    """Wait until something holds; fail when it takes too long."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come about in {patience} s"
        time.sleep(0.005)


def accepts(port: int) -> bool:
    """Whether something listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Mosquitto:
    """Mosquitto with persistence; it can be killed and come back with its sessions.

    `more` lines of configuration may open further listeners.
    """

    def __init__(self, directory: Path, more: str = "") -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin") or shutil.which(
            "mosquitto"
        )
        if program is None:
            raise FileNotFoundError("mosquitto is not installed: `make test` as root installs it, or see the README")
        self._program = program
        self.port = free_port()
        self._config = directory / "mosquitto.conf"
        self._config.write_text(
            "per_listener_settings true\n"
            f"persistence true\npersistence_location {directory}/\nautosave_on_changes true\nautosave_interval 1\n"
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{more}"
            + ("user root\n" if Path("/proc/self").owner() == "root" else "")
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: accepts(self.port), what="Mosquitto's start")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE)
            self._process = None


class Embedded:
    """The broker that the gateway brings along; it forgets everything when it stops."""

    def __init__(self) -> None:
        self.port = free_port()
        self._broker: IotcoreBroker | None = None

    def start(self) -> None:
        self._broker = IotcoreBroker(port=self.port, listen="127.0.0.1")
        self._broker.start()
        until(lambda: accepts(self.port), what="the embedded broker's start")

    def stop(self) -> None:
        if self._broker is not None:
            self._broker.stop()
            self._broker = None


AnyBroker = Mosquitto | Embedded
