"""The ready-now board in a real browser: seen, tabbed through, on a desk and on a phone."""

from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from browsing import CONTRAST, DESK, PHONE, unfold_menu
from kitback.collect import ready
from kitback.register import places
from lending import NOW, Service
from stocking import bring_home, hear, second_store, stock

SMALL: ViewportSize = {"width": 320, "height": 640}
SIZES = pytest.mark.parametrize("size", [DESK, PHONE, SMALL], ids=["desk", "phone", "small"])


@pytest.fixture
def stocked(service: Service) -> Service:
    """Two stores with something on the shelves, something held back, and something on its way."""
    second_store(service)
    stock(service, "BED-0411")
    stock(service, "BED-0412")
    stock(service, "BED-0501", store_id="north", service_due_s=None)
    hear(service, "BED-0411", "north", "store")
    hear(service, "BED-0412", "store", "store")
    stock(service, "HST-0127", "hoist", exam_due_s=None)
    service.lend("HST-0131", "hoist")
    bring_home(service, "HST-0131", "booked")
    return service


def of_kind(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def rows(section: Locator) -> list[str]:
    return [heading.inner_text().split()[0] for heading in section.locator("th[scope=row]:visible").all()]


@pytest.mark.usefixtures("stocked")
def test_each_kind_is_a_heading_that_says_how_many_are_ready(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    expect(page).to_have_title("Ready now \N{EN DASH} Kitback")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready now")
    assert page.get_by_role("heading", level=2).all_inner_texts() == [
        "Profiling bed: 3 ready",
        "Hoist: 0 ready",
        "Pressure mattress: 0 ready",
    ]
    expect(page.get_by_text("as of 11:00 on 12 November 2025")).to_be_visible()


@pytest.mark.usefixtures("stocked")
def test_the_counts_stand_at_the_top_and_lead_to_their_kind_by_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    glance = page.locator(".kitback-glance")
    assert glance.get_by_role("link").all_inner_texts() == ["3\nready: \nProfiling bed"] + [
        f"0\nready: \n{name}" for name in ("Hoist", "Pressure mattress")
    ]
    expect(glance.get_by_text("1 not where the register has it")).to_be_visible()
    expect(glance.get_by_text("1 held back")).to_be_visible()
    glance.get_by_role("link", name="Hoist").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hoist: 0 ready")).to_be_focused()


@pytest.mark.usefixtures("stocked")
def test_what_is_ready_stands_under_its_store_with_its_dates(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    beds = of_kind(page, "Profiling bed: 3 ready")
    assert rows(beds) == ["BED-0412", "BED-0411", "BED-0501"]
    assert beds.locator("th[scope=rowgroup]").all_inner_texts() == [
        "Leicester store: 2 ready",
        "Loughborough store: 1 ready",
    ]
    expect(beds.get_by_role("row").filter(has_text="BED-0412")).to_contain_text("Service by 4 August 2026")
    expect(beds.get_by_role("row").filter(has_text="BED-0501")).to_contain_text("Service not known")


@pytest.mark.usefixtures("stocked")
def test_what_its_tag_contradicts_is_shown_and_says_to_look_first(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    bed = page.get_by_role("row").filter(has_text="BED-0411")
    expect(bed.get_by_text("Look first")).to_be_visible()
    expect(bed).to_contain_text("Not here, says its tag: at Loughborough store since 11 November.")
    expect(page.get_by_text("Look first")).to_have_count(1)


@pytest.mark.usefixtures("stocked")
def test_the_nearest_store_comes_first_chosen_by_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    page.get_by_label("Nearest to").focus()
    page.keyboard.type("Loughborough H")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ready?near=hospital*")
    beds = of_kind(page, "Profiling bed: 3 ready")
    assert beds.locator("th[scope=rowgroup]").all_inner_texts() == [
        "Loughborough store, 0.0 km: 1 ready",
        "Leicester store, 16.5 km: 2 ready",
    ]
    expect(page.get_by_text("Kilometres are from Loughborough Hospital in a straight line")).to_be_visible()
    expect(page.get_by_label("Nearest to")).to_have_value("hospital")


@pytest.mark.usefixtures("stocked")
def test_one_kind_can_be_shown_alone(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    page.get_by_label("Equipment").select_option("hoist")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**kind=hoist*")
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["Hoist: 0 ready"]
    expect(page.get_by_label("Equipment")).to_have_value("hoist")


def test_a_place_that_is_on_no_list_stays_chosen(page: Page, address: str, stocked: Service) -> None:
    with stocked.register.write() as conn:
        places.add_place(conn, "elms", None, "care_home", "The Elms", NOW, point=places.Point(52.7, -1.2))
    page.goto(f"{address}/ready?near=the+elms")
    expect(page.get_by_label("Nearest to")).to_have_value("elms")


@pytest.mark.usefixtures("stocked")
def test_what_is_held_back_says_why_and_opens_by_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    page.locator("summary").filter(has_text="Hoist, held back: 1").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("No thorough examination is known, so it is not in date.")).to_be_visible()
    expect(page.get_by_text("kitback assets examined HST-0127")).to_be_visible()


@pytest.mark.usefixtures("stocked")
def test_what_comes_back_soon_is_counted_and_listed(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    page.get_by_text("Hoist, on its way back: 1 collection booked").click()
    coming = page.get_by_role("row").filter(has_text="HST-0131")
    expect(coming).to_contain_text("Collection booked for 11:00 on 13 November.")
    expect(coming).to_contain_text("Home in Oadby")


@pytest.mark.usefixtures("stocked")
def test_where_nothing_is_ready_the_page_says_what_to_do(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    expect(page.get_by_text("No hoist is ready. See below what is held back")).to_be_visible()
    expect(page.get_by_text("No pressure mattress is ready. None is on its way back either")).to_be_visible()


def test_where_nothing_is_ready_but_something_comes_the_page_points_there(
    page: Page, address: str, service: Service
) -> None:
    service.lend("BED-1", pathway="home_first", days=40)
    page.goto(f"{address}/ready?kind=bed")
    expect(page.get_by_text("No profiling bed is ready. See below what comes back next")).to_be_visible()


def test_a_long_shelf_is_cut_short_and_says_how_to_see_the_rest(
    page: Page, address: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready.board, "__kwdefaults__", ready.board.__kwdefaults__ | {"limit": 2})
    for n in range(5):
        stock(service, f"BED-{n}")
        stock(service, f"HST-{n}", "hoist", exam_due_s=None)
    page.goto(f"{address}/ready")
    beds = of_kind(page, "Profiling bed: 5 ready")
    assert len(rows(beds)) == 2
    expect(beds.get_by_text("And 3 more: kitback ready --limit")).to_be_visible()
    page.locator("summary").filter(has_text="Hoist, held back: 5").click()
    expect(page.get_by_text("Leicester store: 3 more: kitback ready --limit")).to_be_visible()


@SIZES
def test_nothing_needs_sideways_scrolling(page: Page, address: str, size: ViewportSize, stocked: Service) -> None:
    stock(stocked, "9" * 58)
    page.set_viewport_size(size)
    page.goto(f"{address}/ready?near=hospital")
    for details in page.locator("summary").all():
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@SIZES
@pytest.mark.usefixtures("stocked")
def test_targets_are_large_enough_for_a_thumb_and_text_stands_out(page: Page, address: str, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    page.goto(f"{address}/ready")
    assert page.evaluate(CONTRAST) == [], "WCAG 2.2, 1.4.3"
    unfold_menu(page)
    for target in page.locator("summary, select, button:visible, nav a, .kitback-glance a").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 24, "WCAG 2.2, 2.5.8"


@pytest.mark.usefixtures("stocked")
def test_the_page_is_built_for_screen_readers(page: Page, address: str) -> None:
    page.goto(f"{address}/ready")
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)  # type: ignore[arg-type] # a role is a literal to it
    expect(page.get_by_role("table", name="Profiling bed, ready now, by store")).to_be_visible()
    levels = [int(heading.evaluate("each => each.tagName[1]")) for heading in page.locator("h1, h2, h3, h4").all()]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    for name in ("Nearest to", "Equipment"):
        expect(page.get_by_role("combobox", name=name)).to_be_visible()


@pytest.mark.usefixtures("stocked")
@SIZES
def test_the_menu_leads_from_page_to_page_and_says_where_one_is(page: Page, address: str, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    page.goto(address)
    menu = page.get_by_role("navigation", name="Pages")
    expect(menu.locator("[aria-current=page]")).to_have_text("Worklist")
    menu.get_by_role("link", name="Ready now").click()
    page.wait_for_url("**/ready")
    expect(menu.locator("[aria-current=page]")).to_have_text("Ready now")


def test_markup_in_what_people_typed_is_text(page: Page, address: str, service: Service) -> None:
    stock(service, "<b>&amp;")
    page.goto(f"{address}/ready")
    expect(page.locator("tbody th[scope=row]")).to_contain_text("<b>&amp;")
