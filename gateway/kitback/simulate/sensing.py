"""What a tag notes of its asset's truth, record by record: a model on paper, not the firmware.

It follows the firmware's rules (how use becomes spans, when it listens, how often it looks) and adds what a sensor and
a radio get wrong. Times are true ones here; `tag.py` puts them on the tag's counter.
"""

from bisect import bisect
from collections.abc import Iterator
from heapq import merge
from operator import attrgetter
from random import Random
from typing import Final, Literal, NamedTuple

from kitback.simulate.truth import DEAF, PAUSE_S, SENSED_S, Kind, Place, Span, Spans, Truth, common, joined

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

_LOOKS_S: Final[dict[Kind, int]] = {"mattress": 30, "bed": 60, "hoist": 10}
_EVENT_S: Final[dict[Kind, int]] = {"mattress": 600, "bed": 4 * _HOUR, "hoist": 10 * _MINUTE}
"""About how much use there is to one pressure cycle, backrest movement or lift."""
_FULL_S: Final = 3600
_SETTLED_S: Final = 300


class Noted(NamedTuple):
    """A record in the making, of anything but use."""

    noted_s: int
    """When it is noted: before, nothing of it can be told."""
    what: Literal["boot", "fix", "alarm", "health"]
    at_s: int
    rest: tuple[object, ...]
    """What follows the counter in the record."""


class Used(NamedTuple):
    """A span of use in the making, or of quiet."""

    noted_s: int
    """When it is noted, which may be after its end."""
    at_s: int
    to_s: int
    in_use: int
    events: int


class Sensed:
    """What a tag senses of one asset while it is awake, from one start to the next."""

    def __init__(self, truth: Truth, places: dict[str, Place], awake: Span, number: int) -> None:
        """Take up sensing at the start of `awake`, which is the clock of this `number`."""
        self._truth = truth
        self._places = places
        self._awake = awake
        self._key = f"{truth.tag.tag_id}/{number}"
        self.uses = self._sensed_use()

    def notes(self) -> Iterator[Noted | Used]:
        """All it notes, in the order in which it does."""
        return merge(
            self._boot(), self._spans(), self._fixes(), self._alarms(), self._health(), key=attrgetter("noted_s")
        )

    def open_span(self, from_s: int, now_s: int) -> tuple[int, int]:
        """Seconds of use, and events, in the span that is open since `from_s`."""
        in_use = 0
        for each in self.uses[max(0, bisect(self.uses, (from_s,)) - 1) :]:
            if each.from_s >= now_s:
                break
            in_use += max(0, min(each.to_s, now_s) - max(each.from_s, from_s))
        return in_use, self._events(in_use)

    def _sensed_use(self) -> Spans:
        """Use as two looks that agree notice it: both ends late, the short lost."""
        truth = self._truth
        if truth.tag.blind:
            return ()
        looks = _LOOKS_S[truth.kind]
        rng = Random(f"{self._key}/use")  # noqa: S311 - noise, not secrets
        found = []
        for each in common(joined((*truth.use, *truth.stray)), (self._awake,)):
            begun = each.from_s + rng.randint(0, min(2 * looks, SENSED_S))
            over = each.to_s + rng.randint(0, min(2 * looks, SENSED_S))
            if each.from_s == self._awake.from_s:
                begun = each.from_s + 2 * looks
            if begun < min(over, self._awake.to_s):
                found.append(Span(begun, min(over, self._awake.to_s)))
        return joined(found)

    def _boot(self) -> Iterator[Noted]:
        start = self._awake.from_s
        yield Noted(start, "boot", start, ("power_on", 1))

    def _spans(self) -> Iterator[Used]:
        """Quiet spans of a day at most, busy ones of an hour, without a gap, as the firmware's `span.py` makes them."""
        at = self._awake.from_s
        for session in _sessions(self.uses):
            begun, over = session[0].from_s, session[-1].to_s
            yield from self._quiet(at, begun)
            at = begun
            while at < over:
                ends = min(at + _FULL_S, over)
                in_use = sum(
                    min(each.to_s, ends) - max(each.from_s, at)
                    for each in session
                    if each.from_s < ends and at < each.to_s
                )
                # An hour that is full is noted then; else nobody knows that it is over until nothing has followed.
                noted = ends if ends - at == _FULL_S else ends + PAUSE_S
                yield from self._if_awake(Used(noted, at, ends, in_use, self._events(in_use)))
                at = ends
        yield from self._quiet(at, self._awake.to_s, open_end=True)

    def _quiet(self, from_s: int, to_s: int, *, open_end: bool = False) -> Iterator[Used]:
        at = from_s
        while at + _DAY <= to_s:
            yield from self._if_awake(Used(at + _DAY, at, at + _DAY, 0, 0))
            at += _DAY
        if at < to_s and not open_end:
            yield from self._if_awake(Used(to_s, at, to_s, 0, 0))

    def _fixes(self) -> Iterator[Noted]:
        """What it hears when it starts, when it was moved, and once a day."""
        truth, awake = self._truth, self._awake
        moved = [awake.from_s + _SETTLED_S]
        moved += [stay.from_s + _SETTLED_S for stay in truth.stays if stay.from_s > awake.from_s]
        if truth.kind == "hoist":
            moved += [session[-1].to_s + _SETTLED_S for session in _sessions(self.uses)]
        triggers = iter(sorted(moved))
        trigger = next(triggers, None)
        at, known, noted = awake.from_s, self._heard(awake.from_s), awake.from_s
        yield Noted(at, "fix", at, ("boot", 0, known))
        while True:
            while trigger is not None and trigger < at:
                trigger = next(triggers, None)
            due = noted + _DAY
            moved_at = due if trigger is None else max(trigger, at + _HOUR)
            at = min(due, moved_at)
            if at >= awake.to_s:
                return
            heard = self._heard(at)
            if at < due and {name for name, _ in heard} == {name for name, _ in known}:
                trigger = next(triggers, None)
                continue
            yield Noted(at, "fix", at, ("moved" if at < due else "due", 0, heard))
            known, noted = heard, at
            while trigger is not None and trigger <= at:
                trigger = next(triggers, None)

    def _heard(self, at: int) -> list[tuple[str, int]]:
        """The radios of the place, some missed, and those who pass by."""
        rng = Random(f"{self._key}/{at}")  # noqa: S311 - noise, not secrets
        place_id = next((stay.place_id for stay in self._truth.stays if stay.from_s <= at < stay.to_s), "")
        radios = self._places[place_id].radios if place_id else ()
        heard = [
            (radio, -52 - 6 * rank + int(rng.gauss(0, 4))) for rank, radio in enumerate(radios) if rng.random() >= DEAF
        ]
        if rng.random() < 0.1:
            heard.append((rng.randbytes(6).hex(), -85))
        return sorted(heard, key=lambda each: -each[1])[:8]

    def _alarms(self) -> Iterator[Noted]:
        rng = Random(f"{self._key}/alarm")  # noqa: S311 - noise, not secrets
        for each in common(self._truth.unpowered, (self._awake,)):
            begun = each.from_s + rng.randint(30, 60)
            over = each.to_s + rng.randint(30, 60)
            if begun < each.to_s:
                yield Noted(begun, "alarm", begun, ("unpowered", True))
                if over < self._awake.to_s:
                    yield Noted(over, "alarm", over, ("unpowered", False))

    def _health(self) -> Iterator[Noted]:
        for at in range(self._awake.from_s + _DAY, self._awake.to_s, _DAY):
            yield Noted(at, "health", at, ())

    def _if_awake(self, noted: Used) -> Iterator[Used]:
        """What is not noted before its power goes is forgotten."""
        if noted.noted_s < self._awake.to_s:
            yield noted

    def _events(self, in_use: int) -> int:
        each = _EVENT_S[self._truth.kind]
        return -(-in_use // each) if self._truth.kind == "hoist" else in_use // each


def _sessions(uses: Spans) -> Iterator[list[Span]]:
    """Uses that are told as one: less than a pause apart."""
    session: list[Span] = []
    for each in uses:
        if session and each.from_s - session[-1].to_s >= PAUSE_S:
            yield session
            session = []
        session.append(each)
    if session:
        yield session
