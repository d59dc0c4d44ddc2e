"""Labels: a reader reads back what was meant, from the page as it is printed, and everything lies where it belongs."""

from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from reportlab.pdfbase.pdfmetrics import stringWidth

from kitback.exchange.giai import NoGiai, digital_link, giai
from kitback.exchange.labels import SHEETS, Carrier, Label, NoLabel, Sheet, pages, sheet, write
from kitback.exchange.labels.codes import Code, code
from kitback.exchange.labels.layout import MARGIN, Laid, lay
from kitback.exchange.labels.stock import PAGE

PREFIX = "9501101"
"""From a range that GS1 keeps for itself."""
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!\"%&'()*+,-./:;<=>?_"
"""The 82 of GS1."""
POINT = 25.4 / 72

numbers = st.text(SIGNS, min_size=1, max_size=30 - len(PREFIX))
giais = st.tuples(st.from_regex(r"[0-9]{4,12}", fullmatch=True), st.text(SIGNS, min_size=1, max_size=26)).map(
    lambda parts: "".join(parts)[:30]
)
words = st.text(st.characters(codec="cp1252", categories=("L", "N", "P", "Zs")), min_size=1, max_size=120)
stock = st.sampled_from(list(SHEETS.values()))
carriers = st.sampled_from(list(Carrier))


def bed(asset_id: str = "BED-0388") -> Label:
    return Label(asset_id, "Profiling bed", "SN-4711")


def rendered(path: Path, dpi: int = 300) -> list[Image.Image]:
    """The pages as a printer would draw them."""
    pdf = pypdfium2.PdfDocument(path)
    return [page.render(scale=dpi / 72, grayscale=True).to_pil() for page in pdf]


def read(image: Image.Image) -> list[zxingcpp.Barcode]:
    return list(zxingcpp.read_barcodes(image))


def drawn(symbol: Code) -> Image.Image:
    """A symbol alone, in its quiet zone."""
    image = Image.new("L", (symbol.across * 4, symbol.across * 4), 255)
    draw = ImageDraw.Draw(image)
    for y, row in enumerate(symbol.rows, symbol.quiet):
        for x, dark in enumerate(row, symbol.quiet):
            if dark:
                draw.rectangle((4 * x, 4 * y, 4 * x + 3, 4 * y + 3), fill=0)
    return image


@settings(max_examples=150, deadline=None)
@given(giais)
def test_any_number_that_gs1_allows_is_read_back_from_a_gs1_datamatrix(number: str) -> None:
    (found,) = read(drawn(code(number, Carrier.DATAMATRIX, number[:4])))
    assert (found.symbology_identifier, found.content_type) == ("]d2", zxingcpp.ContentType.GS1)
    assert found.bytes.decode() == f"8004{number}"


@settings(max_examples=150, deadline=None)
@given(giais)
def test_any_number_that_gs1_allows_is_read_back_from_a_gs1_digital_link(number: str) -> None:
    (found,) = read(drawn(code(number, Carrier.QR, number[:4])))
    assert found.text == digital_link(number)


@settings(max_examples=6, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=21, unique=True), st.data())
def test_every_label_is_read_back_from_the_printed_page(
    tmp_path_factory: pytest.TempPathFactory, own: list[str], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.pdf"
    carrier = data.draw(st.sampled_from([Carrier.DATAMATRIX, Carrier.QR]))
    write(path, map(bed, own), SHEETS["L7160"], carrier, company_prefix=PREFIX)
    (page,) = rendered(path)
    meant = [giai(each, PREFIX) for each in own]
    expected = {f"8004{each}" if carrier is Carrier.DATAMATRIX else digital_link(each) for each in meant}
    assert {each.bytes.decode() for each in read(page)} == expected


@pytest.mark.parametrize("stock", SHEETS.values(), ids=SHEETS)
def test_a_full_sheet_is_read_back_at_300_dots_an_inch(stock: Sheet, tmp_path: Path) -> None:
    path = tmp_path / "labels.pdf"
    write(path, [bed(f"BED-{n:04}") for n in range(stock.count)], stock, Carrier.DATAMATRIX, company_prefix=PREFIX)
    (page,) = rendered(path)
    assert len({each.text for each in read(page)}) == stock.count


def test_a_plain_code_is_the_number_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "labels.pdf", [bed("Stores 12/b")], SHEETS["L7160"], Carrier.PLAIN)
    (page,) = rendered(tmp_path / "labels.pdf")
    (found,) = read(page)
    assert (found.text, found.content_type) == ("Stores 12/b", zxingcpp.ContentType.Text)


@settings(deadline=None)
@given(words.filter(str.strip), words.filter(str.strip), st.none() | words, stock, carriers)
def test_nothing_leaves_its_label_or_touches_anything_else(
    number: str, model: str, serial: str | None, stock: Sheet, carrier: Carrier
) -> None:
    try:
        laid = lay(Label(number, model, serial), code(number, carrier, PREFIX), stock)
    except (NoGiai, NoLabel):
        assume(False)
    _well_laid(laid, stock)


@settings(deadline=None)
@given(numbers, words.filter(str.strip), st.none() | words, stock)
def test_any_number_fits_any_label_as_a_datamatrix(number: str, model: str, serial: str | None, stock: Sheet) -> None:
    _well_laid(lay(Label(number, model, serial), code(number, Carrier.DATAMATRIX, PREFIX), stock), stock)


def _well_laid(laid: Laid, stock: Sheet) -> None:
    quiet, side = laid.code.quiet * laid.module, len(laid.code.rows) * laid.module
    boxes = [(laid.x - quiet, laid.y - quiet, laid.x + side + quiet, laid.y + side + quiet)]
    for line in laid.lines:
        width = stringWidth(line.text, line.font, line.size) * POINT
        # Helvetica reaches 0.22 below the baseline and, with accents, 0.93 above it.
        boxes.append((line.x, line.y - 0.93 * line.size * POINT, line.x + width, line.y + 0.22 * line.size * POINT))
    slack = 0.1
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert left >= MARGIN - slack
        assert top >= MARGIN - slack
        assert right <= stock.width - MARGIN + slack
        assert bottom <= stock.height - MARGIN + slack
        for other in boxes[:number]:
            apart = left >= other[2] - slack or right <= other[0] + slack
            assert apart or top >= other[3] - slack or bottom <= other[1] + slack


@settings(deadline=None)
@given(numbers, stock, carriers)
def test_modules_are_as_large_as_gs1_asks_and_whole_dots_of_a_600_dpi_printer(
    number: str, stock: Sheet, carrier: Carrier
) -> None:
    try:
        module = lay(bed(number), code(number, carrier, PREFIX), stock).module
    except NoLabel:
        assume(False)
    assert 0.380 <= module <= 0.495
    assert (module / 25.4 * 600) == pytest.approx(round(module / 25.4 * 600))


@pytest.mark.parametrize(("carrier", "quiet"), [(Carrier.DATAMATRIX, 1), (Carrier.QR, 4), (Carrier.PLAIN, 4)])
def test_the_quiet_zone_is_what_the_symbol_asks_for(carrier: Carrier, quiet: int, tmp_path: Path) -> None:
    label, stock = bed("W" * 23), SHEETS["L7160"]
    symbol = code(label.asset_id, carrier, PREFIX)
    laid = lay(label, symbol, stock)
    write(tmp_path / "labels.pdf", [label], stock, carrier, company_prefix=PREFIX)
    (page,) = rendered(tmp_path / "labels.pdf", 600)
    left, top = (at + off for at, off in zip(stock.corner(0), (laid.x, laid.y), strict=True))
    zone, side = quiet * laid.module, len(symbol.rows) * laid.module
    outer = [round(each / 25.4 * 600) for each in (left - zone, top - zone, left + side + zone, top + side + zone)]
    inner = [round(each / 25.4 * 600) for each in (left, top, left + side, top + side)]
    ImageDraw.Draw(page).rectangle(_grown(inner, 1), fill=255)
    assert symbol.quiet == quiet
    assert page.crop(tuple(_grown(outer, -1))).getextrema() == (255, 255)


@pytest.mark.parametrize("stock", SHEETS.values(), ids=SHEETS)
def test_no_ink_falls_beside_the_labels(stock: Sheet, tmp_path: Path) -> None:
    path = tmp_path / "labels.pdf"
    long = Label("W" * 23, "Mattress, alternating, " * 9, "W" * 50)
    write(path, [long] * stock.count, stock, Carrier.DATAMATRIX, company_prefix=PREFIX)
    (page,) = rendered(path, 150)
    assert page.size == tuple(pytest.approx(each / 25.4 * 150, abs=1) for each in PAGE)
    assert page.getextrema()[0] == 0
    draw = ImageDraw.Draw(page)
    for place in range(stock.count):
        x, y = stock.corner(place)
        within = (x + 1, y + 1, x + stock.width - 1, y + stock.height - 1)
        draw.rectangle([each / 25.4 * 150 for each in within], fill=255)
    assert page.getextrema() == (255, 255)


@pytest.mark.parametrize("stock", SHEETS.values(), ids=SHEETS)
def test_labels_lie_on_the_page_and_not_over_each_other(stock: Sheet) -> None:
    assert stock.pitch >= stock.width
    for place in range(stock.count):
        x, y = stock.corner(place)
        assert 4 <= x <= PAGE[0] - stock.width - 4
        assert 8 <= y <= PAGE[1] - stock.height - 8


def test_the_stock_is_cut_as_its_maker_says() -> None:
    assert SHEETS["L7160"].corner(0) == pytest.approx((7.25, 15.15), abs=0.1)
    assert SHEETS["L7160"].corner(20) == pytest.approx((139.25, 243.75), abs=0.1)
    assert SHEETS["L7651"].corner(0) == pytest.approx((4.75, 10.7), abs=0.1)
    assert sheet("l4773") is SHEETS["L7159"]
    assert sheet("L9999") is None


def test_a_part_used_sheet_is_used_up_first(tmp_path: Path) -> None:
    stock = SHEETS["L7160"]
    write(tmp_path / "labels.pdf", map(bed, "abcd"), stock, Carrier.DATAMATRIX, company_prefix=PREFIX, first=20)
    first, second = rendered(tmp_path / "labels.pdf")
    assert {each.text[-1] for each in read(first)} == {"a", "b"}
    assert {each.text[-1] for each in read(second)} == {"c", "d"}
    assert all(each.position.top_left.y > first.height * 0.8 for each in read(first))
    assert (pages(4, stock, 20), pages(2, stock, 20), pages(22, stock, 1)) == (2, 1, 2)


def test_people_read_beneath_the_code_what_it_says(tmp_path: Path) -> None:
    write(tmp_path / "labels.pdf", [bed()], SHEETS["L6009"], Carrier.DATAMATRIX, company_prefix=PREFIX)
    told = pypdfium2.PdfDocument(tmp_path / "labels.pdf")[0].get_textpage().get_text_range().split("\r\n")
    assert told == ["BED-0388", "Profiling bed", "Serial SN-4711", "(8004) 9501101BED-0388"]


def test_a_number_that_is_a_giai_is_not_said_twice() -> None:
    laid = lay(bed("9501101BED"), code("9501101BED", Carrier.DATAMATRIX, PREFIX), SHEETS["L7160"])
    assert [each.text for each in laid.lines] == ["Profiling bed", "Serial SN-4711", "(8004) 9501101BED"]


def test_what_does_not_fit_beside_the_code_ends_in_dots_and_what_the_code_says_never_does() -> None:
    label = Label("W" * 23, "Mattress, alternating, with a pump that has a long name " * 3, "W" * 50)
    laid = lay(label, code(label.asset_id, Carrier.DATAMATRIX, PREFIX), SHEETS["L7651"])
    assert [each.text[-1] for each in laid.lines[:4]] == ["…", ",", "…", "…"]
    assert "".join(each.text for each in laid.lines[4:]) == f"(8004) {PREFIX}{label.asset_id}"


def test_the_same_labels_are_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [bed()], SHEETS["L7160"], Carrier.QR, company_prefix=PREFIX)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("asset_id", "prefix", "why"),
    [
        ("BED 1", PREFIX, "--code plain"),
        ("BED ", PREFIX, "--code plain"),
        ("BED-é", PREFIX, "--code plain"),
        ("B" * 24, PREFIX, "30 signs at most"),
        (PREFIX, PREFIX, "--code plain"),
        ("BED-1", "95O1101", "4 to 12 digits"),
        ("BED-1", "", "4 to 12 digits"),
    ],
)
def test_what_cannot_be_a_giai_is_refused_with_the_remedy(asset_id: str, prefix: str, why: str) -> None:
    with pytest.raises(NoGiai, match=why):
        giai(asset_id, prefix)


def test_a_number_that_begins_with_the_prefix_is_a_giai_already() -> None:
    assert giai("9501101BED", PREFIX) == giai("BED", PREFIX) == "9501101BED"


@pytest.mark.parametrize(
    ("asset_id", "carrier", "stock", "first", "why"),
    [
        ("%" * 23, Carrier.QR, "L7651", 1, "datamatrix"),
        ("Ж", Carrier.PLAIN, "L7160", 1, "Western European"),
        ("W" * 60, Carrier.PLAIN, "L7651", 1, "--sheet"),
        ("BED-1", Carrier.QR, "L7160", 22, "give 1 to 21"),
    ],
)
def test_a_label_that_cannot_be_is_refused_and_nothing_written(
    asset_id: str, carrier: Carrier, stock: str, first: int, why: str, tmp_path: Path
) -> None:
    with pytest.raises(NoLabel, match=why):
        write(
            tmp_path / "labels.pdf", [bed(), bed(asset_id)], SHEETS[stock], carrier, company_prefix=PREFIX, first=first
        )
    assert list(tmp_path.iterdir()) == []


def _grown(box: list[int], by: int) -> list[int]:
    left, top, right, bottom = box
    return [left - by, top - by, right + by, bottom + by]
