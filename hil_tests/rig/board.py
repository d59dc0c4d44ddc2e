"""A real ESP32 with the firmware on it, on a serial port.

It needs a Wi-Fi (KITBACK_HIL_WIFI, as `ssid:password`) and a broker that both the board and this computer
reach (KITBACK_HIL_BROKER, as `host:port`). The board is reset through the serial port's RTS line, as development boards
wire it.
"""

import json
import os
import time
from typing import Any

from kitback.fleet import line
from kitback.intake.sessions import Broker

_RESET_S = 0.1


class BoardRig:
    """The board on this port."""

    def __init__(self, port: str) -> None:
        self.port = port
        with line.opened(port) as board:
            self.tag_id = board.tag_id()

    def provision(self, provision: dict[str, Any]) -> None:
        ssid, _, password = _setting("KITBACK_HIL_WIFI", "ssid:password of a Wi-Fi").partition(":")
        blob = json.dumps(provision | {"networks": [[ssid, password]]}).encode()
        with line.opened(self.port) as board:
            board.keep("provision", blob)

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


def _setting(name: str, meaning: str) -> str:
    value = os.environ.get(name, "")
    if ":" not in value:
        raise RuntimeError(f"set {name} to {meaning}")
    return value
