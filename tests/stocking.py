"""Equipment on the shelves of a small service, as the ready-now board has to see it."""

import sqlalchemy as sa

from kitback.register import assets, fittings, places, tags
from kitback.register.places import Point
from kitback.register.tables import asset, collection, judgement, visit, whereabouts
from lending import DAY, NOW, Service

LEICESTER, LOUGHBOROUGH, MELTON = Point(52.63, -1.13), Point(52.77, -1.21), Point(52.77, -0.88)
SERVICED = NOW - 100 * DAY


def second_store(service: Service) -> None:
    """A store and a hospital in Loughborough, and where all of them are on the map."""
    with service.register.write() as conn:
        places.set_point(conn, "store", LEICESTER, NOW - DAY)
        places.add_place(conn, "north", None, "store", "Loughborough store", NOW - DAY, point=LOUGHBOROUGH)
        places.add_place(conn, "hospital", None, "hospital", "Loughborough Hospital", NOW - DAY, point=LOUGHBOROUGH)
        places.add_place(conn, "ward", "hospital", "zone", "Ward 9", NOW - DAY)


def stock(
    service: Service, asset_id: str, kind: str = "bed", store_id: str | None = "store", **facts: int | None
) -> None:
    """Put a piece of equipment on a shelf, in date unless `facts` say otherwise."""
    with service.register.write() as conn:
        assets.add_asset(conn, asset_id, kind, "Model 7", at=NOW - 200 * DAY, store_id=store_id)
        assets.note_service(conn, service.policy, asset_id, SERVICED)
        if kind == "hoist":
            assets.note_examination(conn, service.policy, asset_id, SERVICED)
        if facts:
            conn.execute(sa.update(asset).where(asset.c.asset_id == asset_id), facts)


def hear(service: Service, asset_id: str, place_id: str | None, place_type: str, *, heard_at: int = NOW - 60) -> None:
    """Let the tag of a piece of equipment, fitted now if it has none, say where it is since yesterday."""
    since = NOW - DAY
    with service.register.write() as conn:
        tag_id = asset_id.encode().hex().rjust(12, "0")[-12:]
        tags.enrol_tag(conn, tag_id, b"0123456789abcdef", since)
        fittings.fit_tag(conn, tag_id, asset_id, since)
        conn.execute(
            sa.insert(whereabouts), {"asset_id": asset_id, "from_s": since, "place_id": place_id, "confidence": 1}
        )
    service.tell(asset_id, heard_at=heard_at, place_id=place_id, place_type=place_type, place_from=since)


def bring_home(service: Service, asset_id: str, status: str, **facts: int | str | None) -> None:
    """Let what is lent be on its way home."""
    with service.register.write() as conn:
        if status == "booked":
            planned = {"place_id": "home", "from_s": NOW + DAY, "to_s": NOW + DAY + 7200, "status": "planned"}
            (facts["visit_id"],) = conn.execute(sa.insert(visit), planned).inserted_primary_key or (None,)
        row = {"loan_ref": f"L-{asset_id}", "asset_id": asset_id, "status": status, "requested_s": NOW - DAY}
        conn.execute(sa.insert(collection), row | facts)
        state = {"collected": "returned"}.get(status, status)
        if status not in ("requested", "booked"):
            conn.execute(sa.update(asset).where(asset.c.asset_id == asset_id), {"state": state, "store_id": "store"})
            back = {"loan_ref": None, "loan_place": None, "due_s": None, "due_soon_s": None}
            conn.execute(sa.update(judgement).where(judgement.c.asset_id == asset_id), back)
