"""What the service has agreed, and the clocks that follow from it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final, Literal, TypeVar

from msgspec import Struct

from kitback.policy.calendar import add_working_days
from kitback.policy.model import SETTINGS, Collection, DeliverySpeed, Feed, Kind, Pathway, Retention, Watch

_T = TypeVar("_T")

_ORIGINS = {"P": "published", "J": "Kitback's judgement", "own": "your policy file", "": ""}

VAN: Final = "van"
"""How equipment came back when a van was sent for it; all other ways need none."""

Scalar = str | int | bool
Key = tuple[str, ...]
"""Section, name and field, as `("pathway", "home_first", "loan_period")` or `("watch", "due_soon")`."""


class PolicyError(Exception):
    """The policy cannot be used. The message names the file, the key and the remedy."""


class Entry(Struct, frozen=True):
    """One line of the policy, and where it comes from."""

    value: Scalar
    origin: Literal["", "P", "J", "own"] = ""
    """Published, judged for Kitback, or the service's own. Empty for a name."""
    note: str = ""

    @property
    def source(self) -> str:
        """Where it comes from, in words: `published: Vale of York`."""
        return ": ".join(part for part in (_ORIGINS[self.origin], self.note) if part)


class Difference(Struct, frozen=True):
    """One line that two policies do not share."""

    key: str
    """As it stands in a file, such as `pathway.home_first.loan_period`."""
    before: Scalar | None
    """None: there was no such line."""
    after: Scalar | None


class Clocks(Struct, frozen=True, kw_only=True):
    """When what is due of a loan, in Unix seconds; None where nothing is."""

    deliver_by_s: int | None
    deliver_risk_s: int | None
    """From here on a delivery that is still out is at risk."""
    team_response_s: int | None
    due_s: int | None
    due_soon_s: int | None
    review_s: int | None


class Policy(Struct, frozen=True, kw_only=True):
    """What the service has agreed. Days and months are London's."""

    delivery_speed: dict[str, DeliverySpeed]
    pathway: dict[str, Pathway]
    kind: dict[str, Kind]
    watch: Watch
    collection: Collection
    feed: Feed
    retention: Retention
    entries: dict[Key, Entry]
    """Every line as it was written, for showing."""

    def clocks(
        self, pathway: str, setting: str, speed: str | None, prescribed_s: int | None, delivered_s: int | None
    ) -> Clocks:
        """The clocks of a loan before its first review.

        Args:
            setting: where it is lent to. Every setting gets the same clocks; only idleness is judged by it.
            speed: the delivery speed that staff chose for the loan; None is the pathway's.
            prescribed_s: None when nobody noted a prescription: there is no clock of delivery then.
            delivered_s: None while it is not delivered: nothing is due back or for review.

        Raises:
            PolicyError: no such pathway, setting or delivery speed.
        """
        agreed = self._pathway(pathway)
        if setting not in SETTINGS:
            raise PolicyError(f'setting "{setting}" is not known; there are {", ".join(SETTINGS)}')
        due_s = None if delivered_s is None else self.due(pathway, delivered_s)
        return Clocks(
            deliver_by_s=None if prescribed_s is None else self.deliver_by(pathway, speed, prescribed_s),
            deliver_risk_s=None if prescribed_s is None else self.deliver_risk(pathway, speed, prescribed_s),
            team_response_s=None if prescribed_s is None else _team_response(agreed, prescribed_s),
            due_s=due_s,
            due_soon_s=None if due_s is None or delivered_s is None else self.due_soon(delivered_s, due_s),
            review_s=None if delivered_s is None else self.next_review(pathway, delivered_s, None),
        )

    def deliver_by(self, pathway: str, speed: str | None, prescribed_s: int) -> int:
        """When equipment prescribed at `prescribed_s` is to be there."""
        return self._speed(pathway, speed).within.after(prescribed_s)

    def deliver_risk(self, pathway: str, speed: str | None, prescribed_s: int) -> int:
        """From when on its delivery is at risk."""
        before = self._speed(pathway, speed).warn_before
        return before.before(self.deliver_by(pathway, speed, prescribed_s))

    def due(self, pathway: str, delivered_s: int) -> int | None:
        """When a loan on `pathway` that was delivered at `delivered_s` is due back; None when it has no end.

        Raises:
            PolicyError: no such pathway.
        """
        period = self._pathway(pathway).loan_period
        return period.after(delivered_s) if period else None

    def due_soon(self, delivered_s: int, due_s: int) -> int:
        """From when on a loan that is due back at `due_s` is due soon: never for more than half of it."""
        return max(self.watch.due_soon.before(due_s), (delivered_s + due_s) // 2)

    def next_review(self, pathway: str, delivered_s: int, reviewed_s: int | None) -> int | None:
        """When a loan is to be reviewed next, last reviewed at `reviewed_s`; None when it has had its only review.

        Raises:
            PolicyError: no such pathway.
        """
        agreed = self._pathway(pathway)
        if reviewed_s is None or not self.review_counts(pathway, delivered_s, reviewed_s):
            return agreed.review.after(delivered_s)
        return agreed.review_again.after(reviewed_s) if agreed.review_again else None

    def review_counts(self, pathway: str, delivered_s: int, reviewed_s: int) -> bool:
        """Whether a review counts for the first one, that is, was held at most `watch.due_soon` before it.

        If it was held any earlier, the first still stands: it marks how somebody fares after so many days.

        Raises:
            PolicyError: no such pathway.
        """
        return reviewed_s >= self.watch.due_soon.before(self._pathway(pathway).review.after(delivered_s))

    def collect_by(self, pathway: str, requested_s: int) -> int | None:
        """The end of the working day by which a collection requested at `requested_s` is to be made; None: no clock.

        Raises:
            PolicyError: no such pathway.
        """
        days = self._pathway(pathway).collect_within_working_days
        return add_working_days(requested_s, days) if days else None

    def serviced(self, kind: str, at_s: int) -> int | None:
        """When a piece of `kind` that was serviced at `at_s` is to be serviced again; None: never.

        Raises:
            PolicyError: no such kind.
        """
        every = self._kind(kind).service_every
        return every.after(at_s) if every else None

    def examined(self, kind: str, at_s: int) -> int | None:
        """When a piece of `kind` that was thoroughly examined at `at_s` is to be examined again; None: never.

        Raises:
            PolicyError: no such kind.
        """
        every = self._kind(kind).examine_every
        return every.after(at_s) if every else None

    def credit_pence(self, kind: str, value_pence: int | None) -> int:
        """What a commissioner gets back for a piece of `kind` that is available again, rounded down to a penny.

        Args:
            value_pence: what a new one costs; None: as the policy says of its kind.

        Raises:
            PolicyError: no such kind.
        """
        its = self._kind(kind)
        return (its.value_pence if value_pence is None else value_pence) * its.credit_pct // 100

    def homecoming_cost_pence(self, kind: str, how: str) -> int:
        """What it costs to have a piece of `kind` back and cleaned; `how` it came is `van`, `drop_off` or `found`.

        A van counts whole for each piece, whatever else it did there: what that saved is counted in journeys.

        Raises:
            PolicyError: no such kind.
        """
        return self._kind(kind).cleaning_pence + self.fetching_cost_pence(how)

    def fetching_cost_pence(self, how: str) -> int:
        """What it costs to have a piece back, as `homecoming_cost_pence`, if it is never cleaned."""
        return self.collection.van_pence if how == VAN else 0

    @property
    def values(self) -> dict[str, Scalar]:
        """Every line's value by its key as it stands in a file: what to keep, to know later what has changed."""
        return {".".join(key): entry.value for key, entry in self.entries.items()}

    @property
    def fingerprint(self) -> str:
        """The same for two policies that say the same, 64 hexadecimal digits; another once one value changes."""
        return hashlib.sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()

    def differences(self, old: Mapping[str, Scalar]) -> list[Difference]:
        """What this policy says otherwise than one whose `values` were `old`, in the order of the file."""
        new = self.values
        return [
            Difference(key, old.get(key), new.get(key))
            for key in [*new, *(key for key in old if key not in new)]
            if key not in old or key not in new or old[key] != new[key]
        ]

    def _pathway(self, name: str) -> Pathway:
        return _named("pathway", self.pathway, name)

    def _kind(self, name: str) -> Kind:
        return _named("kind", self.kind, name)

    def _speed(self, pathway: str, chosen: str | None) -> DeliverySpeed:
        agreed = self._pathway(pathway).delivery_speed
        return _named("delivery speed", self.delivery_speed, agreed if chosen is None else chosen)


def _team_response(pathway: Pathway, referred_s: int) -> int | None:
    if pathway.team_response is None:
        return None
    if pathway.hours is None:
        return pathway.team_response.after(referred_s)
    return pathway.hours.after(referred_s, pathway.team_response)


def _named(what: str, there: Mapping[str, _T], name: str) -> _T:
    if name not in there:
        raise PolicyError(f'{what} "{name}" is not in the policy; it has {", ".join(there)}')
    return there[name]
