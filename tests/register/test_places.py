"""Places, where they are on the map, and which store equipment is in."""

from math import inf, nan

import pytest
import sqlalchemy as sa

from kitback.cli.places import PlaceType
from kitback.register import IllegalMove, Register, assets, gazetteer, loans, places, shelves
from kitback.register.places import Point
from kitback.register.tables import asset, audit, place
from moves import DAY, Move, T, lend, noted, owned

LEICESTER, LOUGHBOROUGH = Point(52.63, -1.13), Point(52.77, -1.21)


@pytest.fixture
def mapped(stocked: Register) -> Register:
    with stocked.write() as conn:
        places.add_place(conn, "llr", None, "service", "Leicester, Leicestershire and Rutland", T)
        places.add_place(conn, "leicester", "llr", "store", "Leicester store", T, point=LEICESTER)
        places.add_place(conn, "clean", "leicester", "zone", "Clean side", T)
        places.add_place(conn, "loughborough", "llr", "store", "Loughborough store", T)
    return stocked


def points(conn: sa.Connection) -> dict[str, Point]:
    rows = conn.execute(sa.select(place).where(place.c.lat.is_not(None)))
    return {row.place_id: Point(row.lat, row.lon) for row in rows}


def test_a_place_is_on_the_map_from_the_beginning_or_later_and_can_be_put_right(mapped: Register) -> None:
    with mapped.write() as conn:
        places.set_point(conn, "loughborough", Point(53.0, -1.0), T + 1, who="amy", why="from the map")
        places.set_point(conn, "loughborough", LOUGHBOROUGH, T + 2)
        assert points(conn) == {"leicester": LEICESTER, "loughborough": LOUGHBOROUGH}
        assert noted(conn) == (
            "system",
            "place.point loughborough",
            None,
            {"lat": 53.0, "lon": -1.0},
            {"lat": 52.77, "lon": -1.21},
        )


def test_a_part_of_a_store_may_have_a_point_of_its_own(mapped: Register) -> None:
    with mapped.write() as conn:
        places.set_point(conn, "clean", LEICESTER, T)
        assert points(conn)["clean"] == LEICESTER


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda c: places.set_point(c, "home", LEICESTER, T), "loan address or part of one"),
        (lambda c: places.set_point(c, "bedroom", LEICESTER, T), "loan address or part of one"),
        (lambda c: places.add_place(c, "x", None, "loan_address", "X", T, point=LEICESTER), "loan address"),
        (lambda c: places.add_place(c, "x", "bedroom", "zone", "X", T, point=LEICESTER), "loan address"),
        (lambda c: places.set_point(c, "nowhere", LEICESTER, T), "there is no place nowhere"),
        (lambda c: places.set_point(c, "leicester", LEICESTER, T), "already: check the id"),
        (lambda c: places.add_place(c, "x", None, "store", " ", T), "name is empty: say it in words"),
        (lambda c: shelves.put(c, "NONE", "leicester", T), "there is no asset NONE"),
        (lambda c: shelves.put(c, "BED-1", "nowhere", T), "there is no place nowhere"),
        (lambda c: shelves.put(c, "BED-1", "clean", T), r"clean \(Clean side\) is no store"),
        (lambda c: assets.add_asset(c, "B", "bed", "Bed", T, store_id="home"), "is no store"),
    ],
)
def test_what_is_refused_says_the_remedy_and_changes_nothing(mapped: Register, move: Move, words: str) -> None:
    with mapped.write() as conn:
        steps, before = conn.execute(sa.select(audit)).all(), points(conn)
        with pytest.raises(IllegalMove, match=words):
            move(conn)
        assert (conn.execute(sa.select(audit)).all(), points(conn)) == (steps, before)


@pytest.mark.parametrize("point", [(90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1), (nan, 0), (0, nan), (inf, 0)])
def test_what_is_no_point_on_earth_is_refused(mapped: Register, point: tuple[float, float]) -> None:
    with mapped.write() as conn, pytest.raises(IllegalMove, match="give degrees north, then degrees east"):
        places.set_point(conn, "leicester", Point(*point), T)


def test_the_schema_itself_keeps_no_point_of_a_loan_address(mapped: Register) -> None:
    with mapped.engine.connect() as conn, pytest.raises(sa.exc.IntegrityError):
        conn.execute(sa.update(place).where(place.c.place_id == "home"), {"lat": 52.0, "lon": -1.0})


def test_equipment_is_put_into_a_store_and_found_in_another(mapped: Register) -> None:
    with mapped.write() as conn:
        assets.add_asset(conn, "BED-2", "bed", "Bed", T, store_id="leicester")
        assert owned(conn, "BED-2").store_id == "leicester"
        shelves.put(conn, "BED-2", "loughborough", T + 1, who="amy", why="stocktake")
        assert owned(conn, "BED-2").store_id == "loughborough"
        assert noted(conn) == (
            "amy",
            "asset.store BED-2",
            "stocktake",
            {"store_id": "leicester"},
            {"store_id": "loughborough"},
        )
        with pytest.raises(IllegalMove, match="already: give another store"):
            shelves.put(conn, "BED-2", "loughborough", T + 2)


def test_what_is_on_loan_or_scrapped_is_put_into_no_store(mapped: Register) -> None:
    with mapped.write() as conn:
        lend(conn)
        with pytest.raises(IllegalMove, match="return the loan first"):
            shelves.put(conn, "BED-1", "leicester", T + 1)
        loans.return_loan(conn, "LN-1", T + DAY)
        conn.execute(sa.update(asset).where(asset.c.asset_id == "BED-1"), {"state": "scrapped"})
        with pytest.raises(IllegalMove, match="was scrapped"):
            shelves.put(conn, "BED-1", "leicester", T + DAY)


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        ({}, ["bedroom", "clean", "home", "leicester", "llr", "loughborough", "new-home"]),
        ({"type_": "store"}, ["leicester", "loughborough"]),
        ({"within": "llr"}, ["leicester", "loughborough"]),
        ({"type_": "zone", "within": "leicester"}, ["clean"]),
        ({"limit": 2}, ["bedroom", "clean"]),
    ],
)
def test_places_are_listed_by_their_ids(mapped: Register, which: dict[str, str], ids: list[str]) -> None:
    with mapped.read() as conn:
        assert [each.place_id for each in gazetteer.list_places(conn, **which)] == ids  # type: ignore[arg-type] # each its own type


def test_places_within_none_that_is_known_are_not_an_empty_list(mapped: Register) -> None:
    with mapped.read() as conn, pytest.raises(IllegalMove, match="there is no place atlantis"):
        gazetteer.list_places(conn, within="atlantis")


def test_a_place_is_shown_with_its_parts_landmarks_and_history(mapped: Register) -> None:
    with mapped.write() as conn:
        places.add_anchor(conn, "00", "leicester", T)
    with mapped.read() as conn:
        found = gazetteer.show_place(conn, "leicester")
    assert (found.place.name, found.place.lat, found.anchors) == ("Leicester store", 52.63, 1)
    assert [each.place_id for each in found.parts] == ["clean"]
    assert [each.what for each in found.history] == ["place.add leicester"]


def test_every_type_of_place_can_be_typed() -> None:
    assert tuple(PlaceType) == places.PLACE_TYPES
