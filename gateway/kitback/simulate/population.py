"""Draws a service and its loans. The same seed draws the same ones, whatever the policy says: nothing here reads it."""

from collections.abc import Mapping
from random import Random
from typing import Final, TypeVar

from kitback.simulate import fates, shares
from kitback.simulate.life import DAY, HOUR, MINUTE, STORE, Life
from kitback.simulate.truth import Away, Cause, Place, Setting, Span, Truth, World

CARE_HOMES: Final = 12
_SCHOOLS: Final = 3
_BEGINS: Final = 1_767_571_200
"""Monday 5 January 2026, midnight UTC: bank holidays at Easter, in May, and the change to summer time lie ahead."""

_T = TypeVar("_T")


def draw(loans: int, days: int, seed: int) -> World:
    """A service with so many loans, for so many days."""
    from_s, to_s = _BEGINS, _BEGINS + days * DAY
    drawn = tuple(_loan(seed, number, from_s, to_s) for number in range(1, loans + 1))
    rng = _rng(seed, "service")
    visited = {stay.place_id for truth in drawn for stay in truth.stays if stay.place_id} | {
        truth.place_id for truth in drawn
    }
    return World(
        seed=seed,
        from_s=from_s,
        to_s=to_s,
        places={place_id: _place(seed, place_id) for place_id in sorted(visited | {STORE})},
        away=_away(rng, from_s, to_s),
        loans=drawn,
    )


def _loan(seed: int, number: int, from_s: int, to_s: int) -> Truth:
    rng = _rng(seed, f"loan-{number}")
    kind = _chosen(rng, shares.KIND)
    pathway = _chosen(rng, shares.PATHWAY)
    setting: Setting = "care_home" if pathway == "care_home" else _chosen(rng, shares.SETTING)
    speed = "discharge" if pathway == "hospital_discharge" and rng.random() < shares.DISCHARGE else None
    # All in the first two thirds, so that there is something to see of each.
    prescribed = from_s + DAY // 2 + int(rng.random() * max(0, (to_s - from_s) * 2 // 3 - DAY // 2))
    within = shares.SPEED_HOURS[speed or pathway]
    life = Life(
        rng=rng,
        number=number,
        kind=kind,
        pathway=pathway,
        setting=setting,
        speed=speed,
        place_id=_home(rng, setting, number),
        fitted=max(from_s, prescribed - int(rng.uniform(0.3, 10) * DAY)),
        prescribed=prescribed,
        delivered=prescribed + int(rng.uniform(*within) * HOUR),
        end=to_s,
        on_mains=kind == "mattress" or (kind == "bed" and rng.random() >= shares.BED_ON_BATTERY),
    )
    life.cause = _possible(life, _chosen(rng, shares.CAUSE))
    fates.befall(life)
    _paperwork(life)
    _troubles(life)
    return life.truth()


def _possible(life: Life, cause: Cause) -> Cause:
    """The cause, if it can befall such a loan."""
    if cause in ("unplugged", "broken_pump") and life.kind != "mattress":
        return "needed"
    if cause == "flat_battery" and life.on_mains:
        return "needed"
    if cause == "recovered" and life.pathway == "end_of_life":
        return "died"
    return cause


def _paperwork(life: Life) -> None:
    """What staff tell the register whatever happens."""
    rng = life.rng
    end = life.end if life.home is None else min(life.home, life.gone or life.home)
    life.tell(life.prescribed, "prescribed")
    drawn = rng.random()
    late = rng.uniform(1, 10) * MINUTE if drawn < 0.7 else rng.uniform(0.5, 8) * HOUR if drawn < 0.94 else 4 * DAY
    life.tell(life.delivered + int(late), "delivered", life.delivered)
    known = life.delivered + int(late)
    if rng.random() < 0.75:
        for at in _reviews(rng, life):
            if known < at < end:
                life.tell(at, "reviewed")
    if rng.random() < 0.05:
        at = life.delivered + int(rng.uniform(0.2, 0.9) * shares.CARE_DAYS[life.pathway] * DAY)
        if known < at < end:
            life.tell(at, "due_agreed", at + int(rng.uniform(7, 60)) * DAY)
    if rng.random() < shares.RECALLED:
        at = life.prescribed + 1 + int(rng.random() * (life.end - life.prescribed))
        life.tell(at, "recalled")
        if rng.random() < 0.5:
            life.tell(at + int(rng.uniform(1, 20) * DAY), "recall_ended")
    if rng.random() < 0.05:
        at = life.fitted + int(rng.random() * (life.end - life.fitted))
        life.tell(at, "serviced")
        if life.kind == "hoist":
            life.tell(at, "examined")


def _reviews(rng: Random, life: Life) -> list[int]:
    """When somebody asks whether it still suits: about when care should be over, at three months where it goes on."""
    days = min(shares.CARE_DAYS[life.pathway], 88)
    return [life.delivered + int(days * rng.uniform(0.7, 1.15) * DAY)]


def _troubles(life: Life) -> None:
    """What befalls any home: no electricity for a while, no network for a while."""
    rng, stood_to = life.rng, life.gone if life.gone is not None else life.end
    at = life.delivered + int(rng.expovariate(1 / (shares.POWER_CUT_DAYS * DAY)))
    if life.cause not in ("broken_pump",):
        while at < stood_to - 3 * HOUR:
            _cut(life, at, rng.randint(3 * MINUTE, 75 * MINUTE))
            at += DAY + int(rng.expovariate(1 / (shares.POWER_CUT_DAYS * DAY)))
    at = life.delivered + int(rng.expovariate(1 / (shares.NETWORK_GAP_DAYS * DAY)))
    while at < life.end:
        life.unreached.append(Span(at, min(life.end, at + 60 + int(rng.lognormvariate(0.5, 1) * HOUR))))
        at += DAY + int(rng.expovariate(1 / (shares.NETWORK_GAP_DAYS * DAY)))


def _cut(life: Life, at: int, seconds: int) -> None:
    """A power cut; somebody lies there only while the thing is needed."""
    if any(each.from_s <= at < each.to_s for each in (*life.unneeded, *life.still)) or (
        life.free_from is not None and life.free_from <= at
    ):
        life.unplugged.append(Span(at, min(at + seconds, life.end)))
    else:
        life.power_cut(at, seconds)


def _home(rng: Random, setting: Setting, number: int) -> str:
    match setting:
        case "care_home":
            return f"care-home-{rng.randint(1, CARE_HOMES)}"
        case "school":
            return f"school-{rng.randint(1, _SCHOOLS)}"
        case "hospital":
            return "hospital"
        case "home":
            return f"home-{number}"


def _place(seed: int, place_id: str) -> Place:
    rng = _rng(seed, place_id)
    what = place_id.partition("-")[0]
    known = what != "elsewhere"
    return Place(
        place_id=place_id,
        type={"care": "care_home", "school": "school", "hospital": "hospital", "store": "store"}.get(
            what, "loan_address"
        ),  # type: ignore[arg-type] # a Literal each, which a dict forgets
        registered=known,
        surveyed=known and (what != "home" or rng.random() < shares.SURVEYED),
        radios=tuple(rng.randbytes(6).hex() for _ in range(rng.randint(3, 6))),
    )


def _away(rng: Random, from_s: int, to_s: int) -> tuple[Away, ...]:
    found: list[Away] = []
    for what, every in shares.AWAY_DAYS.items():
        at = from_s + 2 * DAY + int(rng.expovariate(1 / (every * DAY)))
        while at < to_s - DAY:
            lasts = int(min(14, 0.25 + rng.lognormvariate(0.2, 1)) * HOUR)
            found.append(Away(what, at, at + lasts))  # type: ignore[arg-type] # the keys are its words
            at += lasts + DAY + int(rng.expovariate(1 / (every * DAY)))
    found.sort(key=lambda each: each.from_s)
    apart: list[Away] = []
    for each in found:
        if not apart or each.from_s > apart[-1].to_s + HOUR:
            apart.append(each)
    return tuple(apart)


def _chosen(rng: Random, among: Mapping[_T, float]) -> _T:
    return rng.choices(list(among), list(among.values()))[0]


def _rng(seed: int, name: str) -> Random:
    return Random(f"{seed}/{name}")  # noqa: S311 - made-up people, not secrets
