"""The clocks of loans and assets, from the policy: set by the steps that start them, anew when the policy changed."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from kitback.policy import Policy, PolicyError
from kitback.register import audit_log
from kitback.register.store import Register
from kitback.register.tables import asset, judgement, loan
from kitback.register.upsert import among, change, texts

_BATCH: Final = 1000
"""Rows a transaction: others wait for it no longer than for a batch of reports."""

Facts = Mapping[str, Any]
"""A row by its columns' names."""
Times = dict[str, int | None]
"""The columns that are clocks, in Unix seconds."""


class Reclocked(NamedTuple):
    """How many have other clocks than before."""

    loans: int
    assets: int


def of_loan(policy: Policy, lent: Facts) -> Times:
    """The clocks of a loan.

    That of its delivery stands still once it was delivered: a promise stays kept, or broken, whatever is agreed later.
    A day that staff agreed for this loan stays as well.

    Raises:
        PolicyError: the policy lacks its pathway or its delivery speed.
    """
    pathway, delivered_s = lent["pathway"], lent["from_s"]
    clocks = policy.clocks(pathway, lent["setting"], lent["speed"], lent["prescribed_s"], delivered_s)
    if delivered_s is None:
        return {"deliver_by_s": clocks.deliver_by_s, "deliver_risk_s": clocks.deliver_risk_s}
    due_s = lent["due_s"] if lent["due_own"] else clocks.due_s
    return {
        "due_s": due_s,
        "due_soon_s": None if due_s is None else policy.due_soon(delivered_s, due_s),
        "review_s": policy.next_review(pathway, delivered_s, lent["reviewed_s"]),
    }


def of_asset(policy: Policy, owned: Facts) -> Times:
    """The clocks of an asset; one whose latest service or examination nobody knows has none."""
    kind, serviced_s, examined_s = owned["kind"], owned["serviced_s"], owned["examined_s"]
    return {
        "service_due_s": None if serviced_s is None else policy.serviced(kind, serviced_s),
        "exam_due_s": None if examined_s is None else policy.examined(kind, examined_s),
    }


def reclock(register: Register, policy: Policy, at: int, who: str) -> Reclocked:
    """Set the clocks of all open loans and of all assets in service anew, after the policy changed at second `at`.

    A loan on a pathway that the policy lacks keeps the clocks it has.

    Raises:
        RegisterError: the database failed; what was done until then stays, and doing it again does the rest.
    """
    loans = _anew(register, loan, loan.c.to_s.is_(None), _known(policy), at, who)
    assets = _anew(register, asset, asset.c.state != "scrapped", lambda row: of_asset(policy, row), at, who)
    return Reclocked(loans, assets)


def _known(policy: Policy) -> Callable[[Facts], Times]:
    def clocks(lent: Facts) -> Times:
        try:
            return of_loan(policy, lent)
        except PolicyError:
            return {}

    return clocks


def _anew(
    register: Register,
    table: sa.Table,
    which: sa.ColumnElement[bool],
    clocks: Callable[[Facts], Times],
    at: int,
    who: str,
) -> int:
    """Set a table's clocks anew, there and in the judgements."""
    (key,) = table.primary_key

    @lru_cache(maxsize=_BATCH)  # worked out while nobody waits: what is written is most often what was looked at
    def times(row: sa.Row[Any]) -> Times:
        return clocks(row._asdict())

    def differs(row: sa.Row[Any]) -> bool:
        return any(row._mapping[name] != value for name, value in times(row).items())

    changed, last = 0, ""
    while True:
        with register.read() as conn:
            rows = conn.execute(sa.select(table).where(which, key > last).order_by(key).limit(_BATCH)).all()
        if not rows:
            return changed
        last = rows[-1]._mapping[key.name]
        keys = [row._mapping[key.name] for row in rows if differs(row)]
        if keys:
            # Most often nothing is to be done, and nobody has to wait. What is to be done is looked at again.
            with register.write() as conn:
                rows = conn.execute(sa.select(table).where(which, among(key, "keys")), {"keys": texts(keys)}).all()
                anew = [(row, times(row)) for row in rows if differs(row)]
                _put(conn, table, anew)
                audit_log.note_all(conn, at, who, [_noted(table, *each) for each in anew])
                changed += len(anew)


def _noted(table: sa.Table, row: sa.Row[Any], times: Times) -> audit_log.Noted:
    was = row._mapping
    (key,) = table.primary_key
    after = {name: value for name, value in times.items() if was[name] != value}
    before = {name: was[name] for name in after}
    return audit_log.Noted(f"{table.name}.clocks {was[key.name]}", "the policy has changed", before, after)


def _put(conn: sa.Connection, table: sa.Table, anew: Sequence[tuple[sa.Row[Any], Times]]) -> None:
    (key,) = table.primary_key
    _hold(conn, [row.asset_id for row, _ in anew])
    # What has the same clocks is done at once: before a delivery they are others than after it.
    sorts: dict[tuple[str, ...], list[tuple[sa.Row[Any], Times]]] = defaultdict(list)
    for row, times in anew:
        sorts[tuple(times)].append((row, times))
    for names, found in sorts.items():
        change(conn, table, (*names, key.name), [(*times.values(), row._mapping[key.name]) for row, times in found])
        change(conn, judgement, (*names, "asset_id"), [(*times.values(), row.asset_id) for row, times in found])


def _hold(conn: sa.Connection, asset_ids: Sequence[str]) -> None:
    """Hold the judgements of assets, in the order in which those who take in reports do."""
    mine = sa.select(judgement.c.asset_id).where(among(judgement.c.asset_id, "assets")).order_by(judgement.c.asset_id)
    conn.execute(mine.with_for_update(key_share=True), {"assets": texts(asset_ids)})
