"""The loans behind the demo's stories: who lent what to which kind of home, on which pathway, and where.

A story holds physics only; what a stores clerk would have typed into the register stands here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from kitback.demo.keys import Keys
from kitback.locate import peppered
from kitback.policy import Policy
from kitback.register import assets, fittings, loans, places, tags
from kitback.register.places import Point
from kitback.register.tables import meta
from kitback.virtual.stories import DAY, STORE, Story, radios_at
from kitback.virtual.world import Ble


@dataclass(frozen=True)
class Lent:
    """The paperwork of one story."""

    loan_ref: str
    asset_id: str
    model: str
    home: str
    """What staff call the place it was lent to."""
    pathway: str = "long_term"
    setting: str = "home"
    days_before_tag: int = 0
    """How many days the loan had run when the tag was fitted."""

    def lent_at(self, fitted_s: int) -> int:
        """Unix second at which the loan began, of a tag fitted at `fitted_s`."""
        return fitted_s - self.days_before_tag * DAY


LENT: Final[dict[str, Lent]] = {
    "regular-bed": Lent("LN-1001", "BED-0411", "Profiling bed, four section", "Home in Loughborough"),
    "regular-hoist": Lent(
        "LN-1002", "HST-0127", "Mobile hoist, 155 kg", "Care home in Hinckley", setting="care_home", pathway="care_home"
    ),
    "regular-mattress": Lent("LN-1003", "MAT-0960", "Alternating mattress, high risk", "Home in Oadby"),
    "bed-unused-since-day-12": Lent("LN-1004", "BED-0388", "Profiling bed, four section", "Home in Melton Mowbray"),
    "hoist-never-used": Lent("LN-1005", "HST-0131", "Mobile hoist, 155 kg", "Home in Wigston"),
    "mattress-idle-two-weeks": Lent("LN-1006", "MAT-0912", "Alternating mattress, high risk", "Home in Oakham"),
    "home-first-bed-past-six-weeks": Lent(
        "LN-1007", "BED-0402", "Profiling bed, low", "Home in Braunstone", pathway="home_first", days_before_tag=20
    ),
    "crisis-mattress-past-72-hours": Lent(
        "LN-1008", "MAT-0977", "Alternating mattress, very high risk", "Home in Syston", pathway="crisis_response"
    ),
    "hoist-back-in-stores": Lent("LN-1009", "HST-0119", "Mobile hoist, 180 kg", "Home in Coalville"),
    "bed-moved-and-used": Lent("LN-1010", "BED-0419", "Profiling bed, four section", "Home in Lutterworth"),
    "hoist-battery-died": Lent("LN-1011", "HST-0122", "Standing hoist, 190 kg", "Home in Birstall"),
    "mattress-unplugged": Lent("LN-1012", "MAT-0983", "Alternating mattress, very high risk", "Home in Glenfield"),
    "tag-never-heard": Lent("LN-1013", "BED-0430", "Profiling bed, bariatric", "Home in Market Harborough"),
}


@dataclass(frozen=True)
class OnShelf:
    """What stands in a store while the stories go on."""

    asset_id: str
    kind: str
    model: str
    store_id: str
    examined: bool = False
    """Whether its thorough examination is known."""


ON_SHELVES: Final = (
    OnShelf("BED-0501", "bed", "Profiling bed, four section", "leicester-store"),
    OnShelf("BED-0502", "bed", "Profiling bed, low", "loughborough-store"),
    OnShelf("BED-0503", "bed", "Profiling bed, bariatric", "loughborough-store"),
    OnShelf("HST-0201", "hoist", "Mobile hoist, 155 kg", "leicester-store", examined=True),
    OnShelf("HST-0202", "hoist", "Standing hoist, 190 kg", "loughborough-store"),
    OnShelf("MAT-1001", "mattress", "Alternating mattress, high risk", "loughborough-store"),
)
SERVICE: Final = "llr"
_PLACE_OF: Final = {STORE: "leicester-store"}
"""Register's name of a radio place that is not one loan's home; `elsewhere` is on no list."""
_ON_THE_MAP: Final = (
    ("leicester-store", "store", "Leicester store", Point(52.63, -1.13)),
    ("loughborough-store", "store", "Loughborough store", Point(52.77, -1.21)),
    ("leicester-royal-infirmary", "hospital", "Leicester Royal Infirmary", Point(52.63, -1.14)),
    ("loughborough-hospital", "hospital", "Loughborough Hospital", Point(52.78, -1.23)),
)
"""Towns and hospitals as any map has them, to two decimals; the stores are made up."""


def furnish(conn: sa.Connection, stories: Sequence[Story], policy: Policy, keys: Keys, start_s: int, seed: int) -> None:
    """Fill an empty register with the stories' places, anchors, assets, tags and loans.

    Args:
        start_s: the Unix second at which every tag was fitted.
        seed: of the stories' worlds; it decides which radios there are to hear.
    """
    conn.execute(sa.insert(meta), {"name": "virtual", "value": "the stories of kitback demo"})
    places.add_place(conn, SERVICE, None, "service", "Leicester, Leicestershire and Rutland", start_s)
    for place_id, type_, name, point in _ON_THE_MAP:
        places.add_place(conn, place_id, SERVICE, type_, name, start_s, point=point)
    _survey(conn, keys, STORE, _PLACE_OF[STORE], start_s, seed)
    for story in stories:
        lent = LENT[story.name]
        lent_at = lent.lent_at(start_s)
        place_type = "care_home" if lent.setting == "care_home" else "loan_address"
        places.add_place(conn, story.home, SERVICE, place_type, lent.home, lent_at)
        _survey(conn, keys, story.home, story.home, start_s, seed)
        assets.add_asset(conn, lent.asset_id, story.kind, lent.model, at=lent_at)
        loans.lend(conn, policy, lent.loan_ref, lent.asset_id, lent.pathway, lent.setting, story.home, lent_at)
        tags.enrol_tag(conn, story.tag_id, keys.secret(story.tag_id), start_s)
        fittings.fit_tag(conn, story.tag_id, lent.asset_id, start_s)
    for each in ON_SHELVES:
        assets.add_asset(conn, each.asset_id, each.kind, each.model, at=start_s, store_id=each.store_id)
        assets.note_service(conn, policy, each.asset_id, start_s)
        if each.examined:
            assets.note_examination(conn, policy, each.asset_id, start_s)


def _survey(conn: sa.Connection, keys: Keys, radios: str, place_id: str, at: int, seed: int) -> None:
    """Register what there is to hear at a place, as staff do when they fit a tag there."""
    for radio in radios_at(radios, seed):
        if not (isinstance(radio, Ble) and radio.random):
            address = radio.address if isinstance(radio, Ble) else radio.bssid
            places.add_anchor(conn, peppered(keys.pepper, keys.anchor(address)), place_id, at=at)
