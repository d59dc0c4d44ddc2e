"""docs/stories.md publishes what the stories should raise; the demo's table says the same."""

from pathlib import Path

from kitback.demo.expected import EXPECTED, Expected
from kitback.demo.loans import LENT
from kitback.virtual.stories import STORIES

_HEADING = "## What they should raise"
_PAGE = Path(__file__).parents[2] / "docs" / "stories.md"


def test_the_page_prints_the_table() -> None:
    printed = [line for line in _PAGE.read_text().partition(_HEADING)[2].splitlines() if line.startswith("| `")]
    table = [row for story in STORIES for row in _rows(story.name)]
    assert printed == table, "docs/stories.md should say:\n" + "\n".join(table)


def test_every_story_is_lent_and_every_expectation_has_a_story() -> None:
    names = {story.name for story in STORIES}
    assert set(LENT) == names
    assert {expected.story for expected in EXPECTED} <= names


def _rows(name: str) -> list[str]:
    flags = [expected for expected in EXPECTED if expected.story == name]
    lent = LENT[name]
    said = f"| `{name}` | {lent.asset_id}, {lent.pathway} |"
    return [f"{said} {_flag(each)} |" for each in flags] or [f"{said} none | | |"]


def _flag(expected: Expected) -> str:
    tolerance = f"{expected.tolerance_s // 60} min" if expected.tolerance_s else "exact"
    return f"**{expected.rule}** | {expected.moment} | {tolerance}: {expected.because}"
