"""Whatever the register holds: every flag follows from it, judging again changes nothing, no order matters."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from kitback.register.tables import flag, judgement, use_day
from kitback.watch import RULES, Judged
from kitback.watch.sight import Sights
from kitback.watch.weigh import Finding, weigh
from lending import DAY, HOUR, NOW, Service

ASSETS = ("A", "B", "C")


def ago(longest: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, longest).map(lambda seconds: NOW - seconds)


PLACES = st.sampled_from([("home", "loan_address"), ("other", "loan_address"), ("store", "store"), (None, "unknown")])
FACTS = st.fixed_dictionaries(
    {
        "heard_at": ago(5 * DAY),
        "complete_to": ago(5 * DAY),
        "whole": st.booleans(),
        "used_at": ago(29 * DAY),
        "place": PLACES,
        "place_from": ago(29 * DAY),
        "due_s": st.none() | st.integers(NOW - 20 * DAY, NOW + 20 * DAY),
        "due_soon_s": ago(10 * DAY),
        "review_s": ago(10 * DAY),
        "held_until": st.none() | st.integers(NOW - DAY, NOW + 10 * DAY),
        "service_due_s": st.none() | st.integers(NOW - 20 * DAY, NOW + 60 * DAY),
        "exam_due_s": st.none() | st.integers(NOW - 20 * DAY, NOW + 60 * DAY),
        "recalled_from": ago(9 * DAY),
        "unpowered_from": ago(DAY),
        "battery_mv": st.integers(3000, 4000),
    }
)
DAYS = st.lists(st.integers(0, 6), unique=True, max_size=3)
WORLDS = st.lists(st.tuples(FACTS, DAYS), min_size=len(ASSETS), max_size=len(ASSETS))
World = list[tuple[dict[str, Any], list[int]]]
KINDS = ("bed", "hoist", "mattress")
PATHWAYS = ("home_first", "end_of_life", "long_term")


@pytest.fixture(scope="module")
def loans_of_each_kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service.open(f"sqlite:///{tmp_path_factory.mktemp('properties')}/register.db")
    for asset_id, kind, pathway in zip(ASSETS, KINDS, PATHWAYS, strict=True):
        service.lend(asset_id, kind, pathway)
    yield service
    service.register.close()


def begin_anew(service: Service) -> None:
    with service.register.write() as conn:
        conn.execute(sa.delete(flag))


def become(service: Service, world: World, hours_on: int = 0) -> None:
    """Let the register hold a world, told so many hours later."""
    with service.register.write() as conn:
        conn.execute(sa.delete(use_day))
        for asset_id, (facts, days) in zip(ASSETS, world, strict=True):
            place_id, place_type = facts["place"]
            told = {name: value for name, value in facts.items() if name != "place"}
            told |= {"place_id": place_id, "place_type": place_type, "place_seen": facts["place_from"]}
            if facts["place_from"] is None:
                told |= {"place_id": None, "place_type": None}
            conn.execute(sa.update(judgement).where(judgement.c.asset_id == asset_id).values(told))
            for each in days:
                at = NOW - each * DAY + hours_on * HOUR
                row = {"asset_id": asset_id, "day": at // DAY, "in_use": 1, "events": 1, "seen": 1, "used_at": at}
                conn.execute(sa.insert(use_day), row)


def told(service: Service, now_s: int) -> dict[tuple[str, str], tuple[int, str]]:
    """What the open flags would say if they were put together from the register alone."""
    rules = {rule.name: rule for rule in RULES}
    said = {}
    with service.register.read() as conn:
        sights = Sights(service.policy, now_s, NOW - 365 * DAY).of(conn, ASSETS)
    for asset_id, sight in sights.items():
        for each in sight.flags:
            rule = rules[each.rule]
            if rule in sight.seen:
                since = each.since if rule.keeps_since else rule.since(sight.case) or 0
                said[asset_id, each.rule] = since, rule.sentence(sight.case)
            elif rule.after_stray_use and sight.case.row.whole and each.use_days:
                said[asset_id, each.rule] = each.since, rule.after_stray_use(sight.case, each.since, each.use_days)
            else:
                assert not sight.case.row.whole, "only half of an upload lets a flag stand by itself"
                said[asset_id, each.rule] = each.since, each.sentence
    return said


def flags(service: Service) -> dict[tuple[str, str], tuple[int, str]]:
    with service.register.read() as conn:
        rows = conn.execute(sa.select(flag).where(flag.c.closed_at.is_(None)))
        return {(row.asset_id, row.rule): (row.since, row.sentence) for row in rows}


@settings(max_examples=25, deadline=None)
@given(WORLDS, WORLDS)
def test_every_flag_follows_from_the_register_and_judging_twice_changes_nothing(
    loans_of_each_kind: Service, first: World, second: World
) -> None:
    service = loans_of_each_kind
    begin_anew(service)
    for turn, world in enumerate((first, second)):
        become(service, world, turn)
        now_s = NOW + turn * HOUR
        service.judge(now_s)
        assert flags(service) == told(service, now_s)
        assert service.judge(now_s) == Judged()


@settings(max_examples=50, deadline=None)
@given(WORLDS, st.permutations(ASSETS))
def test_no_order_of_rows_matters(loans_of_each_kind: Service, world: World, order: list[str]) -> None:
    service = loans_of_each_kind
    begin_anew(service)
    become(service, world)
    with service.register.read() as conn:
        sights = Sights(service.policy, NOW, NOW - 365 * DAY).of(conn, ASSETS)
    alone = [new for each in ASSETS for new in weigh([sights[each]]).opened]
    together = weigh(sights[each] for each in order).opened
    assert sorted(map(_said, together)) == sorted(map(_said, alone))


def _said(new: Finding) -> tuple[str, str, str]:
    return new.case.row.asset_id, new.rule.name, new.sentence
