"""How the tag itself is: battery, memory, and what its life costs."""

import pytest

LEDGER = """
import gc, machine, time
from tag import board, energy, health
from tag.retained import state

def a_day(mains, battery_mv, **spent):
    machine.levels[25] = mains
    machine.levels[34] = battery_mv * 500
    for name, value in spent.items():
        setattr(state, name, value)
    return list(health.since_last(state.ledger_at + 86400))
"""


@pytest.mark.parametrize(
    ("mv", "pct"),
    [(4300, 100), (4180, 100), (4120, 95), (3820, 50), (3740, 20), (3300, 0), (2900, 0)],
)
def test_the_battery_is_read_off_a_discharge_curve(on_tag, mv, pct):
    assert on_tag("from tag import energy\nprint(energy.battery_pct(given))", mv) == pct


def test_the_curve_never_rises_as_the_voltage_falls(on_tag):
    curve = on_tag("from tag import energy\nprint([energy.battery_pct(mv) for mv in range(4200, 3200, -1)])")
    assert curve == sorted(curve, reverse=True)
    assert len(set(curve)) == 101


def test_a_wake_with_a_report_costs_what_was_published(on_tag):
    # 774 ms of a MicroPython wake with Wi-Fi on throughout: 108.6 mC. The start is in it.
    used = on_tag("from tag import energy\nprint(energy.used_uc(0, 774, 774, 0, 0, 0))")
    assert used == pytest.approx(108_600, rel=0.01)


def test_each_state_costs_its_own(on_tag):
    asleep, light, started, heard = on_tag(
        "from tag import energy\n"
        "print([energy.used_uc(*each) for each in ((1000, 0, 0, 0, 0, 0), (1000, 0, 0, 0, 1000, 0),"
        " (0, 0, 0, 0, 0, 10), (0, 3000, 0, 3000, 0, 0))])"
    )
    assert (asleep, light, started, heard) == (150_000, 2_000_000, 10 * 300 * 45, 3000 * 75)


def test_a_day_is_told_and_the_next_begins_at_nothing(on_tag):
    spent = {"wakes": 100, "light_wakes": 4, "awake_ms": 12_000, "wifi_ms": 6_500, "bluetooth_ms": 3_000, "light_s": 40}
    first, second = on_tag(LEDGER + "print(json.dumps([a_day(0, 3820, **given), a_day(0, 3820)]))", spent)
    mv, free, wakes, awake_s, pct, block, wifi_s, bluetooth_s, used_mc, days = first
    assert (mv, wakes, awake_s, pct, wifi_s, bluetooth_s) == (3820, 100, 12, 50, 6, 3)
    assert 1000 < block <= free
    awake = 6_500 * 140 + 3_000 * 75 + (2_500 + 96 * 300) * 45
    assert used_mc == (awake + 40 * 2000 + (86_400 - 40 - 40) * 150) // 1000
    assert days == 2600 * 3600 * 4 // 10 // used_mc
    assert second[2:4] == [0, 0]
    assert second[8] == 86_400 * 150 // 1000


def test_there_is_no_forecast_on_mains(on_tag):
    assert on_tag(LEDGER + "print(json.dumps(a_day(1, 4100)[-1]))") is None


def test_the_largest_block_can_really_be_had_and_nothing_much_larger(on_tag):
    free, block = on_tag(
        "import gc\nfrom tag import health\n"
        "kept = [bytearray(2000) for _ in range(40)]\n"
        "kept = [each for i, each in enumerate(kept) if i % 2]\n"
        "gc.collect()\nfree = gc.mem_free()\nblock = health._largest_block(free)\nbytearray(block)\n"
        "gc.collect()\n"
        "try:\n bytearray(block + 1024)\n block = -1\nexcept MemoryError:\n pass\n"
        "print([free, block])"
    )
    assert 1000 < block < free
