"""A register in which everything that goes out as FHIR is there once, with names and addresses wherever people might
write them."""

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kitback.policy import load
from kitback.register import Register, assets, holds, loans, places, recalls
from kitback.register.tables import asset, collection
from lending import DAY, NOW

POLICY = load()
BEGAN = NOW - 100 * DAY
NAMES = ("Margaret", "Thistlewood", "Cherry", "Lane", "LE8", "0116")
"""None of them may ever go out."""
_WHO = "Margaret Thistlewood, 12 Cherry Lane LE8 5ZZ, 0116 496 0000"
_HOME = "cherry-lane-12"


def fill(register: Register) -> None:
    """Six loans: prescribed, cancelled, running, and three that came home this far or that."""
    with register.write() as conn:
        places.add_place(conn, "leicester", None, "store", "Leicester store", BEGAN, why=_WHO)
        places.add_place(conn, _HOME, None, "loan_address", f"Home of {_WHO}", BEGAN, why=_WHO)
        for number in range(1, 7):
            bed = f"BED-{number}"
            assets.add_asset(
                conn, bed, "bed", "Profiling bed", BEGAN, serial=f"SN{number}", commissioner="Leicester City", why=_WHO
            )
            loans.prescribe(conn, POLICY, f"L-{number}", bed, "home_first", "home", _HOME, BEGAN, speed="1", why=_WHO)
        loans.cancel(conn, "L-2", BEGAN + DAY, why=_WHO)
        for number in (3, 4, 5, 6):
            loans.deliver(conn, POLICY, f"L-{number}", BEGAN + DAY, who="Thistlewood", why=_WHO)
        holds.begin(conn, POLICY, "L-3", BEGAN + 2 * DAY, reason=_WHO, until=BEGAN + 9 * DAY, why=_WHO)
        recalls.recall_asset(conn, "NatPSA-1", "BED-3", _WHO, BEGAN + 3 * DAY, why=_WHO)
        conn.execute(sa.delete(collection))
        home = {"collected_s": BEGAN + 30 * DAY, "how": "van"}
        for number, status, facts in (
            (4, "booked", {}),
            (5, "decontaminated", home | {"decontaminated_s": BEGAN + 31 * DAY}),
            (6, "available", home | {"inspected_s": BEGAN + 32 * DAY, "ended_s": BEGAN + 32 * DAY}),
        ):
            if facts:
                loans.return_loan(conn, f"L-{number}", BEGAN + 30 * DAY, why=_WHO)
                conn.execute(sa.delete(collection).where(collection.c.loan_ref == f"L-{number}"))
            asked = {"requested_s": BEGAN + 28 * DAY, "collect_by_s": BEGAN + 35 * DAY}
            what = {"collection_id": number, "loan_ref": f"L-{number}", "asset_id": f"BED-{number}", "status": status}
            conn.execute(sa.insert(collection).values(**what, **asked, **facts))
        conn.execute(sa.update(asset).where(asset.c.asset_id == "BED-6").values(store_id="leicester"))


def bundle(path: Path) -> list[dict[str, Any]]:
    """The resources of a bundle."""
    return [entry["resource"] for entry in json.loads(path.read_text())["entry"]]
