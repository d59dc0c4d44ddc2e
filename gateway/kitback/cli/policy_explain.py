"""`kitback policy explain`: the policy's clocks of one loan of the register."""

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct, structs

from kitback.cli.plain import fail, failing, pipe
from kitback.cli.tables import table
from kitback.cli.where import PolicyOption, RegisterOption, opened, read_policy

if TYPE_CHECKING:
    import sqlalchemy as sa

    from kitback.policy import Policy, Reckoned
    from kitback.register.audit_log import Entry

_TITLES = {
    "team_response": "Team there by",
    "deliver_risk": "Delivery at risk from",
    "deliver_by": "Delivered by",
    "review": "Review",
    "due_soon": "Due soon from",
    "due": "Due back",
    "collect_by": "Collected by",
    "service_due": "Service",
    "exam_due": "Thorough examination",
    "idle": "Idle",
    "silent": "Silent tag",
    "safety_check": "Safety check",
}


def explain(
    loan: Annotated[str, typer.Argument(metavar="LOAN", help="The loan's reference.", show_default=False)],
    register: RegisterOption,
    policy: PolicyOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one object; its times are UTC.")] = False,
) -> None:
    """Which clocks apply to a loan, when each falls, and why: the sum, the line of the policy, where that comes from.

    Where the register says otherwise than the policy, both are told. Below stands what people noted of the loan.
    """
    agreed = read_policy(policy)
    from kitback.policy import PolicyError

    with opened(register) as found, found.read() as conn, failing(PolicyError):
        explained = _explained(conn, agreed, loan, int(time.time()))
    with pipe():
        if as_json:
            sys.stdout.write(json.dumps(_for_programs(explained), indent=2, ensure_ascii=False) + "\n")
        else:
            _show(explained, agreed)


class _Explained(Struct, frozen=True):
    loan: "sa.Row[Any]"
    """Of `loan` and `asset`, and `held_until`."""
    clocks: "list[Reckoned]"
    notes: "list[Entry]"


def _explained(conn: "sa.Connection", policy: "Policy", loan_ref: str, now_s: int) -> _Explained:
    import sqlalchemy as sa

    from kitback.policy import Facts
    from kitback.policy import explain as reckon
    from kitback.register import audit_log, holds, loans
    from kitback.register.tables import asset, hold, loan

    upkeep = (asset.c.kind, asset.c.serviced_s, asset.c.examined_s, asset.c.service_due_s, asset.c.exam_due_s)
    held_until = (
        sa.select(sa.func.max(hold.c.until_s))
        .where(hold.c.loan_ref == loan_ref, hold.c.ended_s.is_(None), hold.c.until_s > now_s)
        .scalar_subquery()
    )
    row = conn.execute(
        sa.select(loan, *upkeep, held_until.label("held_until"))
        .join_from(loan, asset)
        .where(loan.c.loan_ref == loan_ref)
    ).one_or_none()
    if row is None:
        fail(f"there is no loan {loan_ref} in the register: check the reference")
    facts = Facts(
        kind=row.kind,
        pathway=row.pathway,
        setting=row.setting,
        speed=row.speed,
        prescribed_s=row.prescribed_s,
        delivered_s=row.from_s,
        due_own_s=row.due_s if row.due_own else None,
        reviewed_s=row.reviewed_s,
        serviced_s=row.serviced_s,
        examined_s=row.examined_s,
    )
    noted = audit_log.entries(conn, [f"{step} {loan_ref}" for step in (*loans.STEPS, *holds.STEPS)])
    return _Explained(row, list(reckon(policy, facts, now_s)), noted)


def _otherwise(loan: "sa.Row[Any]", clock: "Reckoned") -> int | None:
    """Another moment than the policy gives, where a running loan has one in the register."""
    kept: int | None = loan._mapping.get(f"{clock.clock}_s")
    return kept if loan.to_s is None and kept != clock.at_s else None


def _for_programs(explained: _Explained) -> dict[str, Any]:
    from kitback.policy import moment
    from kitback.watch.words import iso

    def when(unix_s: int | None) -> str | None:
        return None if unix_s is None else iso(unix_s)

    loan = explained.loan
    return {
        **{name: getattr(loan, name) for name in ("loan_ref", "asset_id", "kind", "pathway", "setting")},
        "ended": when(loan.to_s),
        "held_until": when(loan.held_until),
        "clocks": [
            {
                "clock": each.clock,
                "at": when(each.at_s),
                "london": None if each.at_s is None else moment(each.at_s),
                "words": each.words,
                "rests_on": {key: structs.asdict(line) for key, line in each.rests_on.items()},
                "register_says": when(_otherwise(loan, each)),
            }
            for each in explained.clocks
        ],
        "noted": [
            {
                "at": iso(note.at_s),
                **{name: getattr(note, name) for name in ("who", "what", "why", "before", "after")},
            }
            for note in explained.notes
        ],
    }


def _show(explained: _Explained, policy: "Policy") -> None:
    from kitback.policy import moment

    loan = explained.loan
    pathway, kind = policy.pathway[loan.pathway].name, policy.kind[loan.kind].name
    title = f"Loan {loan.loan_ref}: {kind} {loan.asset_id}, {pathway}, in setting {loan.setting}"
    if loan.to_s is not None:
        title += f"; ended at {moment(loan.to_s)}"
    elif loan.held_until is not None:
        title += f"; held until {moment(loan.held_until)}"
    table(title, ("Clock", "Falls at", "Why", "From the policy"), _clocks(explained))
    if explained.notes:
        table(
            "What was noted of it",
            ("When", "Who", "What", "Why"),
            ((moment(each.at_s), each.who, each.what, each.why or "") for each in explained.notes),
        )


def _clocks(explained: _Explained) -> Iterator[tuple[str, str, str, str]]:
    from kitback.policy import moment

    delivered = explained.loan.from_s is not None
    for each in explained.clocks:
        words, kept = each.words, _otherwise(explained.loan, each)
        if kept is not None and delivered and each.clock.startswith("deliver_"):
            words += f" When it was delivered, {moment(kept)} was promised; that stays."
        elif kept is not None:
            words += f" The register has {moment(kept)}; the gateway sets it anew when it starts with this policy."
        lines = (f"{key} = {line.value} ({line.source})" for key, line in each.rests_on.items())
        yield _TITLES[each.clock], "" if each.at_s is None else moment(each.at_s), words, "\n".join(lines)
