"""The energy ledger: what each state of the tag has cost, and how long the battery will last at that.

The tag measures how long it is in each state; what a state draws is assumed, for a board fit for the purpose (see
docs/energy.md). Charge is in microcoulombs: a milliampere for a millisecond, a microampere for a second.
"""

from micropython import const

# Assumptions. The first was published for MicroPython on an ESP32: a wake with a report, 108.6 mC in 774 ms.
_WIFI_MA = const(140)  # the whole board while the Wi-Fi radio is on
_BLUETOOTH_MA = const(75)  # while listening half of the time
_PROCESSOR_MA = const(45)  # awake without a radio, at 160 MHz
_LIGHT_UA = const(2_000)  # light sleep
_DEEP_UA = const(150)  # deep sleep, with regulator, divider and motion sensor; by board 66 uA to 15 mA
_START_MS = const(300)  # from deep sleep to the application's first line
_CELL_MAH = const(2_600)  # one 18650 cell
_USABLE_PCT = const(80)  # of it, after cold, age and self-discharge

_UC_PER_MAH = const(3_600_000)
_DAY_S = const(86_400)
_LONGEST_DAYS = const(3_650)

# A lithium-ion cell at rest or nearly: it is full at the first voltage, empty at the last.
_FULL_TO_EMPTY_MV = (4180, 4060, 3980, 3920, 3870, 3820, 3790, 3770, 3740, 3680, 3300)


def battery_pct(mv: int) -> int:
    """How full the battery is."""
    steps = _FULL_TO_EMPTY_MV
    if mv >= steps[0]:
        return 100
    for i in range(1, len(steps)):
        if mv >= steps[i]:
            return 100 - 10 * i + 10 * (mv - steps[i]) // (steps[i - 1] - steps[i])
    return 0


def used_uc(span_s: int, awake_ms: int, wifi_ms: int, bluetooth_ms: int, light_s: int, starts: int) -> int:
    """What `span_s` seconds cost. The radios' time is part of the time awake; the rest of the span was deep sleep."""
    awake_ms += starts * _START_MS
    deep_s = max(0, span_s - light_s - awake_ms // 1000)
    quiet_ms = max(0, awake_ms - wifi_ms - bluetooth_ms)
    radio = wifi_ms * _WIFI_MA + bluetooth_ms * _BLUETOOTH_MA
    return radio + quiet_ms * _PROCESSOR_MA + light_s * _LIGHT_UA + deep_s * _DEEP_UA


def days_left(pct: int, used: int, span_s: int) -> int:
    """How long the rest will last if all days are like the last `span_s` seconds, which used so many microcoulombs."""
    left = _CELL_MAH * _UC_PER_MAH // 100 * _USABLE_PCT // 100 * pct
    return min(left * span_s // (max(used, 1) * _DAY_S), _LONGEST_DAYS)
