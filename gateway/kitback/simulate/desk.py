"""The staff's desk: tells the register what staff told it, when they did, and nothing else."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from kitback.locate import peppered
from kitback.policy import Policy
from kitback.register import IllegalMove, Register, assets, collections, fittings, holds, loans, places, recalls, tags
from kitback.register.tables import meta
from kitback.simulate.truth import Told, Truth, World

_WHO: Final = "desk"
_MODELS: Final = {"bed": "Profiling bed", "mattress": "Alternating mattress", "hoist": "Mobile hoist"}
_NOTICE: Final = "made-up notice"


class Refused(Struct, frozen=True):
    """A step that the register would not take."""

    at_s: int
    loan_ref: str
    step: str
    because: str


class _Errand(NamedTuple):
    at_s: int
    number: int  # so that errands of one second stay in order
    truth: Truth
    told: Told | None  # None: the asset comes into the service, with its tag


class Desk:
    """Works through what staff tell in a world, in order of time."""

    def __init__(self, world: World, register: Register, policy: Policy, pepper: bytes) -> None:
        self._world = world
        self._register = register
        self._policy = policy
        self._pepper = pepper
        self._errands = _in_order(world)
        self._next = next(self._errands, None)
        self.refused: list[Refused] = []
        """What the register would not take, such as a hold of a loan that is back."""

    def open(self) -> None:
        """Enter the places, and the radios of those where somebody noted them."""
        at = self._world.from_s
        with self._register.write() as conn:
            conn.execute(sa.insert(meta), {"name": "virtual", "value": "a population of kitback simulate"})
            for place in self._world.places.values():
                if not place.registered:
                    continue
                places.add_place(conn, place.place_id, None, place.type, place.place_id, at, who=_WHO)
                for radio in place.radios if place.surveyed else ():
                    places.add_anchor(conn, peppered(self._pepper, radio), place.place_id, at, who=_WHO)

    def work(self, now: int) -> None:
        """Enter all that staff tell until now."""
        if self._next is None or self._next.at_s > now:
            return
        with self._register.write() as conn:
            while self._next is not None and self._next.at_s <= now:
                self._enter(conn, self._next)
                self._next = next(self._errands, None)

    def _enter(self, conn: sa.Connection, errand: _Errand) -> None:
        if errand.told is None:
            _acquire(conn, self._policy, self._world, errand.truth)
            return
        if errand.told.step not in _STEPS:
            raise ValueError(f"staff cannot tell {errand.told.step!r} of a loan: they tell {', '.join(_STEPS)}")
        try:
            _STEPS[errand.told.step](conn, self._policy, errand.truth, errand.told)
        except IllegalMove as refused:
            told = errand.told
            self.refused.append(Refused(told.at_s, errand.truth.loan_ref, told.step, str(refused)))


def secret(world: World, truth: Truth) -> bytes:
    """The secret of a loan's tag. Of no worth: whatever it signs is made up."""
    return hashlib.sha256(f"{world.seed}/{truth.tag.tag_id}".encode()).digest()


def _in_order(world: World) -> Iterator[_Errand]:
    errands = [_Errand(truth.tag.fitted_s, -1, truth, None) for truth in world.loans]
    errands += [
        _Errand(told.at_s, number, truth, told) for truth in world.loans for number, told in enumerate(truth.told)
    ]
    return iter(sorted(errands, key=lambda each: (each.at_s, each.truth.loan_ref, each.number)))


def _acquire(conn: sa.Connection, policy: Policy, world: World, truth: Truth) -> None:
    """The asset and its tag come into the service."""
    at, asset_id = truth.tag.fitted_s, truth.asset_id
    assets.add_asset(conn, asset_id, truth.kind, _MODELS[truth.kind], at, who=_WHO)
    if truth.serviced_s is not None:
        assets.note_service(conn, policy, asset_id, truth.serviced_s, who=_WHO)
    if truth.examined_s is not None and policy.examined(truth.kind, truth.examined_s) is not None:
        assets.note_examination(conn, policy, asset_id, truth.examined_s, who=_WHO)
    tags.enrol_tag(conn, truth.tag.tag_id, secret(world, truth), at, who=_WHO)
    fittings.fit_tag(conn, truth.tag.tag_id, asset_id, at, who=_WHO)


def _prescribed(conn: sa.Connection, policy: Policy, truth: Truth, told: Told) -> None:
    loans.prescribe(
        conn,
        policy,
        truth.loan_ref,
        truth.asset_id,
        truth.pathway,
        truth.setting,
        truth.place_id,
        told.said_s,
        speed=truth.speed,
        used_by_paid_carers=truth.paid_carers,
        who=_WHO,
    )


def _returned(conn: sa.Connection, policy: Policy, truth: Truth, told: Told) -> None:
    """What is back is cleaned and tested on the day it is booked in."""
    loans.return_loan(conn, truth.loan_ref, told.said_s, who=_WHO)
    collections.decontaminate(conn, policy, truth.asset_id, told.at_s, who=_WHO)
    collections.inspect(conn, policy, truth.asset_id, told.at_s, "pass", who=_WHO)


_Entering = Callable[[sa.Connection, Policy, Truth, Told], None]

_STEPS: Final[dict[str, _Entering]] = {
    "prescribed": _prescribed,
    "delivered": lambda conn, policy, of, told: loans.deliver(conn, policy, of.loan_ref, told.said_s, who=_WHO),
    "reviewed": lambda conn, policy, of, told: loans.note_review(conn, policy, of.loan_ref, told.said_s, who=_WHO),
    "due_agreed": lambda conn, policy, of, told: loans.agree_due(
        conn, policy, of.loan_ref, told.said_s, told.at_s, who=_WHO
    ),
    "held": lambda conn, policy, of, told: holds.begin(conn, policy, of.loan_ref, told.said_s, who=_WHO),
    "hold_ended": lambda conn, _, of, told: holds.end(conn, of.loan_ref, told.said_s, who=_WHO),
    "returned": _returned,
    "serviced": lambda conn, policy, of, told: assets.note_service(conn, policy, of.asset_id, told.said_s, who=_WHO),
    "examined": lambda conn, policy, of, told: assets.note_examination(
        conn, policy, of.asset_id, told.said_s, who=_WHO
    ),
    "recalled": lambda conn, _, of, told: recalls.recall_asset(
        conn, _NOTICE, of.asset_id, "made up", told.said_s, who=_WHO
    ),
    "recall_ended": lambda conn, _, of, told: recalls.make_safe(conn, _NOTICE, of.asset_id, told.said_s, who=_WHO),
}
