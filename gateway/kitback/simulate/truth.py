"""What is true of a simulated service: of each loan the cause behind everything, and what came of it, second by second.

Drawn before any rule looks, and without reading the policy. Whoever wants to know which flags are right works it out
from here and from the policy. All of it is virtual: nobody in here exists.

Times are whole Unix seconds of true time. A `Span` begins at `from_s` and is over at `to_s`, which is not part of it.
Tuples of spans are in order and apart: each ends before the next begins. Nothing reaches outside the world's own span:
what would go on is cut off at `World.to_s`.

How far what the register is told may be from the truth (`tag.py` makes the tag's view of it):

- **Times of records**: the tag's counter drifts by up to 1%, and the gateway puts it right from round trips: within
  `RECORD_S` while the tag talks every day, within 1.2% of the time to the nearest round trip when it cannot. Until it
  has talked twice nobody knows how fast it runs: within 1.2% of the time since it started.
- **Use**: looked at every 30 s (mattress), 60 s (bed) or 10 s (hoist), and two looks must agree: both ends of a use are
  noticed up to `SENSED_S` late, and a shorter use may be missed. Uses less than `PAUSE_S` apart are told as one. A
  report that falls within `PAUSE_S` after the end of a use tells of it as going on until then.
- **When it is told**: a tag that can talk reports at least every `REPORT_EVERY_S`, and at once when it starts and when
  an alarm begins or ends, always at the next whole `TICK_S`. The share `MISSED` of all reports gets lost, or its answer
  does; then, as after every other failure, it tries again a minute later, two, four and so on up to its interval. After
  a silence all that was noted meanwhile comes in one talk. The use that is not over yet is told with every report.
- **Where it is**: a tag listens when it starts, an hour after that, within an hour after it was driven somewhere, a
  hoist also after it was used, and 24 hours after it last noted what it heard. Each radio within reach is missed with
  `DEAF`. Hearing the same radios again is noted only once a day. The gateway believes in another place when two notes
  running say so, and dates it from the first of them.
- **Battery**: read to within `BATTERY_MV`.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from msgspec import Struct

Kind = Literal["bed", "hoist", "mattress"]

Setting = Literal["home", "care_home", "school", "hospital"]

Cause = Literal[
    "needed",
    "recovered",
    "died",
    "admitted",
    "moved_house",
    "returned_unreported",
    "lent_on",
    "never_needed",
    "delivered_late",
    "not_delivered",
    "booked_back_too_soon",
    "unplugged",
    "broken_pump",
    "flat_battery",
    "broken_tag",
    "badly_fitted_tag",
    "tag_without_power",
    "home_network_down",
]
"""What is really going on with a loan; there is one to each.

- `needed`: the service user needs it and uses it, to the end.
- `recovered`, `died`: nobody needs it any more since `cause_s`. A bed and a hoist stand there unused; a mattress's pump
  is switched off, unplugged or left running, then or within three days.
- `admitted`: the service user is in hospital since `cause_s`, and comes home (`over_s`) or does not (None).
- `moved_house`: taken along to another address at `cause_s`, and used there.
- `returned_unreported`: back in the stores since `cause_s`, and nobody booked it in.
- `lent_on`: given to somebody else, at another address, at `cause_s`, and used there.
- `never_needed`: delivered at `cause_s`, and not used once.
- `delivered_late`, `not_delivered`: the van came late, or has not come (`delivered_s` None). `cause_s` is the
  prescription.
- `booked_back_too_soon`: the register was told at `cause_s` that it is back; it is still where it was, and in use.
- `unplugged`: a mattress without mains, at `cause_s` for the first time, while somebody lies on it (`Truth.unpowered`).
- `broken_pump`: the pump stands still since `cause_s`; it has mains, and somebody lies on it.
- `flat_battery`: the tag's battery ran out at `cause_s`; it is used on.
- `broken_tag`: the tag died at `cause_s`; it is used on.
- `badly_fitted_tag`: its sensor sees no use since it was fitted (`cause_s`); it is used.
- `tag_without_power`: the tag never had power, from its fitting (`cause_s`) on; it is used.
- `home_network_down`: the tag cannot reach anybody from `cause_s` to `over_s` (None: to the end). It notes on, and it
  is used.
"""

Step = Literal[
    "prescribed",
    "delivered",
    "reviewed",
    "due_agreed",
    "held",
    "hold_ended",
    "returned",
    "serviced",
    "examined",
    "recalled",
    "recall_ended",
]

TICK_S: Final = 900
"""Tags talk to the gateway at whole multiples of this."""

REPORT_EVERY_S: Final[dict[Kind, int]] = {"mattress": 3600, "bed": 6 * 3600, "hoist": 24 * 3600}
"""The longest a tag that can talk keeps to itself what it knows, in seconds of its own counter."""

RECORD_S: Final = 10
"""How far the time of a record may be out, in seconds, while its tag talks every day."""

SENSED_S: Final = 150
"""How late the beginning or end of a use may be noticed, in seconds."""

PAUSE_S: Final = 900
"""Not used for so long: that use is over."""

MISSED: Final = 0.015
"""The share of reports that get lost, or whose answer does."""

BATTERY_MV: Final = 25
"""How far a reading of the supply may be out, in millivolts."""

DEAF: Final = 0.05
"""The share of the radios within reach that one scan misses."""


class Span(NamedTuple):
    """From `from_s` until just before `to_s`; never empty."""

    from_s: int
    to_s: int


Spans = tuple[Span, ...]
"""In order and apart."""


class Stay(NamedTuple):
    """A time at one place."""

    place_id: str
    """A key of `World.places`; empty on the road, where no radio is heard."""
    from_s: int
    to_s: int


class Told(NamedTuple):
    """Something that staff told the register of this loan or its asset."""

    at_s: int
    """When they told it."""
    step: Step
    """`prescribed`: the loan, with all its terms. `delivered`, `reviewed`, `returned`: the loan was. `due_agreed`:
    another date was agreed on. `held`: for a stay in hospital; `hold_ended`: that is over. `serviced`, `examined`: the
    asset was. `recalled`: a safety notice calls the asset back; `recall_ended`: it was made safe."""
    said_s: int
    """When they say it happened: `at_s` or earlier, and true unless the cause is `booked_back_too_soon`. Of
    `due_agreed` the date agreed on."""


class Level(NamedTuple):
    """The tag's supply from `at_s` on; it changes evenly to the next one."""

    at_s: int
    mv: int


class Tag(Struct, frozen=True, kw_only=True):
    """The tag on the asset, and what it can do when. Nobody ever takes it off."""

    tag_id: str
    fitted_s: int
    """When it was fitted, in the stores, and the register was told so."""
    drift_ppm: int
    """Its counter runs fast by this many millionths; up to 10,000 either way, and a little more or less each day."""
    mains: Spans
    """When it gets mains from the asset."""
    awake: Spans
    """When it has power of any kind and works. Each begins with a start, that is with a new clock and a `boot` record.
    Before its delivery a tag is awake for the half hour after its fitting only, after its return was booked no more."""
    network: Spans
    """When there is a network where it is that lets it through to the broker. (Whether anybody listens there:
    `World.away`.)"""
    battery: tuple[Level, ...]
    """In order, the first at `fitted_s`; after the last one it stays."""
    blind: bool
    """Whether its sensor sees no use at all."""


class Truth(Struct, frozen=True, kw_only=True):
    """One loan, its asset, and its tag. Each asset is lent once."""

    asset_id: str
    kind: Kind
    serviced_s: int | None
    """Its latest service before the world began, as the register is told; None: not known."""
    examined_s: int | None
    """Its latest thorough examination before the world began, likewise."""
    paid_carers: bool
    """Whether paid carers use it."""

    loan_ref: str
    pathway: str
    """A pathway by the name that the shipped policy gives it."""
    setting: Setting
    speed: str | None
    """The delivery speed that was asked for, `discharge`; None: its pathway's own."""
    place_id: str
    """Where it is lent to."""
    prescribed_s: int
    """When it was prescribed; the register is told at once."""
    delivered_s: int | None
    """When it stood there, set up; None: not in this world's time. Before, it was in the stores and for half an hour to
    two hours on the road."""

    cause: Cause
    cause_s: int
    """When the cause began; `World.to_s` or later if it did not come to that: then all is as if it were `needed`."""
    over_s: int | None
    """When it was over again; None: not in this world's time, or it cannot be."""
    free_from_s: int | None
    """Since when it should come home, or be booked in: nobody it was lent to needs it. None: somebody does. Of the
    causes recovered, died, never_needed, returned_unreported, lent_on, and admitted when nobody comes home. It should
    until `home_s`."""
    home_s: int | None
    """When the register had it back: the step `returned`. None: never."""

    use: Spans
    """When it was in use by whoever was meant to, or, once lent on, by whoever has it: bed occupied, hoist under load,
    mattress pump running (whoever lies on it or not)."""
    stray: Spans
    """When somebody else used it: a cleaner sits on the bed, a child hangs in the hoist. Its tag cannot tell."""
    unpowered: Spans
    """When somebody lay on a mattress without mains: an alarm, unless the tag was not awake."""
    stays: tuple[Stay, ...]
    """Where it was, without a gap, from the tag's fitting to the end."""
    tag: Tag
    told: tuple[Told, ...]
    """What staff told the register, in order of telling."""

    @property
    def came_true(self) -> bool:
        """Whether the cause showed in this world's time at all: `cause_s` lies before everything ends."""
        return not self.stays or self.cause_s < self.stays[-1].to_s


class Place(Struct, frozen=True, kw_only=True):
    """Somewhere an asset can be."""

    place_id: str
    type: Literal["store", "care_home", "school", "hospital", "loan_address"]
    registered: bool
    """Whether the register has it."""
    surveyed: bool
    """Whether the register knows its radios: a tag there is believed to be there. Anywhere else is an unknown place.
    Only registered places are surveyed."""
    radios: tuple[str, ...]
    """What a tag calls the radios that can be heard there, strongest first (12 hexadecimal digits). No two places share
    one. Passers-by are heard besides, each once."""


class Away(NamedTuple):
    """A time in which nothing that tags said was taken in."""

    what: Literal["gateway", "broker"]
    """`gateway`: it did not run, judged nothing either, and what tags sent waits at the broker until it does again.
    `broker`: nothing could be sent; the gateway ran, and judged, and knew that it heard nobody."""
    from_s: int
    to_s: int


class World(Struct, frozen=True, kw_only=True):
    """A service and its loans for a while."""

    seed: int
    from_s: int
    """Also when the gateway first joined its broker. On a whole day, UTC."""
    to_s: int
    places: dict[str, Place]
    """By `place_id`."""
    away: tuple[Away, ...]
    """In order and apart."""
    loans: tuple[Truth, ...]

    def heard(self, truth: Truth) -> Spans:
        """When a report of a loan's tag would have been taken in, had it made one: it was awake, had a network, and the
        broker and the gateway were there."""
        nobody = tuple(Span(each.from_s, each.to_s) for each in self.away)
        return without(common(truth.tag.awake, truth.tag.network), nobody)


def joined(spans: Iterable[Span]) -> Spans:
    """What any of the spans covers; they may be in any order and overlap."""
    found: list[Span] = []
    for each in sorted(spans):
        if found and each.from_s <= found[-1].to_s:
            found[-1] = Span(found[-1].from_s, max(found[-1].to_s, each.to_s))
        else:
            found.append(each)
    return tuple(found)


def common(ones: Spans, others: Spans) -> Spans:
    """What both cover."""
    found = []
    left, right = 0, 0
    while left < len(ones) and right < len(others):
        from_s = max(ones[left].from_s, others[right].from_s)
        to_s = min(ones[left].to_s, others[right].to_s)
        if from_s < to_s:
            found.append(Span(from_s, to_s))
        if ones[left].to_s <= others[right].to_s:
            left += 1
        else:
            right += 1
    return tuple(found)


def without(ones: Spans, others: Spans) -> Spans:
    """What the ones cover and the others do not."""
    if not ones:
        return ()
    gaps, at = [], ones[0].from_s
    for each in others:
        if at < each.from_s:
            gaps.append(Span(at, each.from_s))
        at = max(at, each.to_s)
    if at < ones[-1].to_s:
        gaps.append(Span(at, ones[-1].to_s))
    return common(ones, tuple(gaps))
