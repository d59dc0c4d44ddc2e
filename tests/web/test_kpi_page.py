"""The page of figures in a real browser."""

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, ViewportSize, expect

import kpi_example as example
from browsing import CONTRAST, DESK, PHONE
from kitback.register import feeds
from kitback.register.tables import loan
from lending import DAY, NOW, Service

SMALL: ViewportSize = {"width": 320, "height": 640}
SIZES = pytest.mark.parametrize("size", [DESK, PHONE, SMALL], ids=["desk", "phone", "small"])


@pytest.fixture
def service(where: str) -> Iterator[Service]:
    """The service of the example."""
    opened = Service.open(where)
    example.enter(opened.register, example.read())
    yield opened
    opened.register.close()


def test_a_month_and_now_are_shown_with_what_each_figure_is_made_of(page: Page, address: str) -> None:
    page.goto(f"{address}/kpi?month=2026-10")
    expect(page).to_have_title("Figures \N{EN DASH} Kitback")
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["October 2026", "Now"]
    row = page.get_by_role("table", name="October 2026").get_by_role("row").filter(has_text="items issued")
    expect(row.get_by_role("rowheader")).to_contain_text("Returned")
    expect(row).to_contain_text("33.3\N{NO-BREAK SPACE}%")
    expect(row).to_contain_text("15 items issued (delivered) in the month: 5 of these returned since")


def test_figures_are_set_apart_by_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/kpi?month=2026-10")
    page.get_by_label("Apart by").focus()
    page.keyboard.type("Comm")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**by=commissioner*")
    months = [each for each in page.get_by_role("heading", level=2).all_inner_texts() if each.startswith("October")]
    assert months == ["October 2026, City", "October 2026, County", "October 2026, Rutland"]
    expect(page.get_by_label("Apart by")).to_have_value("commissioner")
    expect(page.get_by_label("Month")).to_have_value("2026-10")


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("month", "October", "is no month: write it as 2026-10"),
        ("kind", "bde", "did you mean"),
        ("commissioner", "city", "did you mean"),
    ],
)
def test_what_is_not_known_is_said_beside_its_field(
    page: Page, address: str, field: str, typed: str, told: str
) -> None:
    answer = page.request.get(f"{address}/kpi?{field}={typed}")
    assert answer.status == 400
    shown = answer.text()
    assert re.findall(r'class="nhsuk-error-message" id="(\w+)-error"', shown) == [field]
    assert told in shown
    assert "Nothing is counted" not in shown


def test_what_a_silent_feed_tells_of_may_be_back_and_that_is_said(page: Page, address: str, service: Service) -> None:
    with service.register.write() as conn:
        feeds.hear(conn, "acme", NOW - 30 * DAY, NOW - 30 * DAY)
        conn.execute(sa.update(loan).where(loan.c.loan_ref == "L-03"), {"fed_by": "acme"})
    page.goto(f"{address}/kpi")
    expect(page.get_by_text("The provider's feed acme has told nothing since")).to_be_visible()


@SIZES
def test_nothing_needs_sideways_scrolling_and_text_stands_out(page: Page, address: str, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    page.goto(f"{address}/kpi?month=2026-10")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.evaluate(CONTRAST) == [], "WCAG 2.2, 1.4.3"


def test_the_menu_leads_to_it(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Figures").click()
    page.wait_for_url("**/kpi")
