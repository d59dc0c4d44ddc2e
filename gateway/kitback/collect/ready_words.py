"""The ready-now board in the words of staff, as its page and the terminal show it."""

from datetime import datetime

from kitback.collect.ready import OfKind
from kitback.collect.shelves import AtStore, Ready
from kitback.watch.words import full_day

COMMAND = "kitback ready --limit"
"""What to type for more than the page shows."""


def title(found: OfKind) -> str:
    """`Profiling bed`."""
    return found.name[0].upper() + found.name[1:]


def where(store: AtStore) -> str:
    """A store, and how far it is if somebody asked."""
    return store.name if store.km is None else f"{store.name}, {store.km} km"


def in_date(item: Ready) -> list[str]:
    """Until when it is in date, a line for each reason."""
    service = "Service not known" if item.service_due is None else f"Service by {_day(item.service_due)}"
    return [*([] if item.exam_due is None else [f"Examination by {_day(item.exam_due)}"]), service]


def on_its_way(found: OfKind) -> str:
    """`2 to be decontaminated, 1 collection booked`."""
    return ", ".join(f"{each.count:,} {each.title[0].lower()}{each.title[1:]}" for each in found.coming)


def instead(found: OfKind) -> str:
    """What to do when nothing of a kind is ready."""
    if found.held_back:
        return "See below what is held back: an examination, a service or a safety notice may be settled soonest."
    if found.coming:
        return "See below what comes back next, and bring that forward; or ask a neighbouring service."
    return "None is on its way back either: ask a neighbouring service, or have one bought for this loan."


def _day(iso: str) -> str:
    return full_day(int(datetime.fromisoformat(iso).timestamp()))
