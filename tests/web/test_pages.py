"""The worklist page in a real browser: seen, tabbed through, on a desk and on a phone."""

import re
from itertools import pairwise

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, ViewportSize, expect

from browsing import CONTRAST, DESK, PHONE
from kitback.register.tables import asset, flag
from kitback.watch import life
from kitback.web import pages
from lending import HOUR, NOW, Service


@pytest.mark.usefixtures("busy")
def test_the_worklist_is_shown_the_most_pressing_first(page: Page, address: str) -> None:
    page.goto(address)
    expect(page).to_have_title("Worklist \N{EN DASH} Kitback")
    expect(page.get_by_role("heading", level=1)).to_have_text("Worklist")
    shown = [heading.inner_text().split()[0] for heading in page.locator("tbody th[scope=row]").all()]
    assert shown == ["MAT-0983", "HST-0119", "BED-0388", "BED-0402", "HST-0122", "HST-0122", "MAT-0912"]
    expect(page.get_by_text("Not used for 17 days")).to_be_visible()
    expect(page.get_by_text("7 things to do, as of 11:00 on 12 November 2025")).to_be_visible()


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_needs_sideways_scrolling(page: Page, address: str, size: ViewportSize, service: Service) -> None:
    service.lend("9" * 58, used_at=None)
    service.judge()
    page.set_viewport_size(size)
    page.goto(address)
    for details in page.locator("summary").all():
        details.click()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0


@pytest.mark.usefixtures("busy")
def test_the_first_tab_skips_to_the_content(page: Page, address: str) -> None:
    page.goto(address)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('main') !== null"), "focus is in the content"
    page.keyboard.press("Tab")
    expect(page.locator("summary").first).to_be_focused()


@pytest.mark.usefixtures("busy")
def test_what_a_flag_rests_on_opens_by_keyboard(page: Page, address: str) -> None:
    page.goto(address)
    bed = page.get_by_role("row").filter(has_text="BED-0388")
    bed.locator("summary").focus()
    page.keyboard.press("Enter")
    facts = bed.locator("dl")
    expect(facts).to_be_visible()
    expect(facts).to_contain_text("Last used: 12:00 on 25 October")
    expect(facts).to_contain_text("Compared with: 7 days (Kitback's judgement)")


@pytest.mark.usefixtures("busy")
def test_the_page_is_built_for_screen_readers(page: Page, address: str) -> None:
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == "en"
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)  # type: ignore[arg-type] # a role is a literal to it
    expect(page.get_by_role("table", name="Open flags, the most pressing first")).to_be_visible()
    assert {head.get_attribute("scope") for head in page.locator("thead th").all()} == {"col"}
    assert {head.get_attribute("scope") for head in page.locator("tbody th").all()} == {"row", "rowgroup"}
    assert page.locator("thead th").count() == page.locator("tbody tr").first.locator("th, td").count()
    levels = [int(heading.evaluate("each => each.tagName[1]")) for heading in page.locator("h1, h2, h3, h4").all()]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    names = page.locator("summary").all_inner_texts()
    assert len(set(names)) == len(names), "each says which flag it belongs to"


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_targets_are_large_enough_for_a_thumb_and_text_stands_out(page: Page, address: str, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    page.goto(address)
    for target in page.locator("summary").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 24, "WCAG 2.2, 2.5.8"
    faint = page.evaluate(CONTRAST)
    assert faint == [], "WCAG 2.2, 1.4.3"


def assets_shown(page: Page) -> list[str]:
    return [heading.inner_text().split()[0] for heading in page.locator("tbody th[scope=row]").all()]


def cells(page: Page, asset_id: str) -> Locator:
    return page.get_by_role("row").filter(has_text=asset_id)


@pytest.mark.usefixtures("busy")
def test_what_is_to_be_done_at_one_place_stands_together_under_its_name(page: Page, address: str) -> None:
    page.goto(address)
    (visit,) = page.locator("tbody").filter(has=page.get_by_role("rowheader", name="Home in Oadby: 4 things")).all()
    assert [each.inner_text().split()[0] for each in visit.locator("th[scope=row]").all()] == [
        "BED-0388",
        "BED-0402",
        "HST-0122",
        "HST-0122",
    ]


@pytest.mark.usefixtures("busy")
def test_what_is_the_clinicians_is_on_nobodys_round(page: Page, address: str) -> None:
    page.goto(address)
    (alone,) = page.locator("tbody").filter(has=page.get_by_role("rowheader", name="MAT-0912")).all()
    expect(alone.get_by_role("row")).to_have_count(1)


@pytest.mark.usefixtures("busy")
def test_a_safety_check_waits_for_no_visit(page: Page, address: str) -> None:
    page.goto(address)
    first = page.locator("tbody").first
    expect(first.get_by_role("rowheader")).to_have_text(re.compile("MAT-0983"))
    expect(first.get_by_role("row")).to_have_count(1)


@pytest.mark.usefixtures("busy")
def test_a_rank_is_shown_with_its_parts_and_the_flag_with_what_to_type(page: Page, address: str) -> None:
    page.goto(address)
    bed = cells(page, "BED-0388")
    bed.locator("summary").click()
    expect(bed.locator("dl")).to_contain_text(
        "Rank: 760 = £400 for one of its kind x 19 days x 10% sure (its tag talks, its records cover 10% of the time)"
    )
    expect(bed.locator("dl")).to_contain_text(re.compile(r"To note what you did, type: kitback flags show \d+"))


def test_a_flag_that_only_a_new_policy_raised_says_so(page: Page, address: str, busy: Service) -> None:
    with busy.register.write() as conn:
        conn.execute(sa.update(flag).where(flag.c.asset_id == "BED-0388").values(cause="policy"))
    page.goto(address)
    bed = cells(page, "BED-0388")
    bed.locator("summary").click()
    expect(bed.locator("dl")).to_contain_text("Why it was raised: only the policy that was new then raised it")
    expect(page.get_by_text("Why it was raised")).to_have_count(1)


@pytest.mark.usefixtures("busy")
def test_overdue_is_said_apart_from_what_is_to_be_done(page: Page, address: str) -> None:
    page.goto(address)
    expect(cells(page, "BED-0402").get_by_text("Overdue", exact=True)).to_be_visible()


@pytest.mark.usefixtures("busy")
def test_the_list_is_narrowed_by_keyboard(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Equipment")).to_be_focused()
    page.keyboard.type("hoist")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/?kind=hoist*")
    assert assets_shown(page) == ["HST-0119", "HST-0122", "HST-0122"]
    expect(page.get_by_label("Equipment")).to_have_value("hoist")
    page.get_by_role("link", name="Show everything").click()
    page.wait_for_url(f"{address}/")
    assert len(assets_shown(page)) == 7


@pytest.mark.usefixtures("busy")
def test_a_place_is_found_by_its_name(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_text("Show only some").click()
    page.get_by_label("Place").fill("Home in Oadby")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**place=Home*")
    assert len(assets_shown(page)) == 6


def test_what_is_muted_is_counted_and_one_click_away(page: Page, address: str, busy: Service) -> None:
    with busy.register.write() as conn:
        flag_id = conn.execute(sa.select(flag.c.flag_id).where(flag.c.asset_id == "BED-0388")).scalar_one()
        life.move(conn, flag_id, life.Status.STILL_NEEDED, NOW, "amy", None, policy=busy.policy)
    page.goto(address)
    expect(page.get_by_text("6 things to do")).to_be_visible()
    expect(page.get_by_text("Not shown: 1 still needed.")).to_be_visible()
    page.get_by_role("link", name="Show these as well").click()
    page.wait_for_url("**all=true*")
    bed = cells(page, "BED-0388")
    expect(bed.get_by_text("still needed", exact=True)).to_be_visible()
    bed.locator("summary").click()
    expect(bed.locator("dl")).to_contain_text("Put off until: 10 December")


def test_long_lists_come_in_pages_that_keep_what_was_asked_for(
    page: Page, address: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    service.lend("oadby1", used_at=None)
    service.lend("oadby2", used_at=None)
    service.lend("store1", "hoist", place_id="store", place_type="store", place_from=NOW - 2 * HOUR)
    for n in range(3):
        service.lend(f"wigst{n}", "mattress", unpowered_from=NOW - HOUR)
    service.judge()
    page.goto(f"{address}/?kind=mattress")
    assert assets_shown(page) == ["wigst0", "wigst1"]
    page.get_by_role("link", name="Next page").click()
    page.wait_for_url("**/?kind=mattress&page=2")
    assert assets_shown(page) == ["wigst2"]
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    page.get_by_role("link", name="Previous page").click()
    page.wait_for_url("**/?kind=mattress&page=1")
    page.goto(f"{address}/?page=3")
    assert assets_shown(page) == ["oadby1", "oadby2"], "a visit is not torn apart"


def test_a_visit_longer_than_a_page_is_cut_and_says_how_long_it_is(
    page: Page, address: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    for n in range(5):
        service.lend(f"oadby{n}", used_at=None)
    service.judge()
    page.goto(address)
    assert assets_shown(page) == ["oadby0", "oadby1"]
    page.goto(f"{address}/?page=3")
    assert assets_shown(page) == ["oadby4"]
    expect(page.get_by_role("rowheader", name="Home in Oadby: 5 things on one visit")).to_be_visible()
    expect(page.get_by_text("Page 3 of 3")).to_be_visible()


def test_no_van_is_sent_for_what_is_worth_less(page: Page, address: str, busy: Service) -> None:
    with busy.register.write() as conn:
        conn.execute(sa.update(asset).where(asset.c.asset_id == "BED-0388").values(value_pence=1000))
    page.goto(address)
    expect(cells(page, "BED-0388").get_by_text("Drop-off, no van")).to_be_visible()
    expect(page.get_by_text("Drop-off, no van")).to_have_count(1)


def test_equipment_that_is_not_on_loan_says_so(page: Page, address: str, busy: Service) -> None:
    with busy.register.write() as conn:
        conn.execute(sa.update(flag).where(flag.c.asset_id == "BED-0388").values(loan_ref=None))
    page.goto(address)
    expect(cells(page, "BED-0388")).to_contain_text("Not on loan")


def test_an_empty_worklist_says_so(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_text("No loan needs a question, a check or a visit.")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)


def test_markup_in_what_people_typed_is_text(page: Page, address: str, service: Service) -> None:
    service.lend("<b>&amp;", used_at=None)
    service.judge()
    page.goto(address)
    expect(page.locator("tbody th")).to_contain_text("<b>&amp;")
