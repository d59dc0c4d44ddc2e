"""Turns what the register knows into pages, in the words and times of staff."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader

from kitback.collect import WorklistItem
from kitback.collect.evidence import basis
from kitback.collect.stores import Near
from kitback.collect.worklist import BY_POLICY, DROP_OFF, stale_words
from kitback.history.upkeep import WARN_PCT
from kitback.policy import Policy
from kitback.register.feeds import Feed
from kitback.register.outbox import Room
from kitback.watch import Action
from kitback.watch.words import day

_COLOURS = {
    Action.SAFETY_CHECK: "red",
    Action.WITHDRAW: "red",
    Action.CHASE_DELIVERY: "pink",
    Action.BOOK_IN: "green",
    Action.ASK: "blue",
    Action.REVIEW: "purple",
    Action.CLINICIAN: "orange",
    Action.SERVICE: "aqua-green",
    Action.CORRECT: "white",
    Action.CHECK_TAG: "grey",
}
MENU: Final = {"/": "Worklist", "/ready": "Ready now", "/collections": "Collections", "/kpi": "Figures"}
"""The pages, by their addresses."""
PAGE: Final = 50
"""Flags on a page."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the worklist as it is shown."""

    item: WorklistItem
    colour: str
    kind: str
    pathway: str | None
    since: str
    basis: list[tuple[str, str]]
    """What the flag rests on: a name and a value each."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What can be done in one go, because it is at one place."""

    name: str | None
    """What staff call the place; None when nobody knows where it is."""
    things: int
    """In all; a page shows at most `PAGE` of them."""
    flags: list[WorklistItem]


def environment() -> Environment:
    """The templates: ours, and those of nhsuk-frontend."""
    loader = ChoiceLoader([PackageLoader("kitback.web"), PackageLoader("nhsuk_frontend_jinja")])
    templates = Environment(loader=loader, autoescape=True, undefined=ChainableUndefined)
    templates.globals["drop_off"] = DROP_OFF
    templates.globals["menu"] = MENU
    return templates


def sheets(items: Sequence[WorklistItem], policy: Policy) -> list[list[Visit]]:
    """The worklist by visit, the most pressing first, as pages of at most `PAGE` flags; at least one page.

    A visit stands on one page, unless it is longer than that: a store may have thousands of things to do.
    """
    sheets: list[list[Visit]] = [[]]
    room = PAGE
    for visit in _visits(items, policy):
        for start in range(0, len(visit), PAGE):
            part = visit[start : start + PAGE]
            if len(part) > room:
                sheets.append([])
                room = PAGE
            sheets[-1].append(Visit(visit[0].visit_name, len(visit), part))
            room -= len(part)
    return sheets


def _visits(items: Sequence[WorklistItem], policy: Policy) -> Iterable[list[WorklistItem]]:
    """A safety check stands by itself before all visits: it does not wait for one. So does what is the clinician's:
    nobody comes to that door because they are near.
    """
    clinicians = {name for name, pathway in policy.pathway.items() if pathway.clinician_only}
    grouped: dict[str | int, list[WorklistItem]] = {}
    for item in items:
        alone = item.action is Action.SAFETY_CHECK or item.pathway in clinicians or item.visit is None
        grouped.setdefault(item.flag_id if alone else str(item.visit), []).append(item)
    return grouped.values()


def line(item: WorklistItem, policy: Policy, now_s: int) -> Line:
    """A flag, worded for the page."""
    pathway = policy.pathway.get(item.pathway or "")
    return Line(
        item=item,
        colour=_COLOURS[item.action],
        kind=policy.kind[item.kind].name,
        pathway=pathway.name if pathway else item.pathway,
        since=_day(item.since, now_s),
        basis=[
            *basis(item.evidence, now_s),
            *([("Why it was raised", BY_POLICY)] if item.cause == "policy" else []),
            ("Rank", rank_words(item)),
            *([("Put off until", _day(item.muted_until, now_s))] if item.muted_until else []),
            ("To note what you did, type", f"kitback flags show {item.flag_id}"),
        ],
    )


def rank_words(item: WorklistItem) -> str:
    """The rank, and the parts it is made of."""
    rank = item.rank
    own = "" if rank.value_from == "asset" else " for one of its kind"
    days = f"{rank.days} day" if rank.days == 1 else f"{rank.days} days"
    why = f" ({', '.join(part.because for part in rank.parts)})" if rank.parts else ""
    return f"{rank.score:,} = £{rank.value_pence / 100:,.0f}{own} x {days} x {rank.confidence:.0%} sure{why}"


def _day(iso: str, now_s: int) -> str:
    return day(int(datetime.fromisoformat(iso).timestamp()), now_s)


def notices(room: Room, stale: list[Feed], now_s: int) -> list[str]:
    """What staff should know besides the list."""
    told = notice(room)
    return ([told] if told else []) + [stale_words(each, now_s) for each in stale]


def notice(room: Room) -> str | None:
    """What staff should know of the way to InfluxDB; None while it need not trouble them."""
    if room.full_pct >= 100:
        return (
            "Kitback takes in nothing new from its tags, because it cannot pass its history on. Nothing is lost: tags "
            "keep what they note. Tell whoever looks after Kitback."
        )
    if room.full_pct >= WARN_PCT:
        return (
            "The dashboards are behind, because Kitback cannot pass its history on. This list is complete, and stays "
            "so until there is no more room for what waits. Tell whoever looks after Kitback."
        )
    return None


def troubles(errors: Sequence[Any]) -> list[tuple[str, str]]:
    """What of an address could not be understood, and what to give instead."""
    return [(str(each["loc"][-1]), _REMEDIES.get(each["type"], str(each["msg"]))) for each in errors]


_REMEDIES: Final = {"int_parsing": "give a whole number", "bool_parsing": "give true or false"}


def with_start(known: Sequence[Near], start: Near | None) -> list[Near]:
    """Where distances can be counted from; also where they are, if that is another place."""
    return [*known, *([start] if start is not None and start not in known else [])]
