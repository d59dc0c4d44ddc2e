"""What came of a run, in figures: the flags by rule, and how useful they were. No threshold says what is good."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from kitback.simulate.gateway import Flag
from kitback.simulate.run import Ran
from kitback.simulate.truth import Cause, Truth

_DAY: Final = 86_400

LEADS_HOME: Final = ("idle", "never_used", "overdue", "off_site", "seen_in_stores")
"""The rules whose flags make staff ask whether something can come home, or book it in."""


class Quartiles(Struct, frozen=True):
    """Of days; None when there are none."""

    first: float | None
    median: float | None
    third: float | None


class Found(Struct, frozen=True):
    """How many of the loans that should have come home were flagged as such."""

    loans: int
    """Loans that nobody needed any more, from some moment on, while the register had them out."""
    flagged: int
    """Of these, with a flag open at some time from that moment on and before they were booked in."""
    days: Quartiles
    """From that moment until the flag was raised; 0 when it was open already."""
    back_unflagged: int
    """Of the others, how many came home by themselves."""
    out_unflagged: int
    """And how many were still out at the end."""


class Figures(Struct, frozen=True, kw_only=True):
    """Everything worth counting of one run."""

    flags: dict[str, int]
    """Raised, by rule."""
    open_at_end: dict[str, int]
    causes: dict[Cause, int]
    """Loans whose cause came true, by cause."""
    useful: Found
    """By any of the rules that lead home."""
    useful_by_rule: dict[str, Found]
    useful_by_cause: dict[Cause, Found]
    others: int
    """Loans that were delivered, and needed to the end or as long as they were out."""
    others_flagged: dict[str, int]
    """Of these, how many were flagged by each of the rules that lead home; `any` for one of them at least."""


def figures(ran: Ran) -> Figures:
    """Count."""
    loans = ran.world.loans
    flags = _by_asset([each for each in ran.flags if each.rule in LEADS_HOME])
    should = [truth for truth in loans if truth.free_from_s is not None and _out(truth)]
    others = [truth for truth in loans if truth.free_from_s is None and truth.delivered_s is not None]
    causes = sorted({truth.cause for truth in should})
    return Figures(
        flags=dict(Counter(each.rule for each in ran.flags)),
        open_at_end=dict(Counter(each.rule for each in ran.flags if each.closed_at is None)),
        causes=dict(Counter(truth.cause if truth.came_true else "needed" for truth in loans)),
        useful=_found(should, flags, LEADS_HOME),
        useful_by_rule={rule: _found(should, flags, (rule,)) for rule in LEADS_HOME},
        useful_by_cause={
            cause: _found([truth for truth in should if truth.cause == cause], flags, LEADS_HOME) for cause in causes
        },
        others=len(others),
        others_flagged={rule: _flagged(others, flags, (rule,)) for rule in LEADS_HOME}
        | {"any": _flagged(others, flags, LEADS_HOME)},
    )


def as_json(ran: Ran, counted: Figures) -> dict[str, Any]:
    """A run for machines: how it was made, its figures, every flag, and the cause behind every loan. Times are UTC."""
    world = ran.world
    return {
        "virtual": True,
        "seed": world.seed,
        "loans": len(world.loans),
        "from": _iso(world.from_s),
        "to": _iso(world.to_s),
        "judged_every_s": ran.judged_every_s,
        "reports": ran.reports,
        "figures": counted,
        "flags": [
            asdict(each)
            | {"since": _iso(each.since), "raised_at": _iso(each.raised_at), "closed_at": _iso(each.closed_at)}
            for each in ran.flags
        ],
        "causes": [
            {
                "asset_id": truth.asset_id,
                "loan_ref": truth.loan_ref,
                "cause": truth.cause,
                "cause_at": _iso(truth.cause_s) if truth.came_true else None,
                "free_from": _iso(truth.free_from_s),
                "home_at": _iso(truth.home_s),
            }
            for truth in world.loans
        ],
        "refused": [asdict(each) | {"at_s": _iso(each.at_s)} for each in ran.refused],
    }


def _out(truth: Truth) -> bool:
    """Whether the register had it out for any time after it should have come home."""
    return truth.home_s is None or truth.free_from_s is None or truth.free_from_s < truth.home_s


def _by_asset(flags: Sequence[Flag]) -> dict[str, list[Flag]]:
    found: dict[str, list[Flag]] = {}
    for each in flags:
        found.setdefault(each.asset_id, []).append(each)
    return found


def _found(should: Sequence[Truth], flags: dict[str, list[Flag]], rules: Sequence[str]) -> Found:
    days: list[float] = []
    back = 0
    for truth in should:
        raised = _raised(truth, flags.get(truth.asset_id, ()), rules)
        if raised is not None:
            days.append(raised / _DAY)
        elif truth.home_s is not None:
            back += 1
    return Found(len(should), len(days), _quartiles(days), back, len(should) - len(days) - back)


def _raised(truth: Truth, flags: Sequence[Flag], rules: Sequence[str]) -> int | None:
    """Seconds from when it should come home to the first flag that said so; None without one."""
    free_from = truth.free_from_s or 0
    counting = (
        each.raised_at
        for each in flags
        if each.rule in rules
        and (each.closed_at is None or each.closed_at > free_from)
        and (truth.home_s is None or each.raised_at < truth.home_s)
    )
    first = min(counting, default=None)
    return None if first is None else max(0, first - free_from)


def _flagged(others: Sequence[Truth], flags: dict[str, list[Flag]], rules: Sequence[str]) -> int:
    return sum(any(each.rule in rules for each in flags.get(truth.asset_id, ())) for truth in others)


def _quartiles(days: list[float]) -> Quartiles:
    """By the nearest rank: each is a figure that was seen."""
    if not days:
        return Quartiles(None, None, None)
    ranked = sorted(days)
    return Quartiles(*(round(ranked[min(len(ranked) - 1, len(ranked) * quarter // 4)], 1) for quarter in (1, 2, 3)))


def _iso(unix_s: int | None) -> str | None:
    return None if unix_s is None else f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
