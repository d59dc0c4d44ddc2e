"""A place without any Wi-Fi."""

tries = 0


class WLAN:
    IF_STA = 0

    def __init__(self, interface):
        pass

    def active(self, on=None):
        return False

    def config(self, reconnects):
        global tries
        tries += 1

    def ifconfig(self):
        return ("0.0.0.0",) * 4

    def connect(self, ssid, password, bssid):
        pass

    def disconnect(self):
        pass

    def isconnected(self):
        return False

    def scan(self):
        return []
