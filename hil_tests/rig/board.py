"""A real ESP32 with the firmware on it, on a serial port.

It needs `mpremote`, a Wi-Fi (KITBACK_HIL_WIFI, as `ssid:password`) and a broker that both the board and this computer
reach (KITBACK_HIL_BROKER, as `host:port`). The board is reset through the serial port's RTS line, as development boards
wire it.
"""

import json
import os
import subprocess
import time
from typing import Any

from kitback.intake.sessions import Broker

_RESET_S = 0.1


class BoardRig:
    """The board on this port."""

    def __init__(self, port: str) -> None:
        self.port = port
        self.tag_id = self._run("import machine; print(machine.unique_id().hex())").strip()

    def provision(self, provision: dict[str, Any]) -> None:
        ssid, _, password = _setting("KITBACK_HIL_WIFI", "ssid:password of a Wi-Fi").partition(":")
        blob = json.dumps(provision | {"networks": [[ssid, password]]}).encode()
        self._run(f"import esp32; nvs = esp32.NVS('kitback'); nvs.set_blob('provision', {blob!r}); nvs.commit()")

    def broker(self) -> Broker:
        host, _, port = _setting("KITBACK_HIL_BROKER", "host:port of a broker that the board can reach").rpartition(":")
        return Broker(host, int(port))

    def power_on(self, serial: Any) -> None:
        serial.proc.setDTR(False)
        serial.proc.setRTS(True)
        time.sleep(_RESET_S)
        serial.proc.setRTS(False)

    def close(self) -> None:
        """The board goes on by itself."""

    def _run(self, code: str) -> str:
        return subprocess.run(
            ["mpremote", "connect", self.port, "exec", code], capture_output=True, text=True, check=True, timeout=30
        ).stdout


def _setting(name: str, meaning: str) -> str:
    value = os.environ.get(name, "")
    if ":" not in value:
        raise RuntimeError(f"set {name} to {meaning}")
    return value
