"""What each cause does to a loan. None of it looks at a rule, a threshold or a loan period."""

from collections.abc import Callable
from typing import Final

from kitback.simulate import shares
from kitback.simulate.life import DAY, HOUR, MINUTE, Life
from kitback.simulate.truth import Cause, Span

Fate = Callable[[Life], None]


def befall(life: Life) -> None:
    """Let a loan's cause take its course."""
    FATES[life.cause](life)


def _needed(life: Life) -> None:
    life.cause_at = life.delivered


def _recovered(life: Life) -> None:
    life.cause_at = life.free_from = at = _after_care(life)
    life.no_longer_needed(at)
    _perhaps_fetched(life, at)


def _died(life: Life) -> None:
    _recovered(life)


def _admitted(life: Life) -> None:
    rng = life.rng
    life.cause_at = at = _sometime(life)
    stays = int(rng.lognormvariate(2.2, 0.8) * DAY)
    comes_home = rng.random() < 0.75
    life.no_longer_needed(at, at + stays if comes_home else None)
    if rng.random() < 0.6:
        told = at + int(rng.uniform(0, 5) * DAY)
        if not comes_home or told < at + stays:
            life.tell(told, "held", at)
            if comes_home:
                back = at + stays
                life.tell(back + int(rng.uniform(0, 2) * DAY), "hold_ended", back)
    if comes_home:
        life.over = at + stays
    else:
        life.free_from = gone = at + int(rng.uniform(5, 20) * DAY)
        _perhaps_fetched(life, gone)


def _moved_house(life: Life) -> None:
    life.cause_at = life.gone = at = _sometime(life)
    life.carry(at, _somewhere(life))
    _on_the_way(life, at)


def _lent_on(life: Life) -> None:
    life.cause_at = life.free_from = life.gone = at = _after_care(life)
    life.carry(at, f"elsewhere-{life.number}")
    _on_the_way(life, at)


def _returned_unreported(life: Life) -> None:
    life.cause_at = life.free_from = at = _after_care(life)
    life.returned_to_store(at)


def _never_needed(life: Life) -> None:
    life.cause_at = life.free_from = at = life.delivered
    rest = life.rest(at)
    if rest:
        life.unneeded.append(rest)
    _perhaps_fetched(life, at)


def _delivered_late(life: Life) -> None:
    life.cause_at = life.prescribed
    life.delivered += int(life.rng.uniform(0.3, 5) * DAY)


def _not_delivered(life: Life) -> None:
    life.cause_at = life.prescribed
    life.delivered = life.end


def _booked_back_too_soon(life: Life) -> None:
    life.cause_at = at = _after_care(life)
    life.tell(at, "returned")
    if at < life.end:
        life.home = at


def _unplugged(life: Life) -> None:
    at = life.cause_at = _sometime(life)
    for _ in range(life.rng.randint(1, 3)):
        life.power_cut(at, int(30 * MINUTE + life.rng.expovariate(1 / (5 * HOUR))))
        at += int(life.rng.uniform(1, 6) * DAY)


def _broken_pump(life: Life) -> None:
    life.cause_at = at = _sometime(life)
    rest = life.rest(at)
    if rest:
        life.still.append(rest)


def _flat_battery(life: Life) -> None:
    life.cause_at = life.drained = _sometime(life)


def _broken_tag(life: Life) -> None:
    life.cause_at = at = _sometime(life)
    rest = life.rest(at)
    if rest:
        life.tag_dead.append(rest)


def _badly_fitted_tag(life: Life) -> None:
    life.cause_at = life.fitted
    life.blind = True


def _tag_without_power(life: Life) -> None:
    life.cause_at = life.fitted
    life.tag_dead.append(Span(life.fitted, life.end))


def _home_network_down(life: Life) -> None:
    life.cause_at = at = _sometime(life)
    over = at + int(life.rng.lognormvariate(1.6, 1) * DAY)
    life.over = over
    if at < life.end:
        life.unreached.append(Span(at, min(over, life.end)))


FATES: Final[dict[Cause, Fate]] = {
    "needed": _needed,
    "recovered": _recovered,
    "died": _died,
    "admitted": _admitted,
    "moved_house": _moved_house,
    "returned_unreported": _returned_unreported,
    "lent_on": _lent_on,
    "never_needed": _never_needed,
    "delivered_late": _delivered_late,
    "not_delivered": _not_delivered,
    "booked_back_too_soon": _booked_back_too_soon,
    "unplugged": _unplugged,
    "broken_pump": _broken_pump,
    "flat_battery": _flat_battery,
    "broken_tag": _broken_tag,
    "badly_fitted_tag": _badly_fitted_tag,
    "tag_without_power": _tag_without_power,
    "home_network_down": _home_network_down,
}


def _after_care(life: Life) -> int:
    """When it is needed no more: a length of care from its delivery on."""
    return life.delivered + DAY // 4 + int(life.rng.lognormvariate(0, 0.5) * shares.CARE_DAYS[life.pathway] * DAY)


def _sometime(life: Life) -> int:
    """A moment between its delivery and the end; beyond the end for what is never delivered."""
    return life.delivered + DAY // 4 + int(life.rng.random() * max(0, life.end - life.delivered))


def _perhaps_fetched(life: Life, free_from: int) -> None:
    """Somebody tells the service, mostly within days, and it is fetched; or nobody does."""
    rng = life.rng
    if rng.random() < shares.NEVER_TOLD:
        return
    fetched = free_from + DAY // 2 + int(rng.lognormvariate(0, 0.7) * shares.TOLD_DAYS * DAY)
    late = 0.1 * rng.random() < 0.01
    life.collected(fetched, fetched + int(rng.uniform(1, 4) * (DAY if late else HOUR)))


def _somewhere(life: Life) -> str:
    """Another address: one time in five a care home that the register knows."""
    if life.rng.random() < 0.2:
        other = f"care-home-{life.rng.randint(1, 12)}"
        if other != life.place_id:
            return other
    return f"elsewhere-{life.number}"


def _on_the_way(life: Life, arrived: int) -> None:
    """It is unplugged for the journey; at the new address the tag finds a network in three of five cases."""
    if arrived >= life.end:
        return
    up = min(arrived + int(life.rng.uniform(0.3, 2) * HOUR), life.end)
    life.unplugged.append(Span(arrived - 2 * HOUR, up))
    life.unneeded.append(Span(arrived - 2 * HOUR, up))
    if life.rng.random() < 0.4:
        life.unreached.append(Span(arrived - 2 * HOUR, life.end))
