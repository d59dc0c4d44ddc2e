"""The page of open collections in a real browser: what is to be fetched, by visit, and what waits in the workshop."""

import re
from itertools import pairwise

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, ViewportSize, expect

from browsing import CONTRAST, DESK, PHONE, unfold_menu
from kitback.register import collections, loans, visits
from kitback.register.tables import loan
from kitback.web import collections as words
from lending import DAY, HOUR, NOW, Service
from stocking import second_store

SMALL: ViewportSize = {"width": 320, "height": 640}
SIZES = pytest.mark.parametrize("size", [DESK, PHONE, SMALL], ids=["desk", "phone", "small"])


def ask(service: Service, *asset_ids: str, days_ago: int = 1, why: str | None = None) -> None:
    with service.register.write() as conn:
        for each in asset_ids:
            collections.request(conn, service.policy, f"L-{each}", NOW - days_ago * DAY, why=why)


@pytest.fixture
def open_ones(service: Service) -> Service:
    """Two homes with something to fetch, a visit, and something in the workshop."""
    second_store(service)
    for asset_id in ("BED-1", "BED-2", "BED-3", "BED-4"):
        service.lend(asset_id)
    service.lend("HST-1", "hoist")
    service.lend("HST-2", "hoist")
    service.lend("MAT-1", "mattress", pathway="end_of_life")
    with service.register.write() as conn:
        conn.execute(sa.update(loan).where(loan.c.loan_ref == "L-BED-3"), {"place_id": "other"})
    ask(service, "BED-1", days_ago=20)
    ask(service, "BED-2", "BED-3", "HST-1")
    ask(service, "MAT-1", why="the nurse rang")
    with service.register.write() as conn:
        visits.plan(conn, "home", NOW + DAY, NOW + DAY + HOUR, NOW, to_do=[("HST-1", "collect")])
        loans.return_loan(conn, "L-BED-4", NOW - 3 * DAY, store_id="store")
        loans.return_loan(conn, "L-HST-2", NOW - 3 * DAY, store_id="store")
        collections.decontaminate(conn, service.policy, "HST-2", NOW - 2 * DAY)
    return service


def part(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=re.compile(f"^{name}"))


def groups(section: Locator) -> list[str]:
    return section.locator("th[scope=rowgroup]").all_inner_texts()


def shown(section: Locator) -> list[str]:
    return [heading.inner_text().split()[0] for heading in section.locator("th[scope=row]").all()]


@pytest.mark.usefixtures("open_ones")
def test_each_part_says_how_many_there_are_and_how_many_are_late(page: Page, address: str) -> None:
    page.goto(f"{address}/collections")
    expect(page).to_have_title("Collections \N{EN DASH} Kitback")
    assert page.get_by_role("heading", level=2).all_inner_texts() == [
        "To be booked: 4, 1 late",
        "Booked: 1",
        "In the workshop: 2",
    ]
    page.locator(".kitback-glance").get_by_role("link", name="To be booked").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="To be booked: 4, 1 late")).to_be_focused()


@pytest.mark.usefixtures("open_ones")
def test_what_is_at_one_place_stands_together_the_most_pressing_first(page: Page, address: str) -> None:
    page.goto(f"{address}/collections")
    section = part(page, "To be booked")
    assert groups(section) == ["Home in Oadby (home): 3", "Home in Wigston (other): 1"]
    assert shown(section) == ["BED-1", "BED-2", "MAT-1", "BED-3"], "what has no day comes last"
    late = section.get_by_role("row").filter(has_text="BED-1")
    expect(late).to_contain_text("By 30 October")
    expect(late.get_by_text("Late")).to_be_visible()
    in_time = section.get_by_role("row").filter(has_text="BED-2")
    expect(in_time).to_contain_text("By 18 November")
    expect(in_time.get_by_text("Late")).to_have_count(0)
    expect(section.get_by_role("row").filter(has_text="MAT-1")).to_contain_text("No day is set")


@pytest.mark.usefixtures("open_ones")
def test_what_is_booked_stands_under_its_visit(page: Page, address: str) -> None:
    page.goto(f"{address}/collections")
    section = part(page, "Booked")
    assert groups(section) == ["Visit 1, 11:00 on 13 November, Home in Oadby: 1"]
    assert shown(section) == ["HST-1"]


@pytest.mark.usefixtures("open_ones")
def test_what_is_in_the_workshop_stands_by_what_is_to_be_done_next(page: Page, address: str) -> None:
    page.goto(f"{address}/collections")
    section = part(page, "In the workshop")
    assert groups(section) == ["To be decontaminated: 1", "To be inspected and tested: 1"]
    assert shown(section) == ["BED-4", "HST-2"]
    expect(section.get_by_role("row").filter(has_text="BED-4")).to_contain_text("Since 9 November")
    expect(section.get_by_role("row").filter(has_text="HST-2")).to_contain_text("Since 10 November")


def test_what_was_in_repair_waits_since_its_inspection(page: Page, address: str, open_ones: Service) -> None:
    with open_ones.register.write() as conn:
        collections.inspect(conn, open_ones.policy, "HST-2", NOW - DAY, "repair")
    page.goto(f"{address}/collections")
    section = part(page, "In the workshop")
    assert groups(section)[1] == "In repair: 1"
    expect(section.get_by_role("row").filter(has_text="HST-2")).to_contain_text("Since 11 November")


def test_what_is_available_again_is_gone(page: Page, address: str, open_ones: Service) -> None:
    with open_ones.register.write() as conn:
        collections.inspect(conn, open_ones.policy, "HST-2", NOW - DAY, "pass")
    page.goto(f"{address}/collections")
    assert shown(part(page, "In the workshop")) == ["BED-4"]


def test_what_to_mind_is_said(page: Page, address: str, open_ones: Service) -> None:
    open_ones.tell("BED-2", used_at=NOW - HOUR)
    with open_ones.register.write() as conn:
        collections.fail(conn, "L-HST-1", "nobody in", NOW)
    page.goto(f"{address}/collections")
    section = part(page, "To be booked")
    expect(section.get_by_role("row").filter(has_text="BED-2")).to_contain_text("Used since, 10:00 today: ask again")
    expect(section.get_by_role("row").filter(has_text="HST-1")).to_contain_text("Failed visits: 1")
    assert groups(part(page, "Booked")) == []


def test_a_late_one_that_is_back_is_no_longer_late(page: Page, address: str, open_ones: Service) -> None:
    with open_ones.register.write() as conn:
        loans.return_loan(conn, "L-BED-1", NOW, how="van", store_id="store")
    page.goto(f"{address}/collections")
    expect(page.get_by_text("Late", exact=True)).to_have_count(0)
    assert "BED-1" in shown(part(page, "In the workshop"))


def test_visits_stand_by_their_time(page: Page, address: str, open_ones: Service) -> None:
    with open_ones.register.write() as conn:
        visits.plan(conn, "other", NOW + HOUR, NOW + 2 * HOUR, NOW, to_do=[("BED-3", "collect")])
    page.goto(f"{address}/collections")
    assert groups(part(page, "Booked")) == [
        "Visit 2, 12:00 today, Home in Wigston: 1",
        "Visit 1, 11:00 on 13 November, Home in Oadby: 1",
    ]


def test_where_nothing_is_open_the_page_says_what_to_do(page: Page, address: str) -> None:
    page.goto(f"{address}/collections")
    expect(page.get_by_text("Nothing waits for a visit. What staff have confirmed can go is asked for")).to_be_visible()
    expect(page.get_by_text("No visit is booked.")).to_be_visible()
    expect(page.get_by_text("Nothing waits in the workshop.")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)


@pytest.mark.usefixtures("open_ones")
def test_a_long_part_is_cut_short_and_says_so(page: Page, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "SHOWN", 1)
    page.goto(f"{address}/collections")
    assert shown(part(page, "To be booked")) == ["BED-1"]
    expect(page.get_by_text("And 3 more: kitback collections list")).to_be_visible()
    expect(page.get_by_role("heading", name="To be booked: 4, 1 late")).to_be_visible()


@SIZES
@pytest.mark.usefixtures("open_ones")
def test_the_page_fits_has_targets_for_a_thumb_and_text_that_stands_out(
    page: Page, address: str, size: ViewportSize
) -> None:
    page.set_viewport_size(size)
    page.goto(f"{address}/collections")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.evaluate(CONTRAST) == [], "WCAG 2.2, 1.4.3"
    unfold_menu(page)
    for target in page.locator("nav a, .kitback-glance a").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 24, "WCAG 2.2, 2.5.8"


@pytest.mark.usefixtures("open_ones")
def test_the_page_is_built_for_screen_readers(page: Page, address: str) -> None:
    page.goto(f"{address}/collections")
    for name in ("Collections that are booked, by visit", "What is back, by what is to be done next"):
        expect(page.get_by_role("table", name=name)).to_be_visible()
    levels = [int(heading.evaluate("each => each.tagName[1]")) for heading in page.locator("h1, h2, h3, h4").all()]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    columns = page.locator("thead").first.locator("th").count()
    assert {row.locator("th, td").count() for row in page.locator("tbody tr").all()} == {1, columns}
    expect(page.get_by_role("navigation", name="Pages").locator("[aria-current=page]")).to_have_text("Collections")
