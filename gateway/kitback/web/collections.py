"""Open collections in the words of staff, as their page shows them: by the visit that fetches them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kitback.collect.collections import Collection
from kitback.policy import Policy
from kitback.register.collections import ASKED_FOR
from kitback.watch.words import day, moment

SHOWN: Final = 100
"""Of each part of the page."""
_WORKSHOP: Final = {
    "collected": ("To be decontaminated", "collected_s"),
    "decontaminated": ("To be inspected and tested", "decontaminated_s"),
    "in_repair": ("In repair", "inspected_s"),
}
"""What is to be done next, and the step from which it waits."""


@dataclass(frozen=True, slots=True)
class Line:
    """One collection as it is shown."""

    item: Collection
    kind: str
    when: str
    """By when, or since when."""
    late: bool
    """It should be home by now."""
    mind: list[str]
    """What to mind before anybody goes there, or does something."""


@dataclass(frozen=True, slots=True)
class Group:
    """What one van fetches, or one bench works on."""

    heading: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page, as far as it is shown."""

    count: int
    late: int
    groups: list[Group]

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.count - sum(len(group.lines) for group in self.groups)


def to_book(found: Sequence[Collection], policy: Policy, now_s: int) -> Part:
    """What nobody has booked yet, by the place it is at: one visit fetches it all."""
    asked = [each for each in found if each.status == "requested"]
    return _part(asked, lambda each: f"{each.lent_to} ({each.place_id})", lambda each: each.place_id, policy, now_s)


def booked(found: Sequence[Collection], policy: Policy, now_s: int) -> Part:
    """What is booked, by its visit, the next visit first."""
    going = sorted((each for each in found if each.status == "booked"), key=_leaves)

    def heading(each: Collection) -> str:
        return f"Visit {each.visit_id}, {moment(_leaves(each), now_s)}, {each.lent_to}"

    return _part(going, heading, lambda each: str(each.visit_id), policy, now_s)


def in_the_workshop(found: Sequence[Collection], policy: Policy, now_s: int) -> Part:
    """What is back and cannot be lent yet, by what is to be done next."""
    back = [each for each in found if each.status in _WORKSHOP]
    return _part(back, lambda each: _WORKSHOP[each.status][0], lambda each: each.status, policy, now_s)


def _leaves(each: Collection) -> int:
    return each.visit_from_s or 0


def _part(
    found: Sequence[Collection],
    heading: Callable[[Collection], str],
    together: Callable[[Collection], str],
    policy: Policy,
    now_s: int,
) -> Part:
    groups: dict[str, Group] = {}
    for each in found[:SHOWN]:
        group = groups.setdefault(together(each), Group(heading(each), []))
        group.lines.append(_line(each, policy, now_s))
    return Part(len(found), sum(_late(each) for each in found), list(groups.values()))


def _late(each: Collection) -> bool:
    return each.late and each.status in ASKED_FOR


def _line(each: Collection, policy: Policy, now_s: int) -> Line:
    return Line(
        item=each,
        kind=policy.kind[each.kind].name,
        when=_when(each, now_s),
        late=_late(each),
        mind=[
            *([f"Used since, {moment(each.used_s, now_s)}: ask again"] if each.used_s is not None else []),
            *([f"Failed visits: {each.failed_visits}"] if each.failed_visits else []),
            *(["Drop-off, no van for it alone"] if each.drop_off else []),
        ],
    )


def _when(each: Collection, now_s: int) -> str:
    if each.status in _WORKSHOP:
        since: int | None = getattr(each, _WORKSHOP[each.status][1])
        return "Not known since when" if since is None else f"Since {day(since, now_s)}"
    return "No day is set" if each.collect_by_s is None else f"By {day(each.collect_by_s, now_s)}"
