"""docs/flags.md says what the watch's own table says."""

from docs.flags import PAGE, page, parts


def test_the_page_of_flags_shows_the_table_as_it_is() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "the table has changed: do `python docs/flags.py`"


def test_the_page_of_flags_has_a_place_for_each_part() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts().items():
        assert f"<!-- {name} -->\n{part}<!-- /{name} -->" in text
