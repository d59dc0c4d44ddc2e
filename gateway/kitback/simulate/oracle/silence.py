"""Rules of silence: tags on loan that nobody hears, while somebody listens."""

from collections.abc import Iterator

from kitback.simulate.oracle.case import Case, spans
from kitback.simulate.oracle.expected import Expected, Window
from kitback.simulate.oracle.london import later, stamp
from kitback.simulate.truth import Span, common, without


def expected(case: Case) -> Iterator[Expected]:
    """Flags of silent and never_heard."""
    truth = case.truth
    if truth.delivered_s is None:
        return
    for gap in without(spans((truth.tag.fitted_s, case.end_s)), _heard_spans(case)):
        if gap.to_s > truth.delivered_s:
            yield from _silent(case, gap, truth.delivered_s)


def _heard_spans(case: Case) -> tuple[Span, ...]:
    """When its tag can talk; not for so short a time that it may not notice."""
    return tuple(able for able in case.hearing.able if case.hearing.surely_talks(able))


def _silent(case: Case, gap: Span, delivered_s: int) -> Iterator[Expected]:
    """A silence is counted from the delivery at the soonest, and not while nobody listened."""
    hearing, silent_after = case.hearing, case.kind.silent_after
    heard = hearing.last_heard(gap.from_s)
    first_s, last_s = heard or (case.truth.tag.fitted_s, case.truth.tag.fitted_s)
    from_s = case.somebody_there(max(later(max(first_s, delivered_s), silent_after), gap.from_s))
    surely_s = later(max(gap.from_s, last_s, delivered_s), silent_after)
    for away in case.world.away:
        if away.from_s < surely_s and away.to_s > max(gap.from_s, delivered_s):
            surely_s = later(away.to_s, silent_after)
    flickers = common(hearing.able, (gap,))
    since_s = max(last_s, delivered_s) if first_s < delivered_s and heard else last_s
    yield from case.flags(
        "silent" if heard else "never_heard",
        Window(first_s, max(since_s, flickers[-1].to_s) if flickers and heard else since_s),
        common(spans((from_s, hearing.latest(gap.to_s))), case.may_be_on_loan),
        () if flickers else common(spans((surely_s, gap.to_s)), case.on_loan),
        f"{case.truth.cause}: its tag could not talk {stamp(gap.from_s)} to {stamp(gap.to_s)}",
        "heard again about when it would count, or for a moment in between",
    )
