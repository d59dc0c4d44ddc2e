"""When the register can know, at the soonest and at the latest, what a tag noted."""

from typing import Final

from kitback.simulate.truth import (
    RECORD_S,
    REPORT_EVERY_S,
    TICK_S,
    Span,
    Spans,
    Truth,
    World,
    common,
    without,
)

_LOST_S: Final = TICK_S
"""For a report that gets lost, and is tried again with the next tick: two in a row are one in 4,000."""

_DRIFT: Final = 0.012
"""How far a counter, and a time placed by it, may be out."""

_DAY_S: Final = 86400

_RATED_S: Final = 2 * 3600
"""Two round trips so far apart tell how fast a counter runs."""


class Hearing:
    """What reaches the register of one tag, and when."""

    def __init__(self, world: World, truth: Truth) -> None:
        self._end_s = world.to_s
        self._gateway_away = [Span(away.from_s, away.to_s) for away in world.away if away.what == "gateway"]
        broker_away = tuple(Span(away.from_s, away.to_s) for away in world.away if away.what == "broker")
        self._awake = truth.tag.awake
        self._starts = {span.from_s for span in truth.tag.awake}
        self.able: Spans = common(truth.tag.awake, truth.tag.network)
        """When the tag can talk, if anybody is there."""
        self.talks: Spans = without(self.able, broker_away)
        """When it can talk to the broker, which keeps what it said for the gateway."""
        self.at_once_s: Final = TICK_S + _LOST_S
        """A start or an alarm is told within this."""
        self.regularly_s: Final = int(REPORT_EVERY_S[truth.kind] * (1 + _DRIFT)) + TICK_S + _LOST_S
        """Anything else is."""
        trips_s = self.at_once_s + max(self.regularly_s, _RATED_S)
        rated = (span.from_s + trips_s for span in self.talks if span.from_s + trips_s <= span.to_s)
        self._rated_s = next(rated, self._end_s)
        """Since when it is known how fast its counter runs."""

    def soonest(self, at_s: int) -> int:
        """When something noted then can be in the register; the end of the world if not before."""
        for span in self.talks:
            if at_s < span.to_s:
                return self._taken_in(max(at_s, span.from_s))
        return self._end_s

    def latest(self, at_s: int, at_once: bool = False) -> int:
        """When something noted then must be in the register; the end of the world or later if not before."""
        for span in self.talks:
            if at_s < span.to_s:
                told_s = self._told(span, at_s, at_once)
                if told_s <= span.to_s:
                    return self._taken_in_by(told_s)
        return self._end_s

    def surely_talks(self, span: Span) -> bool:
        """Whether one of `talks` is so long that the tag must have used it."""
        return self._told(span, span.from_s, at_once=False) <= span.to_s or span.to_s >= self._end_s

    def last_heard(self, before_s: int) -> tuple[int, int] | None:
        """The first and the last moment at which the tag may have been heard for the last time; None: it never was."""
        before = [Span(span.from_s, min(span.to_s, before_s)) for span in self.talks if span.from_s < before_s]
        if not before:
            return None
        sure = [span for span in before if self.surely_talks(span)] or before[:1]
        return max(sure[-1].from_s, sure[-1].to_s - self.regularly_s), self._taken_in_by(before[-1].to_s)

    def error(self, at_s: int) -> int:
        """How far the time of a record may be out, in seconds."""
        trips = [abs(at_s - min(max(at_s, span.from_s), span.to_s)) for span in self.talks]
        to_trip_s = min(trips, default=self._end_s)
        if to_trip_s >= _DAY_S:
            return int((to_trip_s + self.regularly_s) * _DRIFT)
        ran_s = min((at_s - awake.from_s for awake in self._awake if awake.from_s <= at_s), default=0)
        return RECORD_S if at_s >= self._rated_s else RECORD_S + int(ran_s * _DRIFT)

    def _told(self, span: Span, at_s: int, at_once: bool) -> int:
        begins_s = max(at_s, span.from_s)
        prompt = begins_s in self._starts or (at_once and begins_s == at_s)
        return begins_s + (self.at_once_s if prompt else self.regularly_s)

    def _taken_in_by(self, at_s: int) -> int:
        """What waited at the broker is taken in with the first tick after the outage."""
        waited = (away.to_s + TICK_S for away in self._gateway_away if away.from_s <= at_s < away.to_s + TICK_S)
        return next(waited, at_s)

    def _taken_in(self, at_s: int) -> int:
        return next((away.to_s for away in self._gateway_away if away.from_s <= at_s < away.to_s), at_s)
