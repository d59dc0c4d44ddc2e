"""Turns what the register knows into pages, in the words and times of staff."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader

from kitback.collect import WorklistItem
from kitback.history.upkeep import WARN_PCT
from kitback.policy import Period, Policy
from kitback.register.outbox import Room
from kitback.watch import Action
from kitback.watch.words import day, moment

_COLOURS = {
    Action.SAFETY_CHECK: "red",
    Action.BOOK_IN: "green",
    Action.ASK: "blue",
    Action.REVIEW: "purple",
    Action.CLINICIAN: "orange",
    Action.CHECK_TAG: "grey",
}
_FACTS = {
    "battery_mv": "Battery of the tag",
    "complete_to": "The tag has told of all up to",
    "due_s": "Due back",
    "fitted_at": "Tag fitted",
    "heard_at": "Tag last heard",
    "loan_from": "Lent",
    "place_from": "There since",
    "place_name": "Seen at",
    "place_seen": "Last seen there",
    "place_type": "Kind of place",
    "unpowered_from": "Without mains since",
    "used_at": "Last used",
}
_ORIGINS = {"P": "published", "J": "Kitback's judgement", "own": "your service's policy"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the worklist as it is shown."""

    item: WorklistItem
    colour: str
    kind: str
    pathway: str
    since: str
    basis: list[tuple[str, str]]
    """What the flag rests on: a name and a value each."""


def environment() -> Environment:
    """The templates: ours, and those of nhsuk-frontend."""
    loader = ChoiceLoader([PackageLoader("kitback.web"), PackageLoader("nhsuk_frontend_jinja")])
    return Environment(loader=loader, autoescape=True, undefined=ChainableUndefined)


def lines(items: Sequence[WorklistItem], policy: Policy, now_s: int) -> list[Line]:
    """The worklist, worded for the page."""
    return [
        Line(
            item=item,
            colour=_COLOURS[item.action],
            kind=policy.kind[item.kind].name,
            pathway=policy.pathway[item.pathway].name if item.pathway in policy.pathway else item.pathway,
            since=day(_unix(item.since), now_s),
            basis=list(_basis(item, now_s)),
        )
        for item in items
    ]


def _basis(item: WorklistItem, now_s: int) -> Iterator[tuple[str, str]]:
    for fact, value in item.evidence["seen"].items():
        if value is not None:
            yield _FACTS[fact], _words(fact, value, now_s)
    compared = item.evidence["compared_with"]
    if compared:
        yield "Compared with", f"{Period.parse(compared['value']).words()} ({_ORIGINS[compared['origin']]})"


def _words(fact: str, value: str | int, now_s: int) -> str:
    if isinstance(value, int):
        return f"{value / 1000:.1f} V"
    if fact in ("place_name", "place_type"):
        return value.replace("_", " ")
    return moment(_unix(value), now_s)


def _unix(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp())


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
