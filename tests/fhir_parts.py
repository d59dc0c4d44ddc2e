"""A register in which everything that goes out as FHIR is there once, with names and addresses wherever people might
write them."""

import json
from pathlib import Path
from typing import Any

from kitback.policy import load
from kitback.register import Register, assets, collections, holds, loans, places, recalls, visits
from lending import DAY, HOUR, NOW

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
        for number in (4, 5, 6):
            collections.request(conn, POLICY, f"L-{number}", BEGAN + 28 * DAY, why=_WHO)
        morning = BEGAN + 30 * DAY
        what = [("BED-4", "collect")]
        visits.plan(conn, _HOME, morning, morning + HOUR, BEGAN + 29 * DAY, to_do=what, why=_WHO)
        for number in (5, 6):
            loans.return_loan(
                conn, f"L-{number}", morning, how="van", store_id="leicester", who="Thistlewood", why=_WHO
            )
            collections.decontaminate(conn, POLICY, f"BED-{number}", morning + DAY, why=_WHO)
        collections.inspect(conn, POLICY, "BED-6", morning + 2 * DAY, "pass", who="Thistlewood", why=_WHO)


def bundle(path: Path) -> list[dict[str, Any]]:
    """The resources of a bundle."""
    return [entry["resource"] for entry in json.loads(path.read_text())["entry"]]
