"""Joining: the short way while it is fresh and good, the long way else, an end to both."""

import pytest

JOIN = """
import machine, network, time
from tag import clock, retained, wifi
from tag.retained import state

LENT = ("192.168.1.20", "255.255.255.0", "192.168.1.1", "192.168.1.9")
network.STAT_IDLE = 1000

class Air:
    # Access points that can be heard: (name, address, dBm) -> the password that it takes.
    points = {}
    slow = False  # takes for ever to let anybody in
    hidden = ()  # addresses of those that do not tell their name
    tried = []
    scans = 0
    fixed = None
    on = None

class Wlan:
    IF_STA = 0
    def __init__(self, interface): pass
    def active(self, on=None): return True
    def config(self, reconnects): assert reconnects >= 0, "never says that a password is wrong"
    def disconnect(self): Air.on = None
    def isconnected(self): return bool(Air.on)
    def status(self): return 202 if Air.on is False else 1001
    def ifconfig(self, address=None):
        if address is None:
            return Air.fixed or LENT
        Air.fixed = None if address == "dhcp" else address
    def scan(self):
        Air.scans += 1
        time.ms += 2500
        return [
            (b"" if address in Air.hidden else name.encode(), address, 6, rssi, 3, False)
            for name, address, rssi in Air.points
        ]
    def connect(self, ssid, password, bssid):
        Air.tried.append([ssid, bssid and bssid.hex(), Air.fixed and Air.fixed[0]])
        Air.on = None
        for (name, address, _), wanted in Air.points.items():
            if name == ssid and bssid in (None, address) and not Air.slow:
                Air.on = wanted == password

network.WLAN = Wlan
wifi.print = lambda *words: None
A, B, C = b"\\x02aaaaa", b"\\x02bbbbb", b"\\x02ccccc"
NETWORKS = [["ward", "one"], ["home", "two"]]
state.clock = 1

def join(after=60):
    # How it went: whether it worked, what was tried, how often it listened, how long it took.
    time.seconds += after
    Air.tried, Air.scans, began = [], 0, time.ms
    return [wifi.join(NETWORKS), Air.tried, Air.scans, time.ms - began]
"""

A, B, C = (b"\x02" + letter * 5 for letter in (b"a", b"b", b"c"))


def test_the_first_time_the_strongest_access_point_of_a_known_network_is_found(on_tag):
    worked, tried, scans, _ = on_tag(
        JOIN
        + """
Air.points = {("home", A, -80): "two", ("home", B, -60): "two", ("other", C, -30): "two"}
print(json.dumps(join()))
"""
    )
    assert (worked, tried, scans) == (True, [["home", B.hex(), None]], 1)


def test_next_time_the_same_access_point_and_address_are_used_without_a_search(on_tag):
    worked, tried, scans, took_ms = on_tag(
        JOIN + 'Air.points = {("home", A, -60): "two"}\njoin()\nprint(json.dumps(join()))'
    )
    assert (worked, tried, scans, took_ms) == (True, [["home", A.hex(), "192.168.1.20"]], 0, 0)


def test_the_name_server_is_kept_with_the_address(on_tag):
    assert on_tag(
        JOIN + 'Air.points = {("home", A, -60): "two"}\njoin()\njoin()\nprint(json.dumps(wifi.dns_server()))'
    ) == ("192.168.1.9")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("time.seconds += 12 * 3600", id="the address may have been lent to another"),
        pytest.param("wifi.forget()", id="something failed since"),
    ],
)
def test_what_is_not_fresh_is_not_used(on_tag, change):
    worked, tried, scans, _ = on_tag(
        JOIN + f'Air.points = {{("home", A, -60): "two"}}\njoin()\n{change}\nprint(json.dumps(join()))'
    )
    assert (worked, tried, scans) == (True, [["home", A.hex(), None]], 1)


def test_an_address_is_not_kept_for_longer_than_the_shortest_lease_but_the_access_point_is(on_tag):
    fresh, old, anew = on_tag(
        JOIN
        + """
Air.points = {("home", A, -60): "two"}
join()
print(json.dumps([join(29 * 60), join(), join(29 * 60)]))
"""
    )
    assert fresh[:3] == [True, [["home", A.hex(), "192.168.1.20"]], 0]
    assert old[:3] == [True, [["home", A.hex(), None]], 0], "somebody else may have the address by now"
    assert anew[:3] == [True, [["home", A.hex(), "192.168.1.20"]], 0], "it was lent anew"


def test_an_access_point_that_is_gone_is_looked_for_anew_and_the_address_asked_for(on_tag):
    worked, tried, scans, _ = on_tag(
        JOIN
        + """
Air.points = {("home", A, -60): "two"}
join()
Air.points = {("home", C, -70): "two"}
print(json.dumps(join()))
"""
    )
    assert (worked, scans) == (True, 1)
    assert tried == [["home", A.hex(), "192.168.1.20"], ["home", C.hex(), None]]


def test_networks_that_were_taken_away_are_not_gone_back_to(on_tag):
    worked, tried, _, _ = on_tag(
        JOIN
        + """
Air.points = {("home", A, -60): "two"}
join()
del NETWORKS[1]
print(json.dumps(join()))
"""
    )
    assert (worked, tried) == (False, [])


def test_a_wrong_password_leaves_time_for_the_other_network_which_comes_first_from_then_on(on_tag):
    first, later = on_tag(
        JOIN
        + """
Air.points = {("ward", A, -40): "changed", ("home", B, -70): "two"}
first = join()
wifi.forget()
print(json.dumps([first, join()]))
"""
    )
    assert first[:3] == [True, [["ward", A.hex(), None], ["home", B.hex(), None]], 1]
    assert first[3] <= 2500
    assert later[1] == [["home", B.hex(), None]]


def test_a_hidden_network_is_called_by_its_name_and_gone_back_to(on_tag):
    first, later = on_tag(
        JOIN
        + """
Air.points, Air.hidden = {("home", A, -60): "two", ("other", C, -30): ""}, (A,)
state.failures = 1
print(json.dumps([join(), join()]))
"""
    )
    assert first[:3] == [True, [["home", None, None]], 1]
    assert later[:3] == [True, [["home", None, "192.168.1.20"]], 0]


def test_networks_that_can_be_heard_come_before_hidden_ones(on_tag):
    worked, tried, *_ = on_tag(
        JOIN
        + """
Air.points, Air.hidden = {("ward", A, -30): "one", ("home", B, -80): "changed"}, (A,)
print(json.dumps(join()))
"""
    )
    assert worked
    assert tried == [["home", B.hex(), None], ["ward", None, None]]


def test_where_nobody_hides_nobody_is_called(on_tag):
    worked, tried, *_ = on_tag(JOIN + 'Air.points = {("other", C, -30): ""}\nprint(json.dumps(join()))')
    assert (worked, tried) == (False, [])


def test_with_more_hidden_networks_than_there_is_time_for_each_gets_its_turn(on_tag):
    firsts, took_ms = on_tag(
        JOIN
        + """
NETWORKS = [[name, "?"] for name in ("a", "b", "c")]
Air.points, Air.hidden, Air.slow = {("x", A, -60): ""}, (A,), True
seen = []
for state.failures in range(3):
    seen.append(join())
print(json.dumps([[tried[0][0] for _, tried, _, _ in seen], max(took for *_, took in seen)]))
"""
    )
    assert firsts == ["a", "b", "c"]
    assert took_ms <= 9_100


@pytest.mark.parametrize("points", ["{}", '{("ward", A, -40): "one", ("home", B, -70): "two"}'])
def test_where_nobody_lets_it_in_it_gives_up_in_time(on_tag, points):
    worked, *_, took_ms = on_tag(JOIN + f"Air.points = {points}\nAir.slow = True\nprint(json.dumps(join()))")
    assert not worked
    assert took_ms <= 9_100
