"""What is known of an asset or a loan, for people and for programs."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kitback.cli.tables import table

if TYPE_CHECKING:
    from msgspec import Struct

    from kitback.register.audit_log import Entry
    from kitback.register.overview import Flag

_NAMES = {
    "asset_id": "Equipment",
    "kind": "Kind",
    "model": "Model",
    "state": "State",
    "serial": "Serial number",
    "value_pence": "Value",
    "commissioner": "Commissioner",
    "serviced_s": "Serviced",
    "service_due_s": "Service due",
    "examined_s": "Thoroughly examined",
    "exam_due_s": "Thorough examination due",
    "recalled_s": "Called back since",
    "loan_ref": "Loan",
    "tag_id": "Tag",
    "fitted_s": "Tag fitted",
    "heard_s": "Tag last heard",
    "used_s": "Last used",
    "place": "Seen at",
    "place_from_s": "There since",
    "status": "Status",
    "pathway": "Pathway",
    "setting": "Setting",
    "lent_to": "Lent to",
    "place_id": "Place",
    "used_by_paid_carers": "Used by paid carers",
    "speed": "Delivery speed",
    "prescribed_s": "Prescribed",
    "deliver_by_s": "Deliver by",
    "deliver_risk_s": "Delivery at risk from",
    "delivered_s": "Delivered",
    "delivered_by": "Delivery told by",
    "due_s": "Due back",
    "due_agreed": "Day agreed for this loan",
    "due_soon_s": "Due soon from",
    "review_s": "Review due",
    "reviewed_s": "Last reviewed",
    "ended_s": "Ended",
    "from_s": "From",
    "to_s": "To",
    "due_own": "Day agreed for this loan",
    "recall_ref": "Notice",
    "reason": "Reason",
    "until_s": "Until",
    "special": "Bought for this loan",
    "scrapped_s": "Scrapped",
    "requested_s": "Collection asked for",
    "collect_by_s": "Collect by",
    "visit_id": "Visit",
    "failed_visits": "Failed visits",
    "how": "Came home by",
    "collected_s": "Came home",
    "decontaminated_s": "Decontaminated",
    "inspected_s": "Inspected and tested",
    "credit_pence": "Credit",
    "cost_pence": "Cost of fetching and cleaning",
    "task": "To do",
    "done_s": "Done",
    "store_id": "Store",
    "type": "Type",
    "name": "Name",
    "within": "Within",
    "lat": "Degrees north",
    "lon": "Degrees east",
}
"""What staff call each column of the register."""
_WORDS = ("state", "status", "pathway", "setting", "kind", "type", "how", "task")
"""Columns whose values are words of ours, not somebody's."""
_OF_A_LOAN = {"from_s": "Delivered", "to_s": "Ended"}


def facts(title: str, of: "Struct", *leave_out: str) -> None:
    """Print what is known of one thing, a line each; what is not known is left out."""
    known = ((name, getattr(of, name)) for name in of.__struct_fields__ if name not in leave_out)
    table(title, ("", ""), ((_NAMES[name], said(name, value)) for name, value in known if value not in (None, False)))


def flags(found: "Iterable[Flag]") -> None:
    """Print open flags."""
    table(
        "Open flags",
        ("Number", "Since", "Status", "Why"),
        ((str(f.flag_id), when(f.since_s), f.status.replace("_", " "), f.sentence) for f in found),
    )


def history(entries: "Iterable[Entry]") -> None:
    """Print who did what, in the order in which it was entered."""
    table("History", ("When", "Who", "What", "Changed"), (_told(each) for each in entries))


def when(at_s: int | None) -> str:
    """A time for people; `-` for none."""
    from kitback.watch.words import stamp

    return "-" if at_s is None else stamp(at_s)


def name_of(column: str) -> str:
    """What staff call a column of the register."""
    return _NAMES[column]


def said(name: str, value: Any) -> str:
    """A value of a column, for people."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_pence"):
        return f"£{value / 100:,.2f}"
    if name.endswith("_s"):
        return when(value)
    return str(value).replace("_", " ") if name in _WORDS else str(value)


def for_programs(value: Any) -> Any:
    """What JSON can say: a struct as an object, and each time `…_s` as ISO 8601 in UTC under its name without `_s`."""
    import msgspec

    return _plain(msgspec.to_builtins(value))


def _plain(value: Any) -> Any:
    from kitback.watch.words import iso

    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name.removesuffix("_s"): iso(each) if name.endswith("_s") and isinstance(each, int) else _plain(each)
        for name, each in value.items()
    }


def _told(entry: "Entry") -> tuple[str, str, str, str]:
    what = entry.what if entry.why is None else f"{entry.what}\n{entry.why}"
    return when(entry.at_s), entry.who, what, "\n".join(_changes(entry))


def _changes(entry: "Entry") -> Iterator[str]:
    before = entry.before or {}
    names = _NAMES | _OF_A_LOAN if entry.what.startswith("loan.") else _NAMES
    for name, value in (entry.after or {}).items():
        if name in before or value is not False:
            was = f"{said(name, before[name])} → " if name in before else ""
            yield f"{names.get(name, name)}: {was}{said(name, value)}"
