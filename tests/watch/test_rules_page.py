"""docs/rules.md tells of every rule, and of what it gives way to."""

from pathlib import Path

from kitback.watch import RULES

PAGE = (Path(__file__).parents[2] / "docs/rules.md").read_text(encoding="utf-8")


def test_every_rule_has_its_row_in_the_order_of_the_rules() -> None:
    rows = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [rule.name for rule in RULES]


def test_every_rule_that_overrules_another_is_said_to() -> None:
    section = PAGE.split("## Which gives way")[1].split("\n- While it is")[0].replace("\n", " ")
    said = {
        each.split("`")[1]: set(each.split(" over ")[1].replace(".", "").split("`")[1::2])
        for each in section.split(";")
    }
    assert said == {rule.name: set(rule.over) for rule in RULES if rule.over}
