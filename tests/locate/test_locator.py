"""The locator on a register."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from kitback import wire
from kitback.locate import Locator, load_pepper, peppered
from kitback.register import Register, assets, fittings, places, standings, tags
from kitback.register.apply import Sighting
from kitback.register.tables import anchor, judgement, whereabouts

pytestmark = pytest.mark.both_engines

PEPPER = b"p" * 32
HOME, STORE, STRANGE = "0a0a0a0a0a0a", "0b0b0b0b0b0b", "0c0c0c0c0c0c"
T = 1_750_000_000


@pytest.fixture
def locator(register: Register) -> Locator:
    with register.write() as conn:
        places.add_place(conn, "llr", None, "service", "Service", T)
        places.add_place(conn, "store", "llr", "store", "Store", T)
        places.add_place(conn, "dirty-side", "store", "zone", "Dirty side", T)
        places.add_place(conn, "home", "llr", "loan_address", "Home", T)
        places.add_anchor(conn, peppered(PEPPER, HOME), "home", T)
        places.add_anchor(conn, peppered(PEPPER, STORE), "dirty-side", T)
        assets.add_asset(conn, "BED-1", "bed", "Bed", T)
        tags.enrol_tag(conn, "aabbccdd0011", b"s" * 32, T)
        fittings.fit_tag(conn, "aabbccdd0011", "BED-1", T)
    return Locator(PEPPER)


def hear(register: Register, locator: Locator, at: int, *anchors: str) -> str | None:
    fix = wire.Fix(1, 0, "due", 1, [wire.Heard(each, -50) for each in anchors])
    with register.write() as conn:
        (on,) = standings.load(conn, ["aabbccdd0011"])["aabbccdd0011"]
        (type_,) = locator(conn, [Sighting(on.asset, fix, at)])
        standings.store(conn, [on.asset])
    return type_


def place(register: Register) -> tuple[object, ...]:
    with register.read() as conn:
        row = conn.execute(sa.select(judgement)).one()
    return row.place_id, row.place_type, row.place_from, row.place_seen


def test_an_asset_is_where_its_anchors_are(register: Register, locator: Locator) -> None:
    assert hear(register, locator, T, HOME, STRANGE) == "loan_address"
    assert place(register) == ("home", "loan_address", T, T)


def test_a_zone_is_read_as_the_place_it_is_part_of(register: Register, locator: Locator) -> None:
    assert hear(register, locator, T, STORE) == "store"
    assert place(register) == ("store", "store", T, T)


def test_a_fix_that_heard_nothing_says_nothing(register: Register, locator: Locator) -> None:
    hear(register, locator, T, HOME)
    assert hear(register, locator, T + 10) is None
    assert place(register) == ("home", "loan_address", T, T)


def test_a_move_is_kept_with_its_beginning(register: Register, locator: Locator) -> None:
    for at, heard in ((T, HOME), (T + 10, STRANGE), (T + 20, STRANGE), (T + 30, STORE), (T + 40, STORE)):
        hear(register, locator, at, heard)
    assert place(register) == ("store", "store", T + 30, T + 40)
    with register.read() as conn:
        moves = [(row.from_s, row.place_id) for row in conn.execute(sa.select(whereabouts))]
    assert moves == [(T, "home"), (T + 10, None), (T + 30, "store")]


def test_an_unknown_place_is_not_the_same_as_none(register: Register, locator: Locator) -> None:
    assert place(register) == (None, None, None, None)
    hear(register, locator, T, STRANGE)
    assert place(register) == (None, "unknown", T, T)


def test_the_register_holds_no_hash_that_a_tag_could_make(register: Register, locator: Locator) -> None:
    assert locator
    with register.read() as conn:
        for name in conn.scalars(sa.select(anchor.c.anchor)):
            assert HOME not in name
            assert STORE not in name


def test_a_pepper_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pepper"
    pepper = load_pepper(path)
    assert len(pepper) == 32
    assert load_pepper(path) == pepper
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_pepper_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "pepper"
    path.write_text("notes")
    with pytest.raises(ValueError, match="put back the right file"):
        load_pepper(path)
