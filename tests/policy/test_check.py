"""Checking a policy file: every mistake at once, each with its line, its key and what to do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitback.policy import Checked, PolicyError, check
from kitback.policy.toml_lines import parse


def checked(folder: Path, text: str) -> Checked:
    (folder / "ours.toml").write_text(text, encoding="utf-8")
    return check(folder / "ours.toml")


@pytest.mark.parametrize(
    ("text", "line", "key", "what", "remedy"),
    [
        (
            '[pathway.home_first]\nloan_period = "6 weeks"',
            2,
            "pathway.home_first.loan_period",
            '"6 weeks" is not a length of time',
            'write it as "72 h"',
        ),
        (
            "[pathway.home_first]\nloan_period = 42",
            2,
            "pathway.home_first.loan_period",
            "42 will not do",
            'give a length of time, such as "42 d", or "open"',
        ),
        ('[kind.bed]\nidle_home = "open"', 2, "kind.bed.idle_home", '"open" is not', 'write it as "72 h"'),
        ('[kind.bed]\nidle_home = "none"', 2, "kind.bed.idle_home", '"none" is not', 'write it as "72 h"'),
        (
            '[pathway.home_first]\nloan_period = "none"',
            2,
            "pathway.home_first.loan_period",
            '"none" is not a length of time',
            'write it as "72 h", "42 d" or "6 months", or "open"',
        ),
        (
            '[pathway.reablement]\nhours = "9 to 5"',
            2,
            "pathway.reablement.hours",
            '"9 to 5" is not hours of the day',
            'write them as "08:00 to 22:00"',
        ),
        (
            "[pathway.reablement]\nhours = true",
            2,
            "pathway.reablement.hours",
            "true will not do",
            'give hours of the day, such as "08:00 to 22:00", or "day and night"',
        ),
        (
            "# ours\n\n[pathway.home_first]\n\ndelivery_speed = 2",
            5,
            "pathway.home_first.delivery_speed",
            "2 will not do",
            'give text in quotes, such as "2"',
        ),
        (
            '[pathway.home_first]\ndelivery_speed = "4"',
            2,
            "pathway.home_first.delivery_speed",
            "no such delivery speed",
            'give "1" or "2" or "3" or "discharge"',
        ),
        (
            '[pathway.home_first]\ncollect_within_working_days = "soon"',
            2,
            "pathway.home_first.collect_within_working_days",
            '"soon" will not do',
            'give a whole number from 1 to 999, or "on notification"',
        ),
        (
            "[pathway.home_first]\ncollect_within_working_days = 0",
            2,
            "pathway.home_first.collect_within_working_days",
            "0 will not do",
            "give a whole number from 1 to 999",
        ),
        (
            "[kind.bed]\nlow_battery_mv = -1",
            2,
            "kind.bed.low_battery_mv",
            "-1 will not do",
            "give a whole number from 0 to 99999999",
        ),
        ('[kind.bed]\nsupply = "solar"', 2, "kind.bed.supply", '"solar"', 'give "mains" or "battery" or "mains or'),
        (
            "[pathway.long_term]\nclinician_only = 1",
            2,
            "pathway.long_term.clinician_only",
            "1 will not do",
            "give true or false",
        ),
        ("[kind.bed]\nidle_home = 1.5", 2, "kind.bed.idle_home", "not one value", "give one text, number"),
        ("[kind.bed]\nidle_home = [1,\n2]", 3, "kind.bed.idle_home", "not one value", "give one text"),
        (
            '[kind.bed]\nidle_home = { is = "9 d", origin = "J" }',
            2,
            "kind.bed.idle_home",
            "not one value",
            'write the value alone: idle_home = "9 d"',
        ),
        ('[kind.bed]\nidle = "4 d"', 2, "kind.bed.idle", "no such setting", 'did you mean "idle_home"?'),
        (
            '[pathway.home_frst]\nreview = "1 d"',
            1,
            "pathway.home_frst",
            "no such pathway",
            'did you mean "home_first"?',
        ),
        ('[delivery_speed.9]\nwithin = "1 h"', 1, "delivery_speed.9", "no such delivery speed", "there are 1, 2, 3, "),
        ("[kind.bde]", 1, "kind.bde", "no such kind", 'did you mean "bed"?'),
        ("[kind]\nbed = 3", 2, "kind.bed", "a value where a heading belongs", "write [kind.bed]"),
        ("watch = 3", 1, "watch", "a value where a heading belongs", "write [watch]"),
        ("\n[rules]", 2, "rules", "no such section", "there are collection, delivery_speed, feed, kind, "),
        ('kind.bed.idle = "4 d"', 1, "kind.bed.idle", "no such setting", 'did you mean "idle_home"?'),
        ("[watch]\nsteady_use_days = 0", 2, "watch.steady_use_days", "0 will not do", "from 1 to 999"),
    ],
)
def test_a_mistake_has_line_key_and_remedy(
    tmp_path: Path, text: str, line: int, key: str, what: str, remedy: str
) -> None:
    (mistake,) = checked(tmp_path, text).mistakes
    assert (mistake.line, mistake.key) == (line, key)
    assert what in mistake.what
    assert remedy in mistake.remedy


@pytest.mark.parametrize(
    ("text", "line", "key", "what"),
    [
        (
            '[delivery_speed.1]\nwithin = "1 h"',
            2,
            "delivery_speed.1.within",
            "the warning comes 1 hour before the end of 1 hour",
        ),
        (
            '[delivery_speed.1]\nwarn_before = "4 h"',
            2,
            "delivery_speed.1.warn_before",
            "the warning comes 4 hours before the end of 4 hours",
        ),
        (
            "[pathway.end_of_life]\nclinician_only = false",
            2,
            "pathway.end_of_life.clinician_only",
            "nothing automated may prompt contact at the end of life",
        ),
        (
            "[pathway.end_of_life]\ncollect_within_working_days = 5",
            2,
            "pathway.end_of_life.collect_within_working_days",
            "collected at their word, not by a clock",
        ),
        (
            "[pathway.long_term]\nclinician_only = true",
            2,
            "pathway.long_term.clinician_only",
            "collected at their word, not by a clock",
        ),
        (
            '[kind.hoist]\nsafety_check_within = "4 h"',
            2,
            "kind.hoist.safety_check_within",
            "a tag on battery, whose silence proves nothing about power",
        ),
    ],
)
def test_values_that_contradict_each_other_are_a_mistake_in_the_line_the_service_wrote(
    tmp_path: Path, text: str, line: int, key: str, what: str
) -> None:
    (mistake,) = checked(tmp_path, text).mistakes
    assert (mistake.line, mistake.key) == (line, key)
    assert what in mistake.what


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        "[kind.bed]\n"
        "idle_home = 7 d\n"  # no quotes: no TOML
        'idle_care_home = "5 days"\n'
        'silent_after = "36 h"\n'
        'silent_after = "40 h"\n'  # twice
        "\n"
        "[pathway.home_first]\n"
        'review = "35 d"\n'
        'reveiw = "30 d"\n'
        "\n"
        "[delivery_speed.1]\n"
        'warn_before = "4 h"\n',
    )
    assert [(each.line, each.key) for each in found.mistakes] == [
        (2, ""),
        (3, "kind.bed.idle_care_home"),
        (5, ""),
        (9, "pathway.home_first.reveiw"),
        (12, "delivery_speed.1.warn_before"),
    ]
    assert found.mistakes[0].remedy == 'write a heading as [kind.bed], a value as idle_home = "7 d", text in quotes'
    assert found.mistakes[2].remedy == "say it once"


def test_after_a_broken_heading_nothing_is_read_under_the_wrong_one(tmp_path: Path) -> None:
    found = checked(tmp_path, '[kind.bed]\nidle = "1 d"\n[kind.hoist\nidle_home = "14 d"\nidle_home = 3\n')
    assert [(each.line, each.key) for each in found.mistakes] == [(2, "kind.bed.idle"), (3, "")]
    assert found.mistakes[1].remedy.endswith("what follows is not checked yet")


def test_what_is_right_in_a_file_with_mistakes_is_known_all_the_same(tmp_path: Path) -> None:
    found = checked(tmp_path, '[kind.bed]\nidle_home = "9 d"\nidle_care_home = "soon"\n')
    assert found.policy.kind["bed"].idle_home.words() == "9 days"
    assert found.policy.kind["bed"].idle_care_home.words() == "5 days"
    assert found.lines == {"kind.bed.idle_home": 2, "kind.bed.idle_care_home": 3}


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('[pathway.home_first]\nloan_period = "28 d"', 2, "pathway.home_first.loan_period"),
        ('[kind.bed]\nsilent_after = "6 h"', 2, "kind.bed.silent_after"),
        ('[kind.mattress]\nsafety_check_within = "none"', 2, "kind.mattress.safety_check_within"),
        ('[kind.hoist]\nexamine_every = "none"', 2, "kind.hoist.examine_every"),
        ('[kind.hoist]\nexamine_every = "12 months"', 2, "kind.hoist.examine_every"),
    ],
)
def test_what_can_be_but_is_odd_is_remarked_and_no_mistake(tmp_path: Path, text: str, line: int, key: str) -> None:
    found = checked(tmp_path, text)
    assert found.mistakes == []
    assert [(each.line, each.key) for each in found.remarks] == [(line, key)]


def test_the_defaults_have_neither_mistakes_nor_oddities(tmp_path: Path) -> None:
    found = checked(tmp_path, "")
    assert (found.mistakes, found.remarks, found.lines) == ([], [], {})


def test_a_file_that_is_not_there_is_no_mistake_but_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.toml: No such file or directory; give the path"):
        check(tmp_path / "gone.toml")


def test_a_file_that_is_no_text_is_told_to_be_saved_as_such(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_bytes(b'[kind.bed]\nname = "\xff"\n')
    with pytest.raises(PolicyError, match=r"ours\.toml: .*save it as UTF-8"):
        check(tmp_path / "ours.toml")


# --- lines of TOML


def test_a_list_that_is_never_closed_is_broken_where_it_begins() -> None:
    parsed = parse("a = 1\nb = [1,\nc = 2\nd = 3\n")
    assert [(each.line, each.last) for each in parsed.broken] == [(2, False)]
    assert parsed.tree == {"a": 1, "d": 3}


def test_text_that_is_never_closed_is_broken_where_it_begins_and_hides_the_rest() -> None:
    parsed = parse('a = 1\nb = """\nc = 2\n')
    assert [(each.line, each.last) for each in parsed.broken] == [(2, True)]
    assert parsed.tree == {"a": 1}


def test_lines_are_counted_whatever_ends_them() -> None:
    assert parse("a = 1\r\n\r\nb = 2\r\n").lines == {("a",): 1, ("b",): 3}
    assert parse('a = "\u2028"\nb = 2\n').lines == {("a",): 1, ("b",): 2}


@given(st.text(alphabet="[]=\"'\n,{}.#ab1 -", max_size=60))
def test_whatever_is_in_a_file_it_is_read_as_far_as_it_can_be(text: str) -> None:
    parsed = parse(text)
    assert all(1 <= each.line <= text.count("\n") + 1 for each in parsed.broken)
    assert all(1 <= line <= text.count("\n") + 1 for line in parsed.lines.values())


def test_a_file_that_windows_marked_as_utf_8_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_bytes(b'\xef\xbb\xbf[watch]\r\ndue_soon = "5 d"\r\n')
    found = check(tmp_path / "ours.toml")
    assert (found.mistakes, found.policy.values["watch.due_soon"]) == ([], "5 d")


@pytest.mark.parametrize("written", ["9" * 5000, "[" * 3000 + "]" * 3000], ids=["digits", "lists"])
def test_what_the_toml_reader_gives_up_on_is_a_mistake_with_its_line(tmp_path: Path, written: str) -> None:
    found = checked(tmp_path, f'[kind.bed]\nidle_home = "8 d"\nidle_care_home = {written}\n')
    assert [each.line for each in found.mistakes] == [3]
    assert found.policy.values["kind.bed.idle_home"] == "8 d"


@pytest.mark.parametrize(
    ("line", "most"),
    [
        ("[watch]\nfloor_pence", 99_999_999),
        ("[kind.bed]\nvalue_pence", 99_999_999),
        ("[pathway.home_first]\ncollect_within_working_days", 999),
        ("[watch]\nsteady_use_days", 999),
    ],
)
def test_a_number_that_no_database_or_calendar_holds_is_refused(tmp_path: Path, line: str, most: int) -> None:
    assert checked(tmp_path, f"{line} = {most}").mistakes == []
    (mistake,) = checked(tmp_path, f"{line} = {most + 1}").mistakes
    assert f"to {most}" in mistake.remedy
