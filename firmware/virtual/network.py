"""`network` of the ESP32 port: one Wi-Fi station, whose air is the world's and whose packets are the PC's own."""

import world

STA_IF = 0
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201

_SCAN_US = 2_500_000
_SEARCH_US = 400_000  # for an access point that is not named
_ASSOCIATE_US = 300_000
_DHCP_US = 500_000
_LENT = ("192.168.1.20", "255.255.255.0", "192.168.1.1", "192.168.1.1")
_WPA2 = 3


class WLAN:
    IF_STA = STA_IF

    def __init__(self, interface_id=STA_IF):
        if interface_id != STA_IF:
            raise ValueError("only the station interface exists here")

    def active(self, is_active=None):
        if is_active is None:
            return _radio.on
        if not is_active:
            self.disconnect()
        _radio.on = bool(is_active)
        return None

    def scan(self):
        _need_radio()
        world.wait(_SCAN_US)
        # The port names a hidden network b"", and says of none that it is hidden.
        return [
            (b"" if hidden else ssid, bssid, channel, rssi + world.noise(4), _WPA2, False)
            for ssid, bssid, channel, rssi, hidden in world.heard_wifi()
        ]

    def connect(self, ssid=None, key=None, *, bssid=None):
        _need_radio()
        self.disconnect()
        wanted = ssid.encode() if isinstance(ssid, str) else ssid
        if not any(name == wanted and bssid in (None, its) for name, its, *_ in world.heard_wifi()):
            _radio.status = STAT_NO_AP_FOUND
            return
        _radio.status = STAT_CONNECTING
        if world.state["network"]:
            world.wait(_ASSOCIATE_US + (0 if bssid else _SEARCH_US) + (0 if _radio.address else _DHCP_US))
            world.join_network()
            _radio.status = STAT_GOT_IP

    def disconnect(self):
        world.leave_network()
        _radio.status = STAT_IDLE

    def isconnected(self):
        return world.on_network()

    def ifconfig(self, address=None):
        if address is None:
            return (_radio.address or _LENT) if self.isconnected() else ("0.0.0.0",) * 4
        _radio.address = None if address == "dhcp" else address
        return None

    def config(self, *, reconnects):
        """After a refusal the real one tries so many times more. Here nobody is refused."""

    def status(self, param=None):
        if param == "rssi":
            return max([rssi for _, _, _, rssi, _ in world.heard_wifi()]) + world.noise(4)
        return _radio.status


class _Radio:
    """The one radio; a WLAN object is only a handle on it."""

    on = False
    status = STAT_IDLE
    address = None  # without one, DHCP gives it


_radio = _Radio()


def _need_radio():
    if not _radio.on:
        raise OSError("WiFi Not Started")


def power_down():
    """What a reset does to the radio."""
    _radio.on = False
    _radio.status = STAT_IDLE
    _radio.address = None
