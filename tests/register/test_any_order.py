"""Whatever staff enter, in whatever order and with whatever clock: the register stays one that could be true."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from kitback.register import (
    IllegalMove,
    Register,
    assets,
    clocks,
    collections,
    fittings,
    holds,
    loans,
    places,
    recalls,
    shelves,
    standings,
    visits,
)
from kitback.register import tags as tag_steps
from kitback.register.standings import on_at
from kitback.register.tables import (
    asset,
    audit,
    collection,
    fitting,
    hold,
    judgement,
    loan,
    recall,
    tag_now,
    use_day,
    visit,
    visit_task,
)
from kitback.register.upsert import put
from moves import DAY, POLICY, Move, T, deliver, prescribe

ASSETS, TAGS, PLACES = ("BED-1", "HST-1"), ("00000000aa", "00000000bb"), ("home", "other")
HEARD = T + 5 * DAY
ODD = 8
"""The number of whoever asks for a loan that may be over."""

# Most often a clock goes on; it also stands still, and is put back.
ticks = st.sampled_from((1, 2, 1, 6, 0, -1, -3)).map(lambda half: half * DAY // 2)


@dataclass(frozen=True)
class Given:
    """What a step may be told besides."""

    asset_id: str
    tag_id: str
    notice: str
    pathway: str
    setting: str
    place_id: str
    ahead: int
    yes: bool
    how: str
    result: str


facts = st.builds(
    Given,
    st.sampled_from(ASSETS),
    st.sampled_from(TAGS),
    st.sampled_from(("N-1", "N-2")),
    st.sampled_from(("crisis_response", "home_first", "long_term", "end_of_life")),
    st.sampled_from(("home", "care_home")),
    st.sampled_from(PLACES),
    st.integers(-2, 40).map(lambda half: half * DAY // 2),
    st.booleans(),
    st.sampled_from(collections.HOW),
    # What is scrapped is out of the play.
    st.sampled_from(("pass", "pass", "pass", "pass", "repair", "repair", "scrap")),
)

_RESERVED, _THERE, _ANY = loan.c.from_s.is_(None), loan.c.from_s.is_not(None), sa.true()
_HELD = sa.exists().where(hold.c.loan_ref == loan.c.loan_ref, hold.c.ended_s.is_(None))
_TOLD_BY_TAG = loan.c.delivered_by == "tag"
_ASKED_FOR = sa.exists().where(collection.c.loan_ref == loan.c.loan_ref, collection.c.ended_s.is_(None))

Step = Callable[[sa.Connection, str, int, Given], object]


def _plan(conn: sa.Connection, ref: str, at: int, given: Given) -> None:
    """Go there with the loan's own errand, and perhaps with another one."""
    mine = conn.execute(sa.select(loan).where(loan.c.loan_ref == ref)).one_or_none()
    if mine is None:
        return
    errand = "deliver" if mine.from_s is None else "collect" if given.yes else "service"
    more = [(given.asset_id, "safety_check")] if given.how == "found" else []
    visits.plan(conn, mine.place_id, at, at + DAY, at, to_do=[(mine.asset_id, errand), *more])


def _visit(conn: sa.Connection) -> int:
    """The latest one that is planned, or else one that is over, or never was."""
    return (
        conn.scalar(sa.select(visit.c.visit_id).order_by(visit.c.status == "planned", visit.c.visit_id).limit(1)) or 0
    )


def _finish(conn: sa.Connection, _: str, at: int, given: Given) -> None:
    failed = {given.asset_id: "nobody in"} if given.yes else {}
    visits.finish(conn, POLICY, _visit(conn), at, failed=failed, store_id="store")


GOES_ON: dict[str, tuple[sa.ColumnElement[bool], Step]] = {
    "deliver": (_RESERVED, lambda c, ref, at, given: deliver(c, at, ref, by="tag" if given.yes else "staff")),
    "put right": (_TOLD_BY_TAG, lambda c, ref, at, _: deliver(c, at, ref)),
    "cancel": (_RESERVED, lambda c, ref, at, _: loans.cancel(c, ref, at)),
    "return": (
        _THERE,
        lambda c, ref, at, given: loans.return_loan(c, ref, at, how=given.how, store_id="store" if given.yes else None),
    ),
    "request": (
        _THERE,
        lambda c, ref, at, given: collections.request(c, POLICY, ref, at, why=(given.yes and "a") or None),
    ),
    "call off": (_ASKED_FOR, lambda c, ref, at, _: collections.cancel(c, ref, at)),
    "plan": (_ASKED_FOR, _plan),
    "go there": (_ANY, _plan),
    "book": (_ASKED_FOR, lambda c, ref, at, _: collections.book(c, ref, _visit(c), at)),
    "in vain": (_ASKED_FOR, lambda c, ref, at, _: collections.fail(c, ref, "nobody in", at)),
    "pathway": (_ANY, lambda c, ref, at, given: loans.change_pathway(c, POLICY, ref, given.pathway, at)),
    "due": (_THERE, lambda c, ref, at, given: loans.agree_due(c, POLICY, ref, at + given.ahead, at)),
    "review": (_THERE, lambda c, ref, at, _: loans.note_review(c, POLICY, ref, at)),
    "move": (_ANY, lambda c, ref, at, given: loans.move(c, POLICY, ref, given.setting, given.place_id, at)),
    "carers": (_ANY, lambda c, ref, at, given: loans.note_carers(c, ref, given.yes, at)),
    "hold": (
        _THERE,
        lambda c, ref, at, given: holds.begin(c, POLICY, ref, at, until=None if given.yes else at + given.ahead),
    ),
    "release": (_HELD, lambda c, ref, at, _: holds.end(c, ref, at)),
}
"""What can be done with a loan, and with which one it is worth trying."""


def _tell_of_use(conn: sa.Connection, _: str, until: int, given: Given) -> None:
    """A record comes in, late or not: it is that asset's which the tag was on."""
    on = on_at(standings.load(conn, [given.tag_id]).get(given.tag_id, ()), until)
    if on:
        on.asset.use(until)
        standings.store(conn, [on.asset])
        row = {"asset_id": on.asset.asset_id, "day": until // DAY, "used_at": until}
        put(conn, use_day, [row | {"in_use": 60, "events": 1, "seen": 60}], latest=("used_at",))


STEPS: dict[str, Step] = {
    "prescribe": lambda c, ref, at, given: loans.prescribe(
        c, POLICY, ref, given.asset_id, given.pathway, given.setting, given.place_id, at
    ),
    "lend": lambda c, ref, at, given: loans.lend(
        c, POLICY, ref, given.asset_id, given.pathway, given.setting, given.place_id, at
    ),
    "serviced": lambda c, _, at, given: assets.note_service(c, POLICY, given.asset_id, at),
    "examined": lambda c, _, at, given: assets.note_examination(c, POLICY, given.asset_id, at),
    # Only one of the two: what is called back is lent no more.
    "recall": lambda c, _, at, given: recalls.recall_asset(c, given.notice, "HST-1", "Sling bar", at),
    "safe": lambda c, _, at, given: recalls.make_safe(c, given.notice, "HST-1", at),
    "fit": lambda c, _, at, given: fittings.fit_tag(c, given.tag_id, given.asset_id, at),
    "unfit": lambda c, _, at, given: fittings.unfit_tag(c, given.tag_id, at),
    "decontaminate": lambda c, _, at, given: collections.decontaminate(c, POLICY, given.asset_id, at),
    "inspect": lambda c, _, at, given: collections.inspect(c, POLICY, given.asset_id, at, given.result),
    "clean": lambda c, _, at, given: collections.decontaminate(c, POLICY, given.asset_id, at),
    "test": lambda c, _, at, given: collections.inspect(c, POLICY, given.asset_id, at, "pass"),
    "scrap": lambda c, _, at, given: (
        collections.scrap(c, POLICY, given.asset_id, at) if given.result == "scrap" else None
    ),
    "finish": _finish,
    "stay away": lambda c, _, at, __: visits.cancel(c, _visit(c), at),
    "put": lambda c, _, at, given: shelves.put(c, given.asset_id, "store", at),
    "use": _tell_of_use,
}
"""Everything else that may happen."""

Rows = list[dict[str, Any]]
_TOUCHED = (asset, loan, hold, recall, fitting, use_day, judgement, collection, visit, visit_task, audit)


@pytest.fixture
def furnished(register: Register) -> Register:
    with register.write() as conn:
        for each in PLACES:
            places.add_place(conn, each, None, "loan_address", "Home", T - DAY)
        places.add_place(conn, "store", None, "store", "Store", T - DAY)
        for asset_id in ASSETS:
            assets.add_asset(conn, asset_id, "hoist" if asset_id == "HST-1" else "bed", "Model 7", T - DAY)
        for tag_id in TAGS:
            tag_steps.enrol_tag(conn, tag_id, b"s" * 32, T - DAY)
        conn.execute(sa.insert(tag_now), _heard(TAGS[0]))
        prescribe(conn, "L1")
        loans.lend(conn, POLICY, "L2", "HST-1", "long_term", "home", "home", T)
    return register


class Desk(RuleBasedStateMachine):
    """Staff at work, and tags that report beside them."""

    register: Register

    def __init__(self) -> None:
        super().__init__()
        self._day = ExitStack()
        self.conn = self._day.enter_context(self.register.write())
        self.noted: Rows = []
        self.now = T

    def teardown(self) -> None:
        """Forget it all: the next day begins as this one did."""
        self.conn.rollback()
        self._day.close()

    def attempt(self, step: Move) -> None:
        """Take a step, which may be refused: with a reason, and without a trace."""
        before = _everything(self.conn)
        try:
            step(self.conn)
        except IllegalMove as refused:
            assert re.search(r"[:;] [a-z]", str(refused)), "no remedy"
            assert _everything(self.conn) == before

    def at(self, tick: int) -> int:
        """What the clock says now."""
        self.now += tick
        return self.now

    def reference(self, known: bool) -> str:
        """A new one, or one that is known and may be over."""
        count = self.conn.scalar(sa.select(sa.func.count()).select_from(loan)) or 0
        return f"L{count}" if known else f"L{count + 1}"

    # One rule for all: to leave some out for a while, as Hypothesis does with rules, leaves too few loans to act on.
    @rule(
        step=st.sampled_from([*STEPS, *GOES_ON, *GOES_ON, "hold", "release"]),
        number=st.integers(0, ODD),
        tick=ticks,
        given=facts,
    )
    def somebody_does_something(self, step: str, number: int, tick: int, given: Given) -> None:
        ref, at = self.reference(known=number == ODD), self.at(tick)
        if step in STEPS:
            self.attempt(lambda conn: STEPS[step](conn, ref, at, given))
            return
        like, take = GOES_ON[step]
        running = _refs(self.conn, like) or _refs(self.conn)
        if running and number != ODD:
            ref = running[number % len(running)]
        self.attempt(lambda conn: take(conn, ref, at, given))

    @invariant()
    def it_could_be_true(self) -> None:
        now = _everything(self.conn)
        judged = {row["asset_id"]: row for row in now["judgement"]}
        _one_at_a_time(now)
        for each in now["loan"]:
            _in_order(each, [held for held in now["hold"] if held["loan_ref"] == each["loan_ref"]])
            assert each.items() >= clocks.of_loan(POLICY, each).items()
            _home_again(each, now["collection"])
        for each in now["collection"]:
            _on_the_way(each, now)
        for each in now["visit"]:
            _as_planned(each, [task for task in now["visit_task"] if task["visit_id"] == each["visit_id"]])
        for each in now["asset"]:
            assert each.items() >= clocks.of_asset(POLICY, each).items()
            expected = _judgement(each, now)
            assert {name: judged[each["asset_id"]][name] for name in expected} == expected
        assert now["audit"][: len(self.noted)] == self.noted, "what was noted is changed"
        self.noted = now["audit"]
        _audit_tells_all(now)


def test_no_sequence_of_steps_and_clock_readings_reaches_an_impossible_state(furnished: Register) -> None:
    Desk.register = furnished
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )


def _refs(conn: sa.Connection, *like: sa.ColumnElement[bool]) -> list[str]:
    return list(conn.scalars(sa.select(loan.c.loan_ref).where(loan.c.to_s.is_(None), *like)))


def _heard(tag_id: str) -> dict[str, object]:
    zeros = dict.fromkeys(
        (
            *("base", "high", "newest", "applied", "lost", "quarantined", "duplicate"),
            *("clock", "at", "rate_ppb", "waiting"),
        ),
        0,
    )
    said = {"journal": "j", "gaps": "[]", "clocks": "{}", "fw": "1", "battery_mv": 4000, "whole": True}
    return {"tag_id": tag_id, "heard_at": HEARD, "complete_to": HEARD, **zeros, **said}


def _rows(conn: sa.Connection, table: sa.Table) -> Rows:
    return [row._asdict() for row in conn.execute(sa.select(table).order_by(*table.primary_key)).all()]


def _everything(conn: sa.Connection) -> dict[str, Rows]:
    return {table.name: _rows(conn, table) for table in _TOUCHED}


def _one_at_a_time(now: dict[str, Rows]) -> None:
    delivered = [each for each in now["loan"] if each["from_s"] is not None]
    for rows, key in ((delivered, "asset_id"), (now["fitting"], "asset_id"), (now["fitting"], "tag_id")):
        for one in {each[key] for each in rows}:
            _apart([(each["from_s"], each["to_s"]) for each in rows if each[key] == one])
    for asset_id in ASSETS:
        assert sum(each["asset_id"] == asset_id and each["to_s"] is None for each in now["loan"]) <= 1


def _apart(spans: Sequence[tuple[int, int | None]]) -> None:
    ordered = sorted(spans, key=lambda span: (span[0], span[1] is None, span[1] or 0))
    for (_, ends), (begins, _) in pairwise(ordered):
        assert ends is not None
        assert ends <= begins


def _in_order(lent: dict[str, Any], held: Rows) -> None:
    times = [each for each in (lent["prescribed_s"], lent["from_s"], lent["to_s"]) if each is not None]
    assert times == sorted(times)
    assert (lent["from_s"] is None) == (lent["delivered_by"] is None)
    assert lent["from_s"] is not None or not held
    _apart([(each["from_s"], each["until_s"] if each["ended_s"] is None else each["ended_s"]) for each in held])
    for each in held:
        assert lent["from_s"] <= each["from_s"] < each["until_s"]
        assert each["from_s"] <= (each["ended_s"] or each["from_s"]) <= each["until_s"]
        if lent["to_s"] is not None:
            assert (each["ended_s"] if each["ended_s"] is not None else each["until_s"]) <= lent["to_s"]


def _home_again(lent: dict[str, Any], collected: Rows) -> None:
    """Whatever comes back has one trip home, which the next loan waits for."""
    trips = [each for each in collected if each["loan_ref"] == lent["loan_ref"] and each["status"] != "cancelled"]
    over = lent["from_s"] is not None and lent["to_s"] is not None
    assert (
        [each["collected_s"] for each in trips] == [lent["to_s"]]
        if over
        else len(trips) <= (lent["from_s"] is not None)
    )
    began = lent["prescribed_s"] if lent["prescribed_s"] is not None else lent["from_s"]
    for each in collected:
        if each["asset_id"] == lent["asset_id"] and each["collected_s"] is not None and each["collected_s"] <= began:
            assert each["status"] == "available" or lent["to_s"] is not None
            assert each["loan_ref"] == lent["loan_ref"] or each["ended_s"] <= began


def _on_the_way(trip: dict[str, Any], now: dict[str, Rows]) -> None:
    (lent,) = (each for each in now["loan"] if each["loan_ref"] == trip["loan_ref"])
    order = ("requested_s", "collected_s", "decontaminated_s", "inspected_s", "ended_s")
    times = [trip[name] for name in order if trip[name] is not None]
    assert times == sorted(times)
    assert lent["from_s"] <= times[0]
    if trip["status"] in ("requested", "booked"):
        assert lent["to_s"] is None
    assert (trip["status"] == "booked") <= (trip["visit_id"] is not None)
    tasks = [each for each in now["visit_task"] if (each["asset_id"], each["task"]) == (trip["asset_id"], "collect")]
    if trip["visit_id"] is not None:
        (task,) = (each for each in tasks if each["visit_id"] == trip["visit_id"])
        assert task["status"] == ("planned" if trip["status"] == "booked" else "done")
    if trip["status"] == "available":
        assert None not in (trip["decontaminated_s"], trip["inspected_s"], trip["credit_pence"], trip["cost_pence"])


def _as_planned(gone: dict[str, Any], tasks: Rows) -> None:
    assert tasks
    assert (gone["status"] == "planned") == any(each["status"] == "planned" for each in tasks)
    assert len({each["task"] == "deliver" for each in tasks}) == 1, "clean and dirty on one van"
    assert all((each["status"] == "failed") == (each["reason"] is not None) for each in tasks)


def _state(lent: dict[str, Any] | None, collected: Rows) -> str:
    if lent:
        return "prescribed" if lent["from_s"] is None else "on_loan"
    came = [each["status"] for each in collected if each["status"] != "cancelled"]
    return {"collected": "returned"}.get(came[-1], came[-1]) if came else "available"


def _judgement(own: dict[str, Any], now: dict[str, Rows]) -> dict[str, Any]:
    """What the judgement of an asset should say, read from the tables in the simplest way."""
    of_it = {name: [row for row in rows if row.get("asset_id") == own["asset_id"]] for name, rows in now.items()}
    lent = next((each for each in of_it["loan"] if each["to_s"] is None), None)
    tagged = next((each for each in of_it["fitting"] if each["to_s"] is None), None)
    heard = bool(tagged) and tagged["tag_id"] == TAGS[0] and tagged["from_s"] <= HEARD
    delivered = lent["from_s"] if lent else None
    since = delivered if delivered is not None else tagged["from_s"] if tagged else 0
    open_holds = [each for each in now["hold"] if lent and each["loan_ref"] == lent["loan_ref"] and not each["ended_s"]]
    latest_hold = max(
        (each for each in now["hold"] if lent and each["loan_ref"] == lent["loan_ref"]),
        key=lambda each: (each["from_s"], each["hold_id"]),
        default=None,
    )
    same = ("loan_ref", "pathway", "setting", "prescribed_s", "deliver_by_s", "deliver_risk_s", "due_s", "due_soon_s")
    assert own["state"] == _state(lent, of_it["collection"])
    in_service = own["state"] != "scrapped"
    return {
        **{name: lent and lent[name] for name in (*same, "review_s")},
        "loan_place": lent and lent["place_id"],
        "loan_from": delivered,
        "held_until": max((each["until_s"] for each in open_holds), default=None),
        "home_from": latest_hold and latest_hold["ended_s"],
        "free_from": None
        if lent
        else max((each["to_s"] for each in of_it["loan"] if each["from_s"] is not None), default=None),
        "service_due_s": own["service_due_s"] if in_service else None,
        "exam_due_s": own["exam_due_s"] if in_service else None,
        "recalled_from": min(
            (each["from_s"] for each in of_it["recall"] if each["ended_s"] is None and in_service), default=None
        ),
        "tag_id": tagged and tagged["tag_id"],
        "fitted_at": tagged and tagged["from_s"],
        "heard_at": HEARD if heard else None,
        "used_at": max((each["used_at"] for each in of_it["use_day"] if each["used_at"] > since), default=None),
    }


def _audit_tells_all(now: dict[str, Rows]) -> None:
    """Whoever goes through the log, from what was to what is, ends with the present rows."""
    told: dict[str, dict[str, Any]] = {}
    for entry in now["audit"]:
        kind, key = _about(entry["what"])
        before, after = (each and json.loads(each) for each in (entry["before"], entry["after"]))
        if before is None:
            told[kind, key] = after
        else:
            assert before.keys() == after.keys()
            for name, value in before.items():
                assert told[kind, key].get(name) == value
            told[kind, key] = told[kind, key] | after
    for name, key in (("loan", "loan_ref"), ("asset", "asset_id")):
        for row in now[name]:
            was_told = told[name, row[key]]
            assert all(was_told.get(column) == value for column, value in row.items() if column != "state")
    for row in now["recall"]:
        was_told = told["recall", f"{row['recall_ref']} {row['asset_id']}"]
        assert all(was_told.get(column) == value for column, value in row.items() if column != "recall_id")
    for kind, key, name, number in (
        ("hold", "loan_ref", "hold", "hold_id"),
        ("collection", "loan_ref", "collection", "collection_id"),
        ("tag", "tag_id", "fitting", "fitting_id"),
    ):
        latest = {row[key]: row for row in now[name]}
        for row in latest.values():
            was_told = told[kind, row[key]]
            assert all(was_told.get(column) == value for column, value in row.items() if column != number)

    for row in now["visit"]:
        assert told["visit", str(row["visit_id"])] == row
    for row in now["visit_task"]:
        was_told = told[f"visit.{row['task']}", f"{row['visit_id']} {row['asset_id']}"]
        assert all(was_told.get(column) == row[column] for column in ("status", "done_s", "reason"))


def _about(what: str) -> tuple[str, str]:
    verb, key = what.split(" ", 1)
    kind = verb.split(".")[0]
    task_of_a_visit = kind == "visit" and " " in key
    return verb if task_of_a_visit else kind, key
