"""Whatever staff enter, in whatever order and with whatever clock: the register stays one that could be true."""

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from kitback.register import IllegalMove, Register, assets, clocks, fittings, holds, loans, places, recalls, standings
from kitback.register import tags as tag_steps
from kitback.register.standings import on_at
from kitback.register.tables import (
    asset,
    audit,
    fitting,
    hold,
    judgement,
    loan,
    recall,
    tag_now,
    use_day,
)
from kitback.register.upsert import put
from moves import DAY, POLICY, Move, T

ASSETS, TAGS, REFS, PLACES = (
    ("BED-1", "HST-1"),
    ("00000000aa", "00000000bb"),
    ("L1", "L2", "L3", "L4"),
    ("home", "other"),
)
HEARD = T + 5 * DAY

# Few moments, and not in order: clocks stand still, and are put back.
moments = st.integers(-2, 40).map(lambda step: T + step * DAY // 2)
refs, on_loan, worn = st.sampled_from(REFS), st.sampled_from(ASSETS), st.sampled_from(TAGS)
pathways = st.sampled_from(("crisis_response", "home_first", "long_term", "end_of_life"))
settings_ = st.sampled_from(("home", "care_home"))
addresses = st.sampled_from(PLACES)
notices = st.sampled_from(("N-1", "N-2"))

Rows = list[dict[str, Any]]
_TOUCHED = (asset, loan, hold, recall, fitting, use_day, judgement, audit)


@pytest.fixture
def furnished(register: Register) -> Register:
    with register.write() as conn:
        for each in PLACES:
            places.add_place(conn, each, None, "loan_address", "Home", T - DAY)
        for asset_id in ASSETS:
            assets.add_asset(conn, asset_id, "hoist" if asset_id == "HST-1" else "bed", "Model 7", T - DAY)
        for tag_id in TAGS:
            tag_steps.enrol_tag(conn, tag_id, b"s" * 32, T - DAY)
        conn.execute(sa.insert(tag_now), _heard(TAGS[0]))
    return register


class Desk(RuleBasedStateMachine):
    """Staff at work, and tags that report beside them."""

    register: Register

    def __init__(self) -> None:
        super().__init__()
        self._day = ExitStack()
        self.conn = self._day.enter_context(self.register.write())
        self.noted: Rows = []

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

    @rule(ref=refs, asset_id=on_loan, pathway=pathways, at=moments, speed=st.sampled_from((None, "1")))
    def prescribe(self, ref: str, asset_id: str, pathway: str, at: int, speed: str | None) -> None:
        given = (ref, asset_id, pathway, "home", "home", at)
        self.attempt(lambda conn: loans.prescribe(conn, POLICY, *given, speed=speed))

    @rule(ref=refs, asset_id=on_loan, pathway=pathways, at=moments)
    def lend(self, ref: str, asset_id: str, pathway: str, at: int) -> None:
        self.attempt(lambda conn: loans.lend(conn, POLICY, ref, asset_id, pathway, "home", "home", at))

    @rule(ref=refs, at=moments, by=st.sampled_from(("staff", "tag")))
    def deliver(self, ref: str, at: int, by: Any) -> None:
        self.attempt(lambda conn: loans.deliver(conn, POLICY, ref, at, by=by))

    @rule(ref=refs, at=moments)
    def cancel(self, ref: str, at: int) -> None:
        self.attempt(lambda conn: loans.cancel(conn, ref, at))

    @rule(ref=refs, at=moments)
    def give_back(self, ref: str, at: int) -> None:
        self.attempt(lambda conn: loans.return_loan(conn, ref, at))

    @rule(ref=refs, pathway=pathways, at=moments)
    def change_pathway(self, ref: str, pathway: str, at: int) -> None:
        self.attempt(lambda conn: loans.change_pathway(conn, POLICY, ref, pathway, at))

    @rule(ref=refs, due=moments, at=moments)
    def agree_due(self, ref: str, due: int, at: int) -> None:
        self.attempt(lambda conn: loans.agree_due(conn, POLICY, ref, due, at))

    @rule(ref=refs, at=moments)
    def review(self, ref: str, at: int) -> None:
        self.attempt(lambda conn: loans.note_review(conn, POLICY, ref, at))

    @rule(ref=refs, setting=settings_, place_id=addresses, at=moments)
    def move(self, ref: str, setting: str, place_id: str, at: int) -> None:
        self.attempt(lambda conn: loans.move(conn, POLICY, ref, setting, place_id, at))

    @rule(ref=refs, paid=st.booleans(), at=moments)
    def carers(self, ref: str, paid: bool, at: int) -> None:
        self.attempt(lambda conn: loans.note_carers(conn, ref, paid, at))

    @rule(ref=refs, at=moments, until=st.none() | moments)
    def hold(self, ref: str, at: int, until: int | None) -> None:
        self.attempt(lambda conn: holds.begin(conn, POLICY, ref, at, until=until))

    @rule(ref=refs, at=moments)
    def release(self, ref: str, at: int) -> None:
        self.attempt(lambda conn: holds.end(conn, ref, at))

    @rule(tag_id=worn, asset_id=on_loan, at=moments)
    def fit(self, tag_id: str, asset_id: str, at: int) -> None:
        self.attempt(lambda conn: fittings.fit_tag(conn, tag_id, asset_id, at))

    @rule(tag_id=worn, at=moments)
    def unfit(self, tag_id: str, at: int) -> None:
        self.attempt(lambda conn: fittings.unfit_tag(conn, tag_id, at))

    @rule(asset_id=on_loan, at=moments)
    def service(self, asset_id: str, at: int) -> None:
        self.attempt(lambda conn: assets.note_service(conn, POLICY, asset_id, at))

    @rule(asset_id=on_loan, at=moments)
    def examine(self, asset_id: str, at: int) -> None:
        self.attempt(lambda conn: assets.note_examination(conn, POLICY, asset_id, at))

    @rule(notice=notices, asset_id=on_loan, at=moments)
    def recall(self, notice: str, asset_id: str, at: int) -> None:
        self.attempt(lambda conn: recalls.recall_asset(conn, notice, asset_id, "Rails", at))

    @rule(notice=notices, asset_id=on_loan, at=moments)
    def make_safe(self, notice: str, asset_id: str, at: int) -> None:
        self.attempt(lambda conn: recalls.make_safe(conn, notice, asset_id, at))

    @rule(tag_id=worn, until=moments)
    def report_use(self, tag_id: str, until: int) -> None:
        """A record comes in, late or not: its use is that asset's which the tag was on."""
        on = on_at(standings.load(self.conn, [tag_id]).get(tag_id, ()), until)
        if on:
            on.asset.use(until)
            standings.store(self.conn, [on.asset])
            row = {"asset_id": on.asset.asset_id, "day": until // DAY, "used_at": until}
            put(self.conn, use_day, [row | {"in_use": 60, "events": 1, "seen": 60}], latest=("used_at",))

    @invariant()
    def it_could_be_true(self) -> None:
        now = _everything(self.conn)
        judged = {row["asset_id"]: row for row in now["judgement"]}
        _one_at_a_time(now)
        for each in now["loan"]:
            _in_order(each, [held for held in now["hold"] if held["loan_ref"] == each["loan_ref"]])
            assert each.items() >= clocks.of_loan(POLICY, each).items()
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
            max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


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


def _judgement(owned: dict[str, Any], now: dict[str, Rows]) -> dict[str, Any]:
    """What the judgement of an asset should say, read from the tables in the simplest way."""
    of_it = {name: [row for row in rows if row.get("asset_id") == owned["asset_id"]] for name, rows in now.items()}
    lent = next((each for each in of_it["loan"] if each["to_s"] is None), None)
    tagged = next((each for each in of_it["fitting"] if each["to_s"] is None), None)
    heard = bool(tagged) and tagged["tag_id"] == TAGS[0] and tagged["from_s"] <= HEARD
    delivered = lent["from_s"] if lent else None
    since = delivered if delivered is not None else tagged["from_s"] if tagged else 0
    open_holds = [each for each in now["hold"] if lent and each["loan_ref"] == lent["loan_ref"] and not each["ended_s"]]
    same = ("loan_ref", "pathway", "setting", "prescribed_s", "deliver_by_s", "deliver_risk_s", "due_s", "due_soon_s")
    assert owned["state"] == ("available" if not lent else "prescribed" if delivered is None else "on_loan")
    return {
        **{name: lent and lent[name] for name in (*same, "review_s")},
        "loan_place": lent and lent["place_id"],
        "loan_from": delivered,
        "held_until": max((each["until_s"] for each in open_holds), default=None),
        "free_from": None
        if lent
        else max((each["to_s"] for each in of_it["loan"] if each["from_s"] is not None), default=None),
        "service_due_s": owned["service_due_s"],
        "exam_due_s": owned["exam_due_s"],
        "recalled_from": min((each["from_s"] for each in of_it["recall"] if each["ended_s"] is None), default=None),
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
        ("tag", "tag_id", "fitting", "fitting_id"),
    ):
        latest = {row[key]: row for row in now[name]}
        for row in latest.values():
            was_told = told[kind, row[key]]
            assert all(was_told.get(column) == value for column, value in row.items() if column != number)


def _about(what: str) -> tuple[str, str]:
    verb, key = what.split(" ", 1)
    kind = verb.split(".")[0]
    return kind, key
