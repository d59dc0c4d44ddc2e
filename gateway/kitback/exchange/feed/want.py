"""What the register ought to hold of a loan, by what its feed has said of it."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from kitback.exchange.feed.message import Fact
from kitback.policy import Policy
from kitback.register.steps import when

_NEEDED: Final = ("asset", "pathway", "place")
_COLUMN: Final = {
    "asset": "asset_id",
    "pathway": "pathway",
    "place": "place_id",
    "commissioner": "commissioner",
    "speed": "speed",
}


class Want(Struct):
    """A loan as its feed has it."""

    row: dict[str, Any]
    """The columns of `loan` that a feed tells, but its reference; `setting` is None where it was not told."""
    doubts: list[str]
    """What of it cannot be true together, and was left out."""


class Waits(Exception):
    """Too little is known, or what cannot be: nothing is entered. The message says what to do."""


def want(policy: Policy, facts: Mapping[str, Fact]) -> Want:
    """What follows from what was said.

    Raises:
        Waits: it cannot be entered.
    """
    absent = [name for name in _NEEDED if name not in facts]
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        raise Waits(f"its {' and '.join(absent)} {verb} not told: have the provider's system tell it")
    if facts["pathway"] not in policy.pathway:
        raise Waits(
            f"pathway {facts['pathway']!r} is not known: have one of {', '.join(policy.pathway)} told, "
            "or add it to the policy"
        )
    if "speed" in facts and facts["speed"] not in policy.delivery_speed:
        raise Waits(
            f"delivery speed {facts['speed']!r} is not known: have one of {', '.join(policy.delivery_speed)} told"
        )
    row: dict[str, Any] = {column: facts.get(name) for name, column in _COLUMN.items()}
    row |= {
        "setting": facts.get("setting"),
        "used_by_paid_carers": facts.get("paid_carers", False),
        "special": facts.get("special", False),
    }
    return Want(row, _dates(facts, row))


def ended(policy: Policy, facts: Mapping[str, Fact]) -> int | None:
    """When a loan was over and its equipment, as far as that was said, home; None: it goes on.

    Raises:
        Waits: as `want`.
    """
    row = want(policy, facts).row
    times = [row["to_s"], row["available_s"]]
    return None if row["to_s"] is None else max(each for each in times if each is not None)


def _dates(facts: Mapping[str, Fact], row: dict[str, Any]) -> list[str]:
    """Put in the dates, as far as they can be true together; returns what cannot."""
    prescribed, delivered, returned, cancelled = (
        _time(facts, name) for name in ("prescribed", "delivered", "returned", "cancelled")
    )
    doubts = []
    if prescribed is None and delivered is None:
        ends = " and ".join(name for name in ("returned", "cancelled") if name in facts)
        first = f"told as {ends} only: " if ends else ""
        raise Waits(f"{first}neither its prescription nor its delivery is told: have one of them told")
    if prescribed is not None and delivered is not None and delivered < prescribed:
        doubts.append(
            f"told as delivered at {when(delivered)}, before its prescription at {when(prescribed)}: "
            "have the dates put right; until then the prescription is left out"
        )
        prescribed = None
    ended = returned if delivered is not None else None
    if returned is not None and delivered is None:
        doubts.append(f"told as returned at {when(returned)}, but not as delivered: have the delivery told")
    elif returned is not None and delivered is not None and returned < delivered:
        doubts.append(
            f"told as returned at {when(returned)}, before its delivery at {when(delivered)}: "
            "have the dates put right; until then it counts as out"
        )
        ended = None
    if cancelled is not None and delivered is not None:
        doubts.append(f"told as cancelled at {when(cancelled)}, but also as delivered: have one of them taken back")
    elif cancelled is not None and prescribed is not None and cancelled < prescribed:
        doubts.append(f"told as cancelled at {when(cancelled)}, before its prescription: have the dates put right")
    elif cancelled is not None:
        ended = cancelled
    row |= {"prescribed_s": prescribed, "from_s": delivered, "to_s": ended}
    return doubts + _home(facts, row)


def _home(facts: Mapping[str, Fact], row: dict[str, Any]) -> list[str]:
    """As `_dates`, of what came back."""
    back = row["to_s"] if row["from_s"] is not None else None
    clean, ready = _time(facts, "decontaminated"), _time(facts, "available")
    row |= {"decontaminated_s": None, "available_s": None}
    if clean is None and ready is None:
        return []
    if back is None:
        return ["told as decontaminated or available, but not as returned: have its return told"]
    if clean is None or clean < back or (ready is not None and ready < clean):
        return [
            "told as available or decontaminated, but not in the order returned, decontaminated, available: have these "
            "dates put right; until then it counts as not clean"
        ]
    row |= {"decontaminated_s": clean, "available_s": ready}
    return []


def _time(facts: Mapping[str, Fact], name: str) -> int | None:
    value = facts.get(name)
    return value if isinstance(value, int) else None
