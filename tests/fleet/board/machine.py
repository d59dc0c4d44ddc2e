"""A board on the workbench: enough of `machine` to be provisioned. What `esp32` keeps is in the file `nvs`."""

import sys


def unique_id():
    return b"\x7c\x9e\xbd\x00\x00\x01"


def reset():
    print("reset")
    sys.exit()


class WDT:
    def __init__(self, timeout):
        assert timeout >= 60_000
