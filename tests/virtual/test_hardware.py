"""The ESP32 that a virtual tag believes it has."""

import time

import pytest

from .conftest import AGAIN, Bench

HOURS_30_DAYS = 30 * 24


def test_light_sleep_takes_its_time_on_the_tags_clock_and_none_on_the_wall(bench: Bench) -> None:
    bench.application("""
        import machine, time
        slept = time.time()
        machine.lightsleep(7 * 86_400_000)
        print(time.time() - slept)
        machine.deepsleep()
    """)
    begun = time.monotonic()
    code, lines = bench.run()
    assert (code, lines) == (0, [str(7 * 86_400)])
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("drift_ppm", [-10_000, 0, 10_000])
def test_a_fast_oscillator_wakes_the_tag_more_often_in_thirty_days(bench: Bench, drift_ppm: int) -> None:
    bench.world(header=f"drift_ppm {drift_ppm}\n")
    bench.application("""
        import machine
        while True:
            print("hour")
            machine.lightsleep(3_600_000)
    """)
    _, lines = bench.run()
    assert len(lines) == pytest.approx(HOURS_30_DAYS * (1 + drift_ppm / 1e6) + 1, abs=1)


def test_deep_sleep_starts_the_application_afresh_but_keeps_rtc_memory_and_the_rtc(bench: Bench) -> None:
    bench.application("count = 0", name="other")
    bench.application("""
        import machine, time
        import other
        other.count += 1
        rtc = machine.RTC()
        seen = len(rtc.memory())
        print(machine.reset_cause(), machine.wake_reason(), other.count, seen, time.time(), time.ticks_ms())
        rtc.memory(rtc.memory() + b".")
        machine.deepsleep(60_000 if seen < 2 else None)
    """)
    _, lines = bench.run()
    assert lines == ["1 0 1 0 0 0", "4 4 1 1 60 0", "4 4 1 2 120 0"]


@pytest.mark.parametrize("restart_every", [0, 1, 3])
def test_a_process_that_restarts_is_a_tag_that_slept(bench: Bench, restart_every: int) -> None:
    bench.world(["50 occupied 1", "250 motion 1", "330 occupied 0"])
    bench.application("""
        import machine, time
        rtc = machine.RTC()
        rtc.memory(rtc.memory() + b"x")
        load = machine.ADC(machine.Pin(35), atten=machine.ADC.ATTN_11DB).read_uv()
        print(machine.reset_cause(), len(rtc.memory()), load, time.time(), machine.Pin(27).value())
        machine.deepsleep(100_000 if len(rtc.memory()) < 7 else None)
    """)
    whole = bench.run()[1]
    (bench.tag / "state.json").unlink(missing_ok=True)
    pieces: list[str] = []
    code = AGAIN
    while code == AGAIN:
        code, lines = bench.run(restart_every=restart_every)
        pieces += lines
    assert len(whole) == 7
    assert pieces == whole


def test_losing_power_empties_rtc_memory_and_restarts_the_rtc_but_keeps_nvs(bench: Bench) -> None:
    bench.world(["1000 power 0", "5000 power 1"])
    bench.application("""
        import esp32, machine, time
        nvs = esp32.NVS("test")
        try:
            runs = nvs.get_i32("runs")
        except OSError:
            runs = 0
        nvs.set_i32("runs", runs + 1)
        nvs.commit()
        print(machine.reset_cause(), runs, machine.RTC().memory(), time.time())
        machine.RTC().memory(b"kept")
        machine.lightsleep(900_000)
        machine.deepsleep()
    """)
    code, lines = bench.run()
    assert (code, lines) == (AGAIN, ["1 0 b'' 0"])
    assert bench.run() == (0, ["1 1 b'' 0"])


def test_what_was_not_committed_to_nvs_is_lost_with_power(bench: Bench) -> None:
    bench.world(["10 power 0", "20 power 1"])
    bench.application("""
        import esp32, machine
        nvs = esp32.NVS("test")
        try:
            print(nvs.get_i32("n"))
        except OSError as error:
            print(error.errno)
        nvs.set_i32("n", 5)
        machine.lightsleep(60_000)
        machine.deepsleep()
    """)
    assert bench.run() == (AGAIN, ["-4354"])
    assert bench.run() == (0, ["-4354"])


def test_a_tag_that_never_gets_power_says_nothing(bench: Bench) -> None:
    bench.world(["0 power 0", "0 mains 1"])
    bench.application("print('alive')")
    assert bench.run() == (0, [])


def test_motion_ends_a_sleep_only_when_that_was_armed(bench: Bench) -> None:
    bench.world(["100 motion 1", "200 motion 1"])
    bench.application("""
        import esp32, machine, time
        motion = machine.Pin(27, machine.Pin.IN)
        machine.lightsleep(150_000)
        print(time.time(), machine.wake_reason(), motion.value(), motion.value())
        esp32.wake_on_ext0(motion, esp32.WAKEUP_ANY_HIGH)
        machine.lightsleep(150_000)
        print(time.time(), machine.wake_reason(), motion.value())
        machine.deepsleep()
    """)
    _, lines = bench.run()
    assert lines == ["150 4 1 0", "200 2 1"]


def test_motion_does_not_end_a_sleep_that_it_was_not_armed_for_since_the_last_start(bench: Bench) -> None:
    bench.world(["100 motion 1", "200 motion 1"])
    bench.application("""
        import esp32, machine, time
        motion = machine.Pin(27, machine.Pin.IN)
        print(time.time(), machine.wake_reason(), motion.value())
        if machine.reset_cause() == machine.PWRON_RESET:
            esp32.wake_on_ext0(motion, esp32.WAKEUP_ANY_HIGH)
        machine.deepsleep(300_000 if time.time() < 300 else None)
    """)
    _, lines = bench.run()
    assert lines == ["0 0 0", "100 2 1", "400 4 1"]


def test_a_watchdog_that_is_not_fed_resets_the_tag_and_sleep_does_not_count(bench: Bench) -> None:
    bench.application("""
        import machine, time
        print(machine.reset_cause(), machine.RTC().memory())
        if machine.reset_cause() == machine.WDT_RESET:
            machine.deepsleep()
        machine.RTC().memory(b"kept")
        machine.WDT(timeout=20_000)
        machine.lightsleep(30_000)
        machine.lightsleep(3_600_000)
        time.sleep_ms(19_000)
        print("alive")
        while True:
            time.ticks_ms()
    """)
    _, lines = bench.run()
    assert lines == ["1 b''", "alive", "3 b'kept'"]


def test_nothing_is_done_on_the_way_out_of_a_reset(bench: Bench) -> None:
    bench.application("""
        import machine
        print(machine.reset_cause(), machine.RTC().memory())
        if machine.reset_cause() == machine.HARD_RESET:
            machine.deepsleep()
        machine.RTC().memory(b"busy")
        try:
            machine.reset()
        finally:
            machine.RTC().memory(b"done")
    """)
    _, lines = bench.run()
    assert lines == ["1 b''", "2 b'busy'"]


def test_ticks_wrap_and_their_difference_does_not_mind(bench: Bench) -> None:
    bench.application("""
        import machine, time
        machine.lightsleep(2**30 - 1_000)
        before = time.ticks_ms()
        time.sleep_ms(5_000)
        after = time.ticks_ms()
        print(after < before, time.ticks_diff(after, before), time.ticks_add(before, 2_000) < before)
        machine.deepsleep()
    """)
    _, lines = bench.run()
    assert lines == ["True 5000 True"]


def test_the_rtc_counts_from_2000_and_can_be_set(bench: Bench) -> None:
    bench.application("""
        import machine, time
        rtc = machine.RTC()
        print(rtc.datetime()[:7])
        rtc.datetime((2026, 2, 28, 5, 23, 59, 58, 0))
        machine.lightsleep(3_000)
        print(rtc.datetime()[:7], time.gmtime(time.time())[:6], time.mktime((2026, 3, 1, 0, 0, 1, 0, 0)) - time.time())
        machine.deepsleep()
    """)
    _, lines = bench.run()
    assert lines == ["(2000, 1, 1, 5, 0, 0, 0)", "(2026, 3, 1, 6, 0, 0, 1) (2026, 3, 1, 0, 0, 1) 0"]


def test_sensors_answer_by_pin(bench: Bench) -> None:
    bench.world(["10 loaded 1", "10 motor 1", "10 mains 1", "10 battery_mv 3600"])
    bench.application("""
        import machine
        def read():
            print(*[round(machine.ADC(pin).read_uv() / 100_000) for pin in (34, 35, 32)], machine.Pin(25).value())
        read()
        machine.lightsleep(60_000)
        read()
        air = []
        for _ in range(20):
            air.append(machine.ADC(33).read_uv())
            machine.lightsleep(30_000)
        print(580_000 < min(air) < 650_000, 1_150_000 < max(air) < 1_220_000)
        try:
            machine.ADC(36)
        except ValueError as error:
            print(error)
        machine.deepsleep()
    """)
    _, lines = bench.run()
    assert lines == ["20 3 0 0", "18 15 8 1", "True True", "nothing analogue on GPIO36"]


def test_an_application_that_ends_or_raises_fails_loudly(bench: Bench) -> None:
    bench.application("print('done')")
    code, lines = bench.run()
    assert code == 1
    assert "main.py ended" in lines[-1]
    bench.application("1 / 0")
    code, lines = bench.run()
    assert code == 1
    assert "ZeroDivisionError" in lines[-1]


def test_a_world_that_is_none_is_refused_by_line(bench: Bench) -> None:
    bench.application("")
    bench.world(["10 raining 1"])
    code, lines = bench.run()
    assert code == 1
    assert lines[-1] == "BadWorld: world line 5: not an event: 1790000010 raining 1"
