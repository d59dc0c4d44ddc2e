"""Where the records of a drifting clock are placed, through the whole intake.

A tag's counter runs up to 5% fast or slow, and wanders by up to half a percent around that. Power fails and the tag
starts a new clock; every talk is a round trip of at most a second. Against the true time of each record:

| quality | is out by at most |
| --- | --- |
| `paired` | 3 s, and a quarter of a percent of the time between the two pairs around it |
| `extrapolated` | 3 s, and 1.2% of the time to the pair; 6% as long as no clock of the tag has told its rate |
| `estimated` | the width of the window that its neighbours leave |

A rate is told by two pairs an hour apart or more: each is good to two seconds, which is 0.12% of an hour.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitback import wire
from kitback.intake import Intake
from kitback.register import Register
from paper_tag import ROOT, PaperTag, SetClock, history, nowhere

from .soak import SOAK

START = 1_750_000_000
DAY = 86_400
DRIFT_PPM = 50_000
WANDER_PPM = 5_000
SECONDS = 3.0


@dataclass
class Drifting(PaperTag):
    """A tag that knows, unlike a real one, what time it is; `true` is Unix time and `ran` its exact counter."""

    true: float = START
    ran: float = 0.0
    moments: dict[int, float] = field(default_factory=dict)
    """When each record was really noted."""
    clocks: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    """True time and counter of the pairs that were told, by clock."""
    began: dict[int, float] = field(default_factory=lambda: {1: float(START)})
    """When each clock began."""

    def pass_time(self, seconds: float, rate_ppm: int) -> None:
        self.true += seconds
        self.ran += seconds * (1_000_000 + rate_ppm) / 1_000_000
        self.at = int(self.ran)

    def cut(self, off_s: float) -> None:
        self.wake()
        self.true, self.ran = self.true + off_s, 0.0
        self.began[self.clock] = self.true


@pytest.fixture
def ids() -> Iterator[str]:
    return (f"{number:012x}" for number in range(1, 10**6))


lives = st.lists(
    st.tuples(
        st.sampled_from(["note", "note", "talk", "talk", "cut"]),
        st.integers(1, 2 * DAY),
        st.integers(-WANDER_PPM, WANDER_PPM),
        st.floats(0, 1),
    ),
    min_size=8,
    max_size=30,
)


@settings(max_examples=1000 if SOAK else 40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([-DRIFT_PPM, DRIFT_PPM]) | st.integers(-DRIFT_PPM, DRIFT_PPM), st.booleans(), lives)
def test_records_are_placed_within_the_stated_bounds(
    register: Register,
    ids: Iterator[str],
    drift: int,
    wanders: bool,
    life: list[tuple[str, int, int, float]],
) -> None:
    clock = SetClock(START)
    intake = Intake(register, clock, ROOT, nowhere)
    tag = Drifting(tag_id=next(ids), batch=40)
    bounds = Bounds(WANDER_PPM / 1e6 if wanders else 0.0)
    with register.write() as conn:
        tag.enrol(conn)
    for step, seconds, wander, trip in [*life, ("talk", 60, 0, 0.5)]:
        tag.pass_time(seconds, drift + wander * wanders)
        if step == "cut":
            tag.cut(seconds / 10)
        elif step == "note":
            tag.moments[tag.note(wire.Boot, cause="watchdog")] = tag.true
        else:
            talk(tag, intake, clock, trip, drift)
            bounds.check(tag, placed(register, tag))
    assert len(placed(register, tag)) == tag.newest, "everything is placed in the end"


def talk(tag: Drifting, intake: Intake, clock: SetClock, trip: float, drift: int) -> None:
    """One round trip, which gives a pair, then an upload of everything."""
    sent, clock.unix = tag.at, int(tag.true + trip / 2)
    (answer,) = intake.take([tag.seal(tag.report(limit=0))])
    tag.pass_time(trip, drift)
    tag.hear(*answer)
    tag.pair = wire.Pair(sent, tag.at, clock.unix)
    tag.clocks.setdefault(tag.clock, []).append((tag.true, tag.at))
    clock.unix = int(tag.true)
    for _ in range(20):
        for answer in intake.take([tag.message()]):
            pair = tag.pair
            tag.hear(*answer)
            tag.pair = pair
        if tag.all_sent:
            return
    raise AssertionError("the upload never ends")


def placed(register: Register, tag: Drifting) -> dict[int, tuple[int, str]]:
    """Second and quality of each record in the history, by sequence number."""
    with register.read() as conn:
        lines = [line for line in history(conn) if f"tag={tag.tag_id}," in line]
    times = [(int(line.rsplit(" ", 1)[1]), re.findall(r'quality="(\w+)"', line)[0]) for line in lines]
    return {at % 1_000_000: (at // 1_000_000, quality) for at, quality in times}


class Bounds:
    """Holds each record, when it has just been placed, against the bound that is stated for it."""

    def __init__(self, wander: float) -> None:
        self._wander = wander
        self._done: set[int] = set()

    def check(self, tag: Drifting, placed: dict[int, tuple[int, str]]) -> None:
        for seq, (unix, quality) in placed.items():
            if seq not in self._done:
                bound = getattr(self, f"_{quality}")(tag, seq)
                out = unix - tag.moments[seq]
                assert abs(out) <= bound, f"record {seq}, {quality}, is out by {out:.1f} s, not within {bound:.1f} s"
        self._done |= placed.keys()

    def _paired(self, tag: Drifting, seq: int) -> float:
        pairs = [true for true, _ in tag.clocks[tag.records[seq][0]]]
        earlier = [true for true in pairs if true <= tag.moments[seq]]
        later = [true for true in pairs if true >= tag.moments[seq]]
        # Of pairs less than a day apart only some are kept.
        apart = min(later, default=pairs[-1]) - max(earlier, default=pairs[0]) + DAY
        return SECONDS + self._wander / 2 * apart

    def _extrapolated(self, tag: Drifting, seq: int) -> float:
        pairs = tag.clocks[tag.records[seq][0]]
        far = min(abs(true - tag.moments[seq]) for true, _ in pairs)
        told = any(each[-1][1] - each[0][1] >= 3600 for each in tag.clocks.values())
        return SECONDS + far * (0.0012 + 2 * self._wander if told else DRIFT_PPM / 1e6 + 2 * self._wander)

    def _estimated(self, tag: Drifting, seq: int) -> float:
        clock, _ = tag.records[seq]
        closes = min(began for each, began in tag.began.items() if each > clock and each in tag.clocks)
        known = [tag.clocks[each][-1][0] for each in tag.clocks if each < clock]
        known += [tag.moments[each] for each, (on, _) in tag.records.items() if on < clock and each in self._done]
        opens = max(known, default=min(tag.began[clock], tag.moments[seq]) - DRIFT_PPM / 1e6 * (tag.true - START))
        far = max(tag.clocks[min(each for each in tag.clocks if each > clock)][0][0] - closes, 0)
        return closes - opens + SECONDS + far * (DRIFT_PPM / 1e6 + 2 * self._wander)
