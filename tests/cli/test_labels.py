"""`kitback labels`: what staff ask for, and what they are told."""

from pathlib import Path

import pypdfium2
import pytest
import sqlalchemy as sa
import zxingcpp
from typer.testing import CliRunner, Result

from kitback.cli.app import app
from kitback.register import assets, places, shelves
from kitback.register.tables import asset, judgement
from lending import NOW, Service

PREFIX = "9501101"


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "labels.pdf"


@pytest.fixture(autouse=True)
def stores(service: Service) -> Service:
    """Beside what is on loan: a hoist put into the store, a bed that is seen on a shelf there, and a scrapped one."""
    with service.register.write() as conn:
        places.add_place(conn, "shelf", "store", "zone", "Shelf 3", NOW)
        assets.add_asset(conn, "HST-1", "hoist", "Mobile hoist", NOW)
        assets.add_asset(conn, "BED-1", "bed", "Profiling bed", NOW)
        assets.add_asset(conn, "BED-0", "bed", "Profiling bed", NOW)
        shelves.put(conn, "HST-1", "store", NOW)
        shelves.put(conn, "BED-0", "store", NOW)
        conn.execute(sa.update(asset).where(asset.c.asset_id == "BED-0").values(state="scrapped"))
        conn.execute(sa.update(judgement).where(judgement.c.asset_id == "BED-1").values(place_id="shelf"))
        conn.execute(sa.update(judgement).where(judgement.c.asset_id == "BED-0388").values(place_id="store"))
    return service


def labels(to: Path, *arguments: str, prefix: str | None = PREFIX) -> Result:
    ours = () if prefix is None else ("--company-prefix", prefix)
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["labels", "--to", str(to), *ours, *arguments])


def done(to: Path, *arguments: str, prefix: str | None = PREFIX) -> set[str]:
    """What a scanner reads on the first page."""
    told = labels(to, *arguments, prefix=prefix)
    assert told.exit_code == 0, told.output
    page = pypdfium2.PdfDocument(to)[0].render(scale=300 / 72, grayscale=True).to_pil()
    return {each.text for each in zxingcpp.read_barcodes(page)}


def test_labels_of_what_is_named(to: Path) -> None:
    assert done(to, "HST-1", "BED-1") == {f"(8004){PREFIX}HST-1", f"(8004){PREFIX}BED-1"}


def test_it_says_how_many_on_what_and_how_to_print(to: Path) -> None:
    told = labels(to, "HST-1", "BED-1", "--sheet", "L7651", "--from", "65").stdout
    assert "2 labels on 2 sheets of L7651 (38.1 x 21.2 mm). Print it at 100 %." in told


def test_labels_of_all_but_what_is_scrapped(to: Path) -> None:
    found = done(to, "--all", "--code", "plain", prefix=None)
    assert found == {"BED-0388", "BED-1", "HST-1", "MAT-0983"}


def test_labels_of_a_kind(to: Path) -> None:
    assert done(to, "--kind", "bed", "--code", "plain") == {"BED-0388", "BED-1"}


@pytest.mark.parametrize("store", ["store", "leicester STORE"])
def test_labels_of_what_is_in_a_store_or_within_it_and_not_on_loan(to: Path, store: str) -> None:
    assert done(to, "--store", store, "--code", "plain") == {"BED-1", "HST-1"}


def test_a_qr_code_is_an_address_at_gs1(to: Path) -> None:
    assert done(to, "HST-1", "--code", "qr") == {f"https://id.gs1.org/8004/{PREFIX}HST-1"}


def test_the_prefix_may_stand_in_the_environment(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITBACK_COMPANY_PREFIX", PREFIX)
    assert done(to, "HST-1", prefix=None) == {f"(8004){PREFIX}HST-1"}


@pytest.mark.parametrize(
    ("arguments", "prefix", "code", "why"),
    [
        (["HST-1"], None, 2, "give it with --company-prefix or KITBACK_COMPANY_PREFIX"),
        (["HST-1"], None, 2, "--code plain"),
        ([], PREFIX, 2, "--all, --kind or --store"),
        (["HST-1", "--all"], PREFIX, 2, "--all, --kind or --store"),
        (["HST-2"], PREFIX, 1, "there is no asset HST-2"),
        (["--store", "nowhere"], PREFIX, 1, 'no place "nowhere"'),
        (["--store", "other"], PREFIX, 1, "no such equipment"),
        (["HST-1", "--sheet", "L1"], PREFIX, 2, "give one of L7160, L7159"),
        (["HST-1", "--from", "22"], PREFIX, 2, "give 1 to 21"),
        (["HST-1"], "GS1", 2, "4 to 12 digits"),
    ],
)
def test_what_cannot_be_is_said_with_the_remedy_and_writes_nothing(
    to: Path, arguments: list[str], prefix: str | None, code: int, why: str
) -> None:
    told = labels(to, *arguments, prefix=prefix)
    assert (told.exit_code, to.exists()) == (code, False)
    assert why in " ".join(told.stderr.split())


def test_a_file_that_cannot_be_written_is_named(to: Path) -> None:
    told = labels(to / "there" / "labels.pdf", "HST-1")
    assert told.exit_code == 1
    assert "cannot write" in told.stderr


def test_no_label_says_where_anything_is_or_who_has_it(to: Path) -> None:
    done(to, "BED-0388", "MAT-0983")
    told = pypdfium2.PdfDocument(to)[0].get_textpage().get_text_range()
    assert "BED-0388" in told
    assert not any(word in told for word in ("Oadby", "Leicester", "L-BED", "home"))
