"""Networks and landmarks of a virtual tag."""

import time

from .conftest import Bench

RADIOS = """\
radio home wifi kitback 0a0b0c0d0e0f 6 -55
radio home wifi next-door 0a0b0c0d0e10 11 -80
radio home ble 010203040506 -70
radio home ble f10203040506 -75 random
"""


def test_a_scan_hears_the_place_the_tag_is_at_within_four_decibels(bench: Bench) -> None:
    bench.world(["0 at home", "1000 at road"], RADIOS)
    bench.application("""
        import machine, network
        wlan = network.WLAN(network.WLAN.IF_STA)
        wlan.active(True)
        print([(ssid, bssid.hex(), channel) for ssid, bssid, channel, rssi, security, hidden in wlan.scan()])
        strengths = [wlan.scan()[0][3] for _ in range(50)]
        print(min(strengths), max(strengths))
        machine.lightsleep(1_000_000)
        print(wlan.scan())
        machine.deepsleep()
    """)
    _, lines = bench.run()
    assert lines == ["[(b'kitback', '0a0b0c0d0e0f', 6), (b'next-door', '0a0b0c0d0e10', 11)]", "-59 -51", "[]"]


def test_bluetooth_says_which_addresses_are_random(bench: Bench) -> None:
    bench.world(["0 at home"], RADIOS)
    bench.application("""
        import bluetooth, machine, time
        ble = bluetooth.BLE()
        ble.active(True)
        done = []
        def heard(event, data):
            if event == 5:
                kind, address, _, rssi, _ = data
                print(kind, bytes(address).hex(), -80 < rssi < -65)
            elif event == 6:
                done.append(True)
        ble.irq(heard)
        begun = time.ticks_ms()
        ble.gap_scan(2_000)
        while not done:
            time.sleep_ms(10)
        print(1_990 <= time.ticks_diff(time.ticks_ms(), begun) <= 2_010)
        machine.deepsleep()
    """)
    _, lines = bench.run()
    assert lines == ["0 010203040506 True", "1 f10203040506 True", "True"]


def test_there_is_no_network_where_the_world_has_none(bench: Bench) -> None:
    bench.world(["0 at home"], RADIOS)
    bench.application("""
        import machine, network, time
        wlan = network.WLAN()
        wlan.active(True)
        for ssid in ("kitback", "unheard"):
            wlan.connect(ssid, "secret")
            time.sleep_ms(30_000)
            print(wlan.isconnected(), wlan.status() == network.STAT_GOT_IP)
        machine.deepsleep()
    """)
    begun = time.monotonic()
    _, lines = bench.run()
    assert lines == ["False False", "False False"]
    assert time.monotonic() - begun < 5


def test_time_runs_at_the_walls_rate_while_on_a_network_and_jumps_again_after(bench: Bench) -> None:
    bench.world(["0 at home", "0 network 1"], RADIOS)
    bench.application("""
        import machine, network, time
        wlan = network.WLAN()
        wlan.active(True)
        wlan.connect("kitback", "secret")
        print(wlan.isconnected())
        time.sleep_ms(300)
        wlan.active(False)
        print(wlan.isconnected())
        time.sleep_ms(86_400_000)
        machine.deepsleep()
    """)
    begun = time.monotonic()
    _, lines = bench.run()
    assert lines == ["True", "False"]
    assert 0.3 < time.monotonic() - begun < 5


def test_deep_sleep_ends_the_network(bench: Bench) -> None:
    bench.world(["0 at home", "0 network 1"], RADIOS)
    bench.application("""
        import machine, network
        wlan = network.WLAN()
        print(wlan.active(), wlan.isconnected())
        wlan.active(True)
        wlan.connect("kitback", "secret")
        machine.deepsleep(60_000 if machine.reset_cause() == 1 else None)
    """)
    _, lines = bench.run()
    assert lines == ["False False", "False False"]
