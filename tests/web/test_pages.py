"""The worklist page in a real browser: seen, tabbed through, on a desk and on a phone."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from lending import Service

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A page that fails its test when the browser complains, or asks anyone but Kitback for anything."""
    context = chromium.new_context(viewport=DESK)
    opened = context.new_page()
    complaints: list[str] = []
    hosts: set[str] = set()
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda sent: hosts.add(sent.url.split("/")[2]))
    yield opened
    context.close()
    assert complaints == []
    assert hosts <= {address.split("/")[2]}


@pytest.mark.usefixtures("busy")
def test_the_worklist_is_shown_the_most_pressing_first(page: Page, address: str) -> None:
    page.goto(address)
    expect(page).to_have_title("Worklist \N{EN DASH} Kitback")
    expect(page.get_by_role("heading", level=1)).to_have_text("Worklist")
    shown = [heading.inner_text().split()[0] for heading in page.locator("tbody th").all()]
    assert shown == ["MAT-0983", "HST-0119", "BED-0388", "BED-0402", "MAT-0912", "HST-0122"]
    expect(page.get_by_text("Not used for 17 days")).to_be_visible()
    expect(page.get_by_text("6 things to do, as of 11:00 on 12 November 2025")).to_be_visible()


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
        expect(page.get_by_role(landmark)).to_have_count(1)  # type: ignore[arg-type]
    expect(page.get_by_role("table", name="Open flags, the most pressing first")).to_be_visible()
    assert {head.get_attribute("scope") for head in page.locator("thead th").all()} == {"col"}
    assert {head.get_attribute("scope") for head in page.locator("tbody th").all()} == {"row"}
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


def test_an_empty_worklist_says_so(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_text("No loan needs a question, a check or a visit.")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)


def test_markup_in_what_people_typed_is_text(page: Page, address: str, service: Service) -> None:
    service.lend("<b>&amp;", used_at=None)
    service.judge()
    page.goto(address)
    expect(page.locator("tbody th")).to_contain_text("<b>&amp;")


CONTRAST = """() => {
  const channel = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => channel(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = colour(getComputedStyle(each).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || element.tagName === "SCRIPT") continue;
    const pair = [light(colour(getComputedStyle(element).color).slice(0, 3)), light(ground(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) faint.push([walk.currentNode.data.trim(), ratio]);
  }
  return faint;
}"""
