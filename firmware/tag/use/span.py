"""Joins senses into spans of use, so that an idle month costs a few records and a busy hour one.

A quiet span lasts until use begins, a day at most, or a week while no gateway hears the tag. A busy span lasts about an
hour at most; it ends at its last use when nothing followed for a quarter of an hour, or until the hour was full. Spans
follow each other without a gap.
"""

from micropython import const

from tag import routine
from tag.retained import state

_BUSY_S = const(3600)
_PAUSE_S = const(900)


def begin(now: int) -> None:
    """Open the first, quiet span."""
    state.sensed_at = now
    _open(now, False)


def step(now: int, active: bool, events: int):
    """Take one sense. The span that it ended, as (at, span, in_use, events), or None."""
    if state.using:
        # No longer than a pause: cycles that could not sense, for want of supply, are no proof of use.
        sure = min(now - state.sensed_at, _PAUSE_S)
        state.in_use += sure
        state.used_at = state.sensed_at + sure
    state.sensed_at = now
    state.using = active
    done = None
    if state.busy:
        full = now - state.span_at >= _BUSY_S
        if active or events:
            if full:
                done = _close(now, True)
        elif full or now - state.used_at >= (state.pause_s or _PAUSE_S):
            # Of a single event the span lasts a second, or there would be no record to hold it.
            done = _close(max(state.used_at, state.span_at + 1), False)
    elif active or events:
        done = _close(now, True)
    elif now - state.span_at >= routine.every_s():
        done = _close(now, False)
    if active or events:
        state.used_at = now
        state.events += events
    return done


def so_far(now: int):
    """The open span as (at, span, in_use, events)."""
    return (state.span_at, now - state.span_at, state.in_use, state.events)


def _close(at: int, busy):
    """Close the open span and open the next. A span without length is no record."""
    done = so_far(at) if at > state.span_at else None
    _open(at, busy)
    return done


def _open(at: int, busy) -> None:
    state.span_at = at
    state.in_use = 0
    state.events = 0
    state.busy = bool(busy)
