"""One loan in the making: what befalls the asset, one thing after the other, and the truth that comes of it.

What is needed, carried, unplugged or broken is noted here by whoever tells the story (`fates.py`); `truth` works out
what follows: when it was used, where it was, when its tag had power and a network.
"""

from dataclasses import dataclass, field
from random import Random

from kitback.simulate import habits, shares
from kitback.simulate.truth import (
    Cause,
    Kind,
    Level,
    Setting,
    Span,
    Spans,
    Stay,
    Step,
    Tag,
    Told,
    Truth,
    common,
    joined,
    without,
)

MINUTE, HOUR, DAY = 60, 3600, 86400

STORE = "store"
ROAD = ""

_FULL_MV, _EMPTY_MV = 4100, 3280
_CELL_HOURS: dict[Kind, tuple[float, float]] = {"mattress": (18, 30), "bed": (50, 90), "hoist": (0, 0)}
"""How long the tag's own cell lasts without mains. Made up."""


@dataclass
class Life:
    """One loan, from the fitting of its tag to the end of the world. Times are Unix seconds."""

    rng: Random
    number: int
    kind: Kind
    pathway: str
    setting: Setting
    speed: str | None
    place_id: str
    fitted: int
    prescribed: int
    delivered: int
    """May lie beyond the end."""
    end: int
    on_mains: bool
    """Whether the asset gives its tag mains."""
    cause: Cause = "needed"
    cause_at: int = 0
    over: int | None = None
    free_from: int | None = None
    home: int | None = None
    """Since when the register has it back."""
    asleep: int | None = None
    """Since when its tag is put to sleep, wiped for the next loan."""
    gone: int | None = None
    """Since when it is no longer where it was lent to."""
    moves: list[tuple[int, str]] = field(default_factory=list)
    """When it arrived somewhere else, in order."""
    unneeded: list[Span] = field(default_factory=list)
    """When nobody uses it who was meant to."""
    still: list[Span] = field(default_factory=list)
    """When it cannot be used, though it is needed: it has no mains, or is broken."""
    unplugged: list[Span] = field(default_factory=list)
    lain_on_dark: list[Span] = field(default_factory=list)
    """When somebody lies on a mattress that is unplugged."""
    unreached: list[Span] = field(default_factory=list)
    """When its tag reaches nobody, though it is awake."""
    tag_dead: list[Span] = field(default_factory=list)
    blind: bool = False
    drained: int | None = None
    """When the battery of a tag without mains is empty."""
    told: list[Told] = field(default_factory=list)

    # --- what can happen ----------------------------------------------------------------------------------------------

    def tell(self, at: int, step: Step, said: int | None = None) -> None:
        """Staff tell the register, if the world lasts until then."""
        if at < self.end:
            self.told.append(Told(at, step, at if said is None else said))

    def rest(self, from_s: int) -> Span | None:
        """From then to the end; None when that is over."""
        return Span(from_s, self.end) if from_s < self.end else None

    def carry(self, at: int, place_id: str) -> None:
        """It arrives somewhere else."""
        if at < self.end:
            self.moves.append((at, place_id))

    def no_longer_needed(self, at: int, until: int | None = None) -> None:
        """Nobody uses it from then on, or until then. A mattress's pump runs on for up to three days, or for good."""
        to_s = self.end if until is None else min(until, self.end)
        if at >= to_s:
            return
        if self.kind != "mattress":
            self.unneeded.append(Span(at, to_s))
            return
        drawn = self.rng.random()
        stopped = at + int(self.rng.uniform(0, 3) * DAY)
        if drawn < 0.85 and stopped < to_s:  # the rest is left running
            self.unneeded.append(Span(stopped, to_s))
            if drawn < 0.3:
                self.unplugged.append(Span(stopped, to_s))

    def collected(self, at: int, booked: int) -> None:
        """The van fetches it, and staff book it in."""
        if at >= self.end:
            return
        self.returned_to_store(at)
        self.tell(booked, "returned", at)
        if booked < self.end:
            self.home = self.asleep = booked

    def returned_to_store(self, at: int) -> None:
        """It arrives in the stores. There a mains tag is plugged in for a day or two, if somebody tests the thing."""
        self.carry(at, STORE)
        self.gone = at
        if at >= self.end:
            return
        tested = at + int(self.rng.uniform(2, 40) * HOUR)
        off = tested + int(self.rng.uniform(20, 60) * HOUR)
        dark = [Span(at - HOUR, self.end)]
        if self.rng.random() < 0.6 and off < self.end:
            dark = [Span(at - HOUR, tested), Span(off, self.end)]
        self.unplugged += dark
        self.unneeded.append(Span(at - HOUR, self.end))

    def power_cut(self, at: int, seconds: int) -> None:
        """The home has no electricity for a while; whoever lies on a mattress lies on it still."""
        dark = Span(at, min(at + seconds, self.end))
        if at >= self.end:
            return
        self.unplugged.append(dark)
        if self.kind == "mattress":
            self.still.append(dark)
            self.lain_on_dark.append(dark)

    # --- what follows from it -----------------------------------------------------------------------------------------

    def truth(self) -> Truth:
        """The whole truth."""
        rng = self.rng
        there = (Span(self.delivered, self.end),) if self.delivered < self.end else ()
        stays = self._stays()
        settled = tuple(Span(stay.from_s, stay.to_s) for stay in stays if stay.place_id != ROAD)
        standing = common(there, settled)
        plugged = without(standing, joined(self.unplugged))
        mains = plugged if self.on_mains else ()
        needed = without(standing, joined((*self.unneeded, *self.still)))
        usable = plugged if self.kind == "mattress" else standing
        use = common(habits.use(self.kind, rng, needed), usable)
        stray = self._stray(standing, usable, needed)
        awake = self._awake(there, mains)
        return Truth(
            asset_id=f"{self.kind[:3].upper()}-{self.number:05d}",
            kind=self.kind,
            serviced_s=self._before(400, 0.95),
            examined_s=self._before(185, 0.95),
            paid_carers=rng.random() < shares.PAID_CARERS,
            loan_ref=f"L-{self.number:05d}",
            pathway=self.pathway,
            setting=self.setting,
            speed=self.speed,
            place_id=self.place_id,
            prescribed_s=self.prescribed,
            delivered_s=self.delivered if self.delivered < self.end else None,
            cause=self.cause,
            cause_s=self.cause_at,
            over_s=self.over if self.over is not None and self.over < self.end else None,
            free_from_s=self.free_from if self.free_from is not None and self.free_from < self.end else None,
            home_s=self.home,
            use=use,
            stray=stray,
            unpowered=common(without(joined(self.lain_on_dark), mains), standing),
            stays=stays,
            tag=Tag(
                tag_id=f"51{self.number:010x}",
                fitted_s=self.fitted,
                drift_ppm=rng.randint(-10_000, 10_000),
                mains=mains,
                awake=awake,
                network=without(settled, joined(self.unreached)),
                battery=self._battery(mains, awake),
                blind=self.blind,
            ),
            told=tuple(sorted(self.told)),
        )

    def _before(self, days: float, known: float) -> int | None:
        """A day in the past of the asset, if anybody noted it."""
        on = self.fitted - int(self.rng.uniform(0, days) * DAY)
        return on if self.rng.random() < known else None

    def _stays(self) -> tuple[Stay, ...]:
        """In the stores, on the road, at the home, and wherever it was carried then."""
        stays = []
        at, place_id = self.fitted, STORE
        for arrived, to in ((self.delivered, self.place_id), *self.moves):
            if arrived >= self.end:
                break
            driven = min(self.rng.randint(HOUR // 2, 2 * HOUR), (arrived - max(at, self.prescribed)) // 2)
            stays += [Stay(place_id, at, arrived - driven), Stay(ROAD, arrived - driven, arrived)]
            at, place_id = arrived, to
        return (*stays, Stay(place_id, at, self.end))

    def _stray(self, standing: Spans, usable: Spans, needed: Spans) -> Spans:
        """Use that is nobody's whom it was lent to; the demonstration at its delivery, too."""
        idle = without(standing, needed)
        home = self.gone if self.gone is not None else self.end
        at_home = common(idle, (Span(0, home),))
        found = habits.stray(self.kind, self.rng, shares.STRAY_DAYS[self.kind], at_home)
        shown = self.delivered + 10 * MINUTE
        if self.rng.random() < shares.DEMONSTRATED:
            found = joined((*found, Span(shown, shown + self.rng.randint(4 * MINUTE, 15 * MINUTE))))
        return common(found, usable)

    def _awake(self, there: Spans, mains: Spans) -> Spans:
        """While there is mains, on its cell for a while after, or on its battery; not when it is dead or put away."""
        fitted = Span(self.fitted, min(self.fitted + HOUR // 2, self.end))
        powered = there
        if self.on_mains:
            powered = common(joined(Span(each.from_s, each.to_s + self._cell_s(each.to_s)) for each in mains), there)
        elif self.drained is not None and there:
            powered = common(there, (Span(min(self.fitted, self.drained), self.drained),))
        asleep = [] if self.asleep is None else [Span(self.asleep, self.end)]
        return without(joined((fitted, *powered)), joined((*self.tag_dead, *asleep)))

    def _cell_s(self, since: int) -> int:
        """How long its cell lasts from a moment on: the same each time it is asked."""
        least, most = _CELL_HOURS[self.kind]
        return int(Random(f"{self.number}/{since}").uniform(least, most) * HOUR)  # noqa: S311 - physics, not secrets

    def _battery(self, mains: Spans, awake: Spans) -> tuple[Level, ...]:
        if self.on_mains:
            return self._charged_and_drained(mains)
        begun = next((each.to_s for each in awake), self.fitted)
        full = _FULL_MV + self.rng.randint(-40, 40)
        if self.drained is not None:
            return Level(self.fitted, full), Level(begun, full), Level(max(self.drained, begun + 1), _EMPTY_MV)
        a_day = self.rng.uniform(1, 7)
        lasts = int((full - _EMPTY_MV) / a_day * DAY)
        return Level(self.fitted, full), Level(begun, full), Level(begun + lasts, _EMPTY_MV)

    def _charged_and_drained(self, mains: Spans) -> tuple[Level, ...]:
        """Of a tag with a cell: full on mains, and falling until the cell is empty or there is mains again."""
        levels = [Level(self.fitted, _FULL_MV)]
        for plugged, after in zip(mains, (*mains[1:], None), strict=False):
            off, lasts = plugged.to_s, self._cell_s(plugged.to_s)
            if off >= self.end:
                break
            levels.append(Level(off, _FULL_MV))
            if after is None or after.from_s > off + lasts:
                levels.append(Level(off + lasts, _EMPTY_MV))
            if after is not None:
                left = _FULL_MV - (_FULL_MV - _EMPTY_MV) * min(after.from_s - off, lasts) // lasts
                levels += [Level(after.from_s - 1, left), Level(after.from_s, _FULL_MV)]
        return tuple(levels)
