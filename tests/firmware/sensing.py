"""Signals with a known truth, and what the tag's use sensing makes of them on the virtual board.

The world is physics: who weighs what and lies where when, what is put down, what shakes. The truth is noted while it is
made. The sensing is the shipping one, drivers included; in place of the tag's cycle there is a loop that prints what
each sense said, because records tell spans and not moments.
"""

import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kitback.virtual.tag import HEAP, firmware, micropython

START: Final = 1_790_000_000
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 24 * HOUR

_AGAIN: Final = 3
_CYCLE_S: Final = 600  # of the world's pump, which fills the cells in the first half
_HALF_FULL_S: Final = 150
_MATCH_S: Final = (-5, 3 * MINUTE)  # from the truth to the sense that told it

_LOOP = """
import machine, time
from tag import board, retained, use
from tag.retained import state

if not retained.load():
    state.kind = use.KINDS.index("{kind}")
sensed = use.of(state.kind, state.cells)
mains, motion = board.mains(), board.motion()
while True:
    now = time.time()
    if motion():
        state.moved_at = now
    events = sensed.sense(mains(), now)
    print(now, int(sensed.active), events)
    retained.save()
    if mains() or sensed.light:
        machine.lightsleep(sensed.sense_s * 1000)
        continue
    if sensed.WAKES_ON_MOTION:
        board.wake_on_motion()
    machine.deepsleep(sensed.sense_s * 1000)
"""


def run_on_board(directory: Path, application: str, world: str, fitting: str = "") -> list[str]:
    """What an application prints that has the firmware's modules and lives in a world. Both start at START."""
    directory.mkdir(exist_ok=True)
    for part in ("virtual", "tag"):
        shutil.copytree(firmware() / part, directory / part)
    (directory / "boot.py").touch()
    (directory / "main.py").write_text(application)
    (directory / "world").write_text(f"tag 0123456789ab\nstart {START}\n{world}")
    if fitting:
        (directory / "nvs").write_text(f"kitback fitting blob {fitting.encode().hex()}\n")
    said = []
    code = _AGAIN
    while code == _AGAIN:
        command = [micropython(), "-X", f"heapsize={HEAP}", directory / "virtual" / "run.py", directory]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        said += done.stdout.decode().splitlines()
        code = done.returncode
    assert code == 0, said[-20:]
    return said


@dataclass
class Signal:
    """What happens to one piece of equipment, and what should be made of it. Times are seconds from START."""

    kind: str
    days: int
    fitting: str
    fitted: str
    rng: random.Random
    noise_pct: int
    events: list[tuple[int, str, int]] = field(default_factory=list)
    in_use: list[tuple[int, int]] = field(default_factory=list)
    happened: list[int] = field(default_factory=list)

    def set(self, at: int, key: str, value: int) -> None:
        self.events.append((at, key, value))

    def between(self, start: int, end: int, key: str, value: int, after: int = 0) -> None:
        self.set(start, key, value)
        self.set(end, key, after)

    def often(self, start: int, end: int, every_s: int, do: Callable[[int], None]) -> None:
        """Do something at random moments, more of them the noisier the signal is."""
        at = start
        while True:
            at += int(self.rng.expovariate(self.noise_pct / 100 / every_s)) + MINUTE
            if at >= end - MINUTE:
                return
            do(at)

    def world(self, mounted: tuple[int, int, int]) -> str:
        header = [
            f"end {START + self.days * DAY}",
            f"seed {self.rng.randrange(1, 2**31)}",
            f"noise_pct {self.noise_pct}",
            f"mounted {mounted[0]} {mounted[1]} {mounted[2]}",
            f"fitted {self.fitted}",
        ]
        ordered = sorted(self.events, key=lambda event: event[0])
        return "".join(line + "\n" for line in header) + "".join(f"{START + at} {k} {v}\n" for at, k, v in ordered)


def bed(seed: int, noise_pct: int) -> Signal:
    """Nights, naps and visitors of any weight; turning over, bags, somebody leaning, and the backrest.

    The tag sits on the backrest. Its load cells are noted with 35 kg as reference.
    """
    rng = random.Random(seed)
    signal = Signal("bed", 1, '{"load": ["hx711", 50000, 120000], "imu": "lis3dh"}', "lis3dh hx711", rng, noise_pct)
    signal.set(0, "mains", 1)
    angle = 0
    stays = [
        (rng.randint(0, HOUR), 7 * HOUR + rng.randint(0, HOUR), rng.randint(24, 130)),
        (13 * HOUR, 13 * HOUR + rng.randint(20, 90) * MINUTE, rng.randint(24, 130)),
        (17 * HOUR, 17 * HOUR + rng.randint(3, 12) * MINUTE, rng.randint(45, 95)),
        (22 * HOUR, 23 * HOUR + rng.randint(0, 50) * MINUTE, rng.randint(24, 130)),
    ]
    for start, end, kg in stays:
        signal.in_use.append((start, end))
        signal.between(start, end, "kg", kg)
        signal.often(start + MINUTE, end - MINUTE, 20 * MINUTE, lambda at, kg=kg: _turn_over(signal, at, kg))
    for hour in (9, 10, 15, 19):  # nobody is in it
        at = hour * HOUR + rng.randint(0, 20 * MINUTE)
        signal.between(at, at + rng.randint(5, 30) * MINUTE, "kg", rng.randint(2, 9))  # a bag
    for hour in (11, 16, 20):
        at = hour * HOUR + rng.randint(0, 50 * MINUTE)
        signal.between(at, at + rng.randint(4, 12), "kg", rng.randint(20, 40))  # somebody leans over it
        signal.between(at, at + 15, "shake", 80 * noise_pct // 100)
    moves = [
        int(hour * HOUR) + rng.randint(0, 10 * MINUTE) for hour in (0.6, 2, 3, 5, 7, 8.5, 11, 12, 13.2, 15, 18, 21)
    ]
    moves += [moves[4] + 40, moves[8] + 50]  # too far, and back a little
    for at in sorted(moves):
        target = rng.choice([a for a in range(0, 61, 4) if a != angle])
        took = max(1, abs(target - angle) // 3)
        for second in range(1, took + 1):
            signal.set(at + second, "tilt", angle + (target - angle) * second // took)
        signal.between(at, at + took, "shake", 30)
        signal.happened.append(at + took)
        angle = target
    return signal


def _turn_over(signal: Signal, at: int, kg: int) -> None:
    """Somebody turns over: the frame feels less of them for some seconds, and shakes."""
    took = signal.rng.randint(2, 9)
    signal.between(at, at + took, "kg", kg * signal.rng.randint(25, 120) // 100, kg)
    signal.between(at, at + took, "shake", 100 * signal.noise_pct // 100)


def hoist(seed: int, noise_pct: int) -> Signal:
    """Lifts of light and heavy people, who swing; pushed about between them, with a sling or a bag on its hook."""
    rng = random.Random(seed)
    signal = Signal("hoist", 3, '{"load": ["hx711", 50000, 120000], "imu": "lis3dh"}', "lis3dh hx711", rng, noise_pct)
    swing_pct = noise_pct // 10
    for day in range(3):
        for hour in (7, 9, 12, 14, 18, 21):
            at = day * DAY + hour * HOUR + rng.randint(0, HOUR)
            signal.set(at, "motion", 1)  # it is pushed to where it is needed
            start = at + rng.randint(40, 150)
            end = start + rng.randint(90, 300)
            kg = rng.randint(38, 150)
            signal.set(start - 20, "motion", 1)
            signal.set(start - 5, "kg", kg // 4)  # the sling tightens
            signal.set(start, "kg", kg)
            for second in range(start + 5, end - 5, 10):  # they swing
                signal.set(second, "kg", kg + kg * rng.randint(-swing_pct, swing_pct) // 100)
            signal.set(end, "kg", 0)
            signal.set(end + 20, "motion", 1)
            signal.in_use.append((start, end))
            signal.happened.append(start)
        for hour in (8, 11, 16):  # pushed aside, and a bag hung on it for an hour
            at = day * DAY + hour * HOUR + rng.randint(0, 30 * MINUTE)
            signal.set(at, "motion", 1)
            signal.between(at + 20, at + HOUR, "kg", rng.randint(2, 8))
    return signal


def mattress(seed: int, noise_pct: int) -> Signal:
    """A pump that cycles the cells, with people of different weights who move on them; switched off now and then."""
    rng = random.Random(seed)
    fitting = '{"motor": ["ac", 3000, 300000]}'
    signal = Signal("mattress", 1, fitting, "ac", rng, noise_pct)
    signal.set(0, "mains", 1)
    at = rng.randint(0, HOUR)
    while at < DAY - 3 * HOUR:
        at = -(-(START + at) // _CYCLE_S) * _CYCLE_S - START  # the world's pump is at the start of a cycle then
        end = min(at + rng.randint(2, 6) * HOUR + rng.randint(0, HOUR), DAY - HOUR)
        signal.between(at, end, "motor", 1)
        signal.between(at, end, "kg", rng.randint(-40, 70))  # heavier or lighter than usual
        signal.often(at, end, 15 * MINUTE, lambda at: signal.between(at, at + 6, "shake", signal.noise_pct))
        signal.in_use.append((at, end))
        signal.happened += range(at + _HALF_FULL_S, end, _CYCLE_S)
        at = end + rng.randint(20, 90) * MINUTE
    return signal


KINDS: Final = {"bed": bed, "hoist": hoist, "mattress": mattress}
MOUNTINGS: Final = ((0, 0, 0), (90, 20, 0), (-35, 70, 140))


@dataclass
class Tally:
    """How right the sensing was."""

    true_s: int = 0
    told_s: int = 0
    wrong_s: int = 0
    """Seconds that were told as use and were none, or the other way round."""
    events: int = 0
    told: int = 0
    matched: int = 0

    def add(self, signal: Signal, said: list[tuple[int, bool, int]]) -> None:
        told = _uses(said, signal.days * DAY)
        both = sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in signal.in_use for b in told)
        true_s, told_s = _seconds(signal.in_use), _seconds(told)
        self.true_s += true_s
        self.told_s += told_s
        self.wrong_s += true_s + told_s - 2 * both
        moments = [at for at, _, events in said for _ in range(events)]
        self.events += len(signal.happened)
        self.told += len(moments)
        self.matched += _matched(signal.happened, moments)

    def row(self) -> list[float]:
        """Percentages: error of the time in use, share of it that is misplaced, precision and recall of events."""
        return [
            round(100 * (self.told_s - self.true_s) / self.true_s, 1),
            round(100 * self.wrong_s / self.true_s, 1),
            round(100 * self.matched / max(1, self.told), 1),
            round(100 * self.matched / self.events, 1),
        ]


def tally(directory: Path, kind: str, noise_pct: int) -> Tally:
    """The sum over as many seeds as there are mountings."""
    sum_of_all = Tally()
    for i, mounted in enumerate(MOUNTINGS):
        signal = KINDS[kind](100 + i, noise_pct)
        world = signal.world(mounted)
        lines = run_on_board(directory / str(i), _LOOP.format(kind=kind), world, signal.fitting)
        said = [(int(at), active == "1", int(events)) for at, active, events in (line.split() for line in lines)]
        sum_of_all.add(signal, said)
    return sum_of_all


def _seconds(intervals: list[tuple[int, int]]) -> int:
    return sum(end - start for start, end in intervals)


def _uses(said: list[tuple[int, bool, int]], end: int) -> list[tuple[int, int]]:
    """Intervals of use as the tag's spans count them: from the sense that says so to the one that does not."""
    uses = []
    for (at, active, _), (until, _, _) in zip(said, [*said[1:], (end, False, 0)], strict=True):
        if active:
            uses.append((at, until))
    return uses


def _matched(true: list[int], told: list[int]) -> int:
    """How many of the told moments each have a true one of their own."""
    waiting = sorted(told)
    matched = 0
    for at in sorted(true):
        near = next((moment for moment in waiting if _MATCH_S[0] <= moment - at <= _MATCH_S[1]), None)
        if near is not None:
            waiting.remove(near)
            matched += 1
    return matched
