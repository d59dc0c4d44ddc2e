"""The records as the audit log tells them: whoever goes through a row's entries from the first on ends with the row."""

import json
from collections import defaultdict
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from kitback.collect.kpi.from_tables import erased
from kitback.collect.kpi.records import IDLE, Asset, Collection, Flag, Loan, Records, Task
from kitback.register.tables import audit

_T = TypeVar("_T", bound=Struct)
_Told = dict[str, Any]
_ABOUT: Final = ("asset", "loan", "collection", "flag", "visit")
_AT_ONCE: Final = 10_000


def replay(conn: sa.Connection) -> Records:
    """Everything, from the audit log alone; what is left of erased loans is not in it, and is added."""
    told = _replayed(conn)
    flags = [each for each in told["flag"] if each["rule"] in IDLE]
    tasks = [each for each in told["visit_task"] if each["status"] == "done"]
    return Records(
        assets=_made(Asset, told["asset"], "asset_id"),
        loans=_made(Loan, told["loan"], "loan_ref"),
        collections=_made(Collection, told["collection"]),
        flags=_made(Flag, flags, "flag_id"),
        tasks=_made(Task, tasks, "visit_id", "asset_id", "task"),
        erased=erased(conn),
    )


def _replayed(conn: sa.Connection) -> dict[str, list[_Told]]:
    rows: dict[str, list[_Told]] = defaultdict(list)
    latest: dict[tuple[str, str], _Told] = {}
    verbs = sa.or_(*(audit.c.what.startswith(f"{name}.", autoescape=True) for name in _ABOUT))
    chosen = sa.select(audit.c.what, audit.c.before, audit.c.after).where(verbs).order_by(audit.c.audit_id)
    for what, before, after in conn.execution_options(yield_per=_AT_ONCE).execute(chosen):
        verb, about = what.split(" ", 1)
        name, key, known = _row(verb, about)
        if after is None:  # it was withdrawn: there was no such thing
            gone = latest.pop((name, key), None)
            rows[name] = [each for each in rows[name] if each is not gone]
            continue
        if before is None:  # a loan may have several collections, one after the other
            latest[name, key] = known
            rows[name].append(known)
        if (name, key) in latest:  # else it began before the log told of its like
            latest[name, key].update(json.loads(after))
    return rows


def _row(verb: str, about: str) -> tuple[str, str, _Told]:
    """The table that an entry is about, what names the row there, and what the name itself tells of it."""
    name, step = verb.split(".", 1)
    if name == "visit" and " " in about:  # of a visit's jobs, each has entries of its own
        visit_id, asset_id = about.split(" ", 1)
        return "visit_task", f"{about} {step}", {"visit_id": int(visit_id), "asset_id": asset_id, "task": step}
    return name, about, {"flag_id": int(about)} if name == "flag" else {}


def _made(made: type[_T], told: list[_Told], *order: str) -> list[_T]:
    names = made.__struct_fields__
    found = [made(**{name: each[name] for name in names if name in each}) for each in told]
    return sorted(found, key=lambda each: tuple(getattr(each, name) for name in order)) if order else found
