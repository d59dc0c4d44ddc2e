"""docs/policy.md prints the defaults, each with where it comes from; the two cannot drift apart."""

from pathlib import Path

from kitback.policy import Key, load

_PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
_POLICY = load()

_TABLES = (
    ("delivery_speed", ("within", "warn_before")),
    ("pathway", ("team_response", "hours", "delivery_speed")),
    ("pathway", ("loan_period", "review", "review_again", "collect_within_working_days", "clinician_only")),
    ("kind", ("idle_home", "idle_care_home")),
    ("kind", ("supply", "reports_every", "silent_after", "safety_check_within", "low_battery_mv")),
    ("kind", ("service_every", "examine_every", "value_pence")),
    ("kind", ("credit_pct", "cleaning_pence", "new_co2_kg")),
)
_FOR_ALL = ("watch", "collection", "feed", "retention")
"""Sections without names, a row a setting."""


def test_the_page_prints_every_default_of_a_table_with_its_origin() -> None:
    for section, fields in _TABLES:
        table = "\n".join(_table(section, fields))
        assert table in _PAGE, f"docs/policy.md should say:\n{table}"


def test_the_page_prints_every_default_that_holds_for_all_loans() -> None:
    for key in _POLICY.entries:
        if key[0] in _FOR_ALL:
            row = f"| `{key[-1]}` | {_cell(key)} | "
            assert row in _PAGE, f"docs/policy.md should say:\n{row}"


def test_the_page_leaves_no_default_out() -> None:
    printed = {(section, field) for section, fields in _TABLES for field in fields}
    entries = {(key[0], key[-1]) for key in _POLICY.entries if key[0] not in _FOR_ALL and key[-1] != "name"}
    assert entries == printed


def _table(section: str, fields: tuple[str, ...]) -> list[str]:
    names = [key[1] for key in _POLICY.entries if key[0] == section and key[-1] == "name"]
    return [
        f"| `{section}` | {' | '.join(f'`{field}`' for field in fields)} |",
        f"| --- |{' --- |' * len(fields)}",
        *(f"| `{name}` | {' | '.join(_cell((section, name, field)) for field in fields)} |" for name in names),
    ]


def _cell(key: Key) -> str:
    entry = _POLICY.entries[key]
    value = str(entry.value).lower() if isinstance(entry.value, bool) else str(entry.value)
    return f"{value} [{entry.origin}{': ' if entry.note else ''}{entry.note}]"
